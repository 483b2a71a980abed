import Hashing

/// The log's own record about a seal: kind 240, `sealed`.
enum SealRecord {
    /// Names the segment, its Merkle root and its columns hash.
    static func draft(for entry: Manifest.Entry, at clock: Int64) -> RecordDraft {
        let received = String(decoding: RecordLine.timestamp(clock), as: UTF8.self)
        let tail =
            "\"kind\":\"sealed\",\"source\":\"sluice\",\"received\":\"\(received)\",\"changed\":[],"
            + "\"body\":{\"segment\":\(entry.base),\"edition\":\(entry.edition),"
            + "\"count\":\(entry.count),\"root\":\"\(Hexadecimal.encode(entry.merkleRoot))\","
            + "\"columns\":\"\(Hexadecimal.encode(entry.columnsHash))\"}}"
        return RecordDraft(
            kind: LogFormat.sealedKind, source: "sluice", name: "sealed", occurred: clock, keys: [],
            tail: Array(tail.utf8))
    }
}
