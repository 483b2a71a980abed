/// The log's own records, kinds 240 and above: their columns follow from their lines by this rule alone, whatever
/// extractor the caller has.
///
/// ```
/// {"v":1,"offset":N,"recorded":"…","kind":"<name>","source":"sluice","received":"<occurred>",…
/// ```
/// Name and source are symbols like any other; there are no keys.
enum OwnRecord {
    static let names: [(kind: UInt8, name: String)] = [
        (LogFormat.sealedKind, "sealed"), (LogFormat.restoredKind, "restored"),
        (LogFormat.tombstoneKind, Tombstone.name),
    ]

    /// The columns of one of the log's own records; nil for any other line.
    static func columns(
        of line: UnsafeRawBufferPointer
    ) throws(FormatProblem) -> Extractor.Extracted? {
        let opening = try RecordLine.opening(of: line)
        var front = GrowingBytes(capacity: 128)
        RecordLine.append(
            offset: opening.offset, recorded: RecordLine.timestamp(opening.recorded), to: &front)
        let tail = line.part(front.count..<line.count)
        for (kind, name) in names {
            let head = Array("\"kind\":\"\(name)\",\"source\":\"sluice\",\"received\":\"".utf8)
            guard tail.starts(with: head) else { continue }
            let time = head.count..<head.count + RecordLine.timestampBytes
            guard tail.count > time.upperBound,
                let received = RecordLine.microseconds(tail.part(time))
            else { throw FormatProblem("the log's own record has no time of receipt") }
            return Extractor.Extracted(
                kind: kind, source: "sluice", name: name, occurred: received, keys: [])
        }
        return nil
    }
}
