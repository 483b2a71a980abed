/// Records before they have offsets, in a few buffers: what one call appends, without an allocation for each
/// of its records.
///
/// ```
/// tails | first record's line | second's | …        keys | k k k | k | …        texts | source | name | …
/// rows  | kind, source, name, occurred, where its tail and its keys end |  one each
/// ```
/// Whoever fills it appends a record's line to ``tails`` and its hashes to ``keys``, and then ends the
/// record.
public struct DraftBatch: Sendable {
    /// Lines from `"kind":` to their closing braces, without line feeds. What stands here behind the last
    /// record is the tail of the next one.
    public var tails: [UInt8] = []
    /// ``EventLog/keyHash(_:_:)`` of each key by which a record must be found, at most 32 of one. What
    /// stands here behind the last record is the next one's.
    public var keys: [UInt64] = []
    private var rows: [Row] = []
    /// Sources and names; one may stand here more than once.
    private(set) var texts: [String] = []
    /// By length (modulo the places), the text that was asked for last.
    private var recent = InlineArray<16, Int32>(repeating: -1)

    /// One record but for its bytes.
    struct Row {
        var kind: UInt8
        /// Places in ``DraftBatch/texts``.
        var source: Int32
        var name: Int32
        /// Microseconds since 1970.
        var occurred: Int64
        var tailEnd: Int
        var keyEnd: Int
    }

    public init() {}

    init(_ drafts: [RecordDraft]) {
        rows.reserveCapacity(drafts.count)
        keys.reserveCapacity(drafts.count * 4)
        tails.reserveCapacity(drafts.reduce(0) { $0 + $1.tail.count })
        for place in drafts.indices { append(drafts[place]) }
    }

    /// How many records it holds.
    public var count: Int { rows.count }

    /// Makes room for so many records, and bytes of their tails.
    public mutating func reserve(_ records: Int, tailBytes: Int) {
        rows.reserveCapacity(rows.count + records)
        keys.reserveCapacity(keys.count + records * 4)
        tails.reserveCapacity(tails.count + tailBytes)
    }

    // MARK: Filling

    /// Ends the record whose tail and keys were appended.
    ///
    /// - Parameters:
    ///   - kind: what sort of record, 0…47: so a frame's 64 bits say exactly which kinds it holds.
    ///   - source: who sent it. Interned per segment.
    ///   - name: what it is called (an event's name), as UTF-8. Interned per segment.
    ///   - occurred: when it happened, in microseconds since 1970.
    public mutating func endRecord(
        kind: UInt8, source: String, name: UnsafeRawBufferPointer, occurred: Int64
    ) {
        var source = source
        let place = source.withUTF8 { text(UnsafeRawBufferPointer($0)) }
        rows.append(
            Row(
                kind: kind, source: place, name: text(name), occurred: occurred,
                tailEnd: tails.count, keyEnd: keys.count))
    }

    /// Where the tail that is being appended begins in ``tails``.
    public var openTail: Int { rows.last?.tailEnd ?? 0 }

    /// Where the keys that are being appended begin in ``keys``.
    public var openKeys: Int { rows.last?.keyEnd ?? 0 }

    /// Takes back what was appended since the last record.
    public mutating func dropUnended() {
        tails.removeLast(tails.count - openTail)
        keys.removeLast(keys.count - openKeys)
    }

    public mutating func append(_ draft: RecordDraft) {
        tails.append(contentsOf: draft.tail)
        keys.append(contentsOf: draft.keys)
        var name = draft.name
        name.withUTF8 {
            endRecord(
                kind: draft.kind, source: draft.source, name: UnsafeRawBufferPointer($0),
                occurred: draft.occurred)
        }
    }

    /// Copies a record of another batch.
    public mutating func append(_ record: Int, of other: DraftBatch) {
        tails.append(contentsOf: other.tails[other.tailRange(record)])
        keys.append(contentsOf: other.keys[other.keyRange(record)])
        var row = other.rows[record]
        var source = other.texts[Int(row.source)]
        var name = other.texts[Int(row.name)]
        row.source = source.withUTF8 { text(UnsafeRawBufferPointer($0)) }
        row.name = name.withUTF8 { text(UnsafeRawBufferPointer($0)) }
        row.tailEnd = tails.count
        row.keyEnd = keys.count
        rows.append(row)
    }

    /// The place of a text; sources and names alternate and repeat, so the last of each length is likely.
    private mutating func text(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        let slot = bytes.count % 16
        let known = recent[slot]
        if known >= 0, Self.isSame(&texts[Int(known)], bytes) { return known }
        recent[slot] = Int32(texts.count)
        texts.append(String(decoding: bytes, as: UTF8.self))
        return recent[slot]
    }

    private static func isSame(_ text: inout String, _ bytes: UnsafeRawBufferPointer) -> Bool {
        text.withUTF8 { UnsafeRawBufferPointer($0).isEqual(to: bytes) }
    }

    // MARK: Reading

    subscript(record: Int) -> Row { rows[record] }

    /// Where a record's keys stand in ``keys``.
    public func keyRange(_ record: Int) -> Range<Int> {
        (record == 0 ? 0 : rows[record - 1].keyEnd)..<rows[record].keyEnd
    }

    /// Where a record's line stands in ``tails``.
    public func tailRange(_ record: Int) -> Range<Int> {
        (record == 0 ? 0 : rows[record - 1].tailEnd)..<rows[record].tailEnd
    }

    /// What it takes of the log's queue.
    var queueBytes: Int { tails.count + rows.count * 96 }

    /// The first record that the format cannot hold, and why, or nil. `kinds` are those that its author may
    /// use.
    func problem(kinds: ClosedRange<UInt8>) -> (record: Int, reason: String)? {
        tails.withUnsafeBytes { bytes in
            for record in rows.indices {
                let tail = bytes.part(tailRange(record))
                let reason = problem(rows[record].kind, kinds, tail, keyRange(record).count)
                if let reason { return (record, reason) }
            }
            return nil
        }
    }

    private func problem(
        _ kind: UInt8, _ kinds: ClosedRange<UInt8>, _ tail: UnsafeRawBufferPointer, _ keys: Int
    ) -> String? {
        guard kinds.contains(kind) else {
            return "kind \(kind) is not one of \(kinds.lowerBound)…\(kinds.upperBound)"
        }
        guard tail.count <= LogFormat.maximumTailBytes else {
            return "\(tail.count) bytes are more than \(LogFormat.maximumTailBytes)"
        }
        guard keys <= LogFormat.maximumKeys else {
            return "\(keys) keys are more than \(LogFormat.maximumKeys)"
        }
        let opening = LogFormat.tailOpening
        guard tail.count > opening.count, tail.starts(with: opening) else {
            return "the tail does not begin with \"kind\":"
        }
        guard tail[tail.count - 1] == UInt8(ascii: "}") else {
            return "the tail does not end with a brace"
        }
        guard tail.position(of: 0x0A) == nil else { return "the tail holds a line feed" }
        return nil
    }
}
