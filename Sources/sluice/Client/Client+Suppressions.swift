internal import JSONText

extension Client {
    /// Lines of a suppression file that one request takes.
    private static let linesAtOnce = 2_000

    /// Appends the suppressions of a file that the log does not hold (L3): what `suppress --reapply` does, and
    /// a restore that is given the file.
    ///
    /// - Returns: how many were read, applied, and in the log already.
    func reapplySuppressions(of path: String, by name: String) async throws -> JSONValue {
        let lines = try TextFile.read(path, limitBytes: 2 << 30).split(separator: 0x0A)
        var total = (read: Int64(0), applied: Int64(0))
        for start in stride(from: 0, to: lines.count, by: Self.linesAtOnce) {
            let part = lines[start..<min(start + Self.linesAtOnce, lines.count)]
            guard
                let text = String(
                    validating: Array(part.joined(separator: [0x0A])), as: UTF8.self)
            else { throw CommandFailure(.refused, "\(path) is not UTF-8") }
            let parameters = JSONObject.of(("text", .string(text)), ("by", .string(name)))
            let answer = try await perform("suppress.reapply", .object(parameters))
            total.read += answer["read"]?.int ?? 0
            total.applied += answer["applied"]?.int ?? 0
        }
        return [
            "read": .int(total.read), "applied": .int(total.applied),
            "alreadyInLog": .int(total.read - total.applied),
        ]
    }
}
