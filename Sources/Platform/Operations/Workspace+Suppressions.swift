import CustomerModel
import EventLog
import JSONText
import Projections

/// Suppressions, in the log and beside it (X1, L3).
extension Workspace {
    /// Stops collecting for and sending about a subject, from here on (X1).
    func suppress(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        guard case .identifier(let type, let value) = try parameters.person() else {
            throw OperationError.badRequest("suppress takes TYPE:VALUE, not a profile id")
        }
        let by = try parameters.optionalText("by") ?? principal.name
        let offset = try await record([
            SuppressionFile.Entry(type: type, value: value, by: by, at: Timestamp.now())
        ])
        return ["type": .string(type), "suppressedFrom": .offset(offset.value)]
    }

    /// Makes suppressions durable beside the log, then in it, and puts them in force.
    private func record(_ entries: [SuppressionFile.Entry]) async throws -> Offset {
        try await OwnThread.run("sluice.suppress") { [suppressionFile] in
            try suppressionFile.add(entries)
        }
        // From here on they are not collected, whatever becomes of the append.
        for entry in entries { collector.suppressions.insert(type: entry.type, value: entry.value) }
        return try await append(
            entries.map {
                ControlDraft.make(SuppressionRecord(type: $0.type, value: $0.value, by: $0.by))
            })
    }

    /// Appends the suppressions of a text that the log does not hold: after a restore, those that were made
    /// since the backup (L3).
    ///
    /// - Parameter parameters: `text` is what a ``SuppressionFile`` holds. It is refused whole when a line is
    ///   none of it.
    func reapplySuppressions(_ parameters: Parameters, by principal: Principal) async throws
        -> JSONValue
    {
        let text = try parameters.text("text")
        let entries: [SuppressionFile.Entry]
        do {
            entries = try SuppressionFile.read(Array(text.utf8))
        } catch {
            throw OperationError.refused("\(error); nothing was applied")
        }
        let by = try parameters.optionalText("by") ?? principal.name
        return try await reapply(entries, by: by)
    }

    private func reapply(_ entries: [SuppressionFile.Entry], by: String) async throws -> JSONValue {
        let missing = notInLog(entries)
        for start in stride(from: 0, to: missing.count, by: 1000) {
            _ = try await record(
                missing[start..<min(start + 1000, missing.count)].map { entry in
                    var entry = entry
                    // Who asked for it stays said, beside who brought it back.
                    if entry.by != by { entry.by = "\(entry.by), re-applied by \(by)" }
                    return entry
                })
        }
        return [
            "read": .count(entries.count), "applied": .count(missing.count),
            "alreadyInLog": .count(entries.count - missing.count),
        ]
    }

    /// The first of each subject that the log does not suppress.
    private func notInLog(_ entries: [SuppressionFile.Entry]) -> [SuppressionFile.Entry] {
        guard !entries.isEmpty else { return [] }
        var seen: Set<[String]> = []
        return projection.read { state in
            entries.filter { !state.holdsSuppression(type: $0.type, value: $0.value) }
        }.filter { seen.insert([$0.type, $0.value]).inserted }
    }

    /// Suppressions that stand beside the log and not in it.
    func suppressionsNotInLog() -> [SuppressionFile.Entry] { notInLog(suppressionFile.entries) }
}
