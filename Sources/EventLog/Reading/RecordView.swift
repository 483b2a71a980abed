/// What a reader wants of each record.
public struct ReadNeeds: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Times, kind, symbols, line lengths; always there.
    public static let columnsWithoutKeys: ReadNeeds = []
    /// The key hashes as well.
    public static let columns = ReadNeeds(rawValue: 1)
    /// The lines as well, which are decompressed for it.
    public static let lines = ReadNeeds(rawValue: 3)
}

/// Whether a walk goes on.
public enum Step: Sendable { case next, stop }

/// A set of record kinds.
public struct KindSet: Sendable, ExpressibleByArrayLiteral {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    public init(arrayLiteral kinds: UInt8...) { for kind in kinds { insert(kind) } }
    public init(_ kinds: some Sequence<UInt8>) { for kind in kinds { insert(kind) } }

    public mutating func insert(_ kind: UInt8) {
        let bit: UInt64 = 1 << UInt64(kind & 63)
        switch kind >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }

    public func contains(_ kind: UInt8) -> Bool {
        let word: UInt64
        switch kind >> 6 {
        case 0: word = words.0
        case 1: word = words.1
        case 2: word = words.2
        default: word = words.3
        }
        return word & (1 << UInt64(kind & 63)) != 0
    }

    /// Bit `kind & 63` for each kind: what a frame entry says, so that whole frames are passed over.
    var folded: UInt64 { words.0 | words.1 | words.2 | words.3 }
}

/// One record in the hands of a reader. Valid only inside the call that was handed it.
public struct RecordView {
    let columns: UnsafePointer<ColumnSection>
    let row: Int
    let firstKey: Int
    unowned(unsafe) let names: SegmentNames

    public let offset: Offset
    /// The base offset of the record's segment. Symbols mean something only within one segment.
    public let segment: Offset
    /// The line without its line feed; empty when only columns were asked for.
    public let line: UnsafeRawBufferPointer

    public var kind: UInt8 { UInt8(truncatingIfNeeded: columns.pointee.kind.value(row)) }
    /// When the log took it, in microseconds since 1970. Never goes backwards (L6).
    public var recorded: Int64 { columns.pointee.recorded.value(row) }
    /// When it happened, as the extractor says, in microseconds since 1970.
    public var occurred: Int64 { columns.pointee.occurred.value(row) }
    /// The symbol of who sent it; `0xFFFF`: read the line.
    public var sourceSymbol: UInt16 { symbol(columns.pointee.source) }
    /// The symbol of what it is called; `0xFFFF`: read the line.
    public var nameSymbol: UInt16 { symbol(columns.pointee.name) }
    /// Of the line without its line feed.
    public var lineLength: Int { Int(columns.pointee.lineLength.value(row) &- 1) }
    /// Its key hashes; all 0 when asked for columns without keys.
    public var keys: KeyList {
        KeyList(
            columns: columns, first: firstKey, count: Int(columns.pointee.keyCount.value(row)))
    }

    /// The name behind one of this segment's symbols. Takes a lock: keep what you look up often, by
    /// `segment` and symbol. Nil: read the line.
    public func text(_ symbol: UInt16) -> String? { names.name(symbol) }
    /// Who sent it; nil: read the line.
    public var source: String? { text(sourceSymbol) }
    /// What it is called; nil: read the line.
    public var name: String? { text(nameSymbol) }

    private func symbol(_ column: ColumnView) -> UInt16 {
        UInt16(truncatingIfNeeded: column.value(row))
    }
}

/// A record's key hashes, decoded as they are looked at. Valid as long as its record's view.
public struct KeyList: RandomAccessCollection {
    let columns: UnsafePointer<ColumnSection>
    let first: Int
    public let count: Int

    public var startIndex: Int { 0 }
    public var endIndex: Int { count }

    /// Appends all of them: cheaper than one after the other.
    public func append(to keys: inout [UInt64]) {
        for index in first..<first + count { keys.append(columns.pointee.key(index)) }
    }

    public subscript(_ index: Int) -> UInt64 {
        precondition(index >= 0 && index < count, "no such key")
        return columns.pointee.key(first &+ index)
    }
}
