/// The first record of a restored log's incarnation: kind 241, `restored` (L3).
enum RestoredRecord {
    /// Says which offsets nobody ever had in this log: from the backup's end to the record's own.
    static func draft(
        incarnation: UInt64, previousEnd: UInt64, ownOffset: UInt64, lastRecorded: Int64,
        at clock: Int64
    ) -> RecordDraft {
        let received = String(decoding: RecordLine.timestamp(clock), as: UTF8.self)
        let backup = String(decoding: RecordLine.timestamp(lastRecorded), as: UTF8.self)
        let previous = LogFormat.incarnation(of: max(previousEnd, 1) - 1)
        let tail =
            "\"kind\":\"restored\",\"source\":\"sluice\",\"received\":\"\(received)\",\"changed\":[],"
            + "\"body\":{\"incarnation\":\(incarnation),\"previous\":\(previous),"
            + "\"from\":\(previousEnd),\"to\":\(ownOffset),\"backup\":\"\(backup)\"}}"
        return RecordDraft(
            kind: LogFormat.restoredKind, source: "sluice", name: "restored", occurred: clock,
            keys: [], tail: Array(tail.utf8))
    }
}
