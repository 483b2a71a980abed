import EventLog

/// Eight comparisons on columns, each counted: two ways to the same counts.
struct EightRules {
    private let moment: Int64
    private let key: UInt64
    private let names = ["Order Completed", "Product Viewed"]
    private let source = "web"

    /// `key` is one person's.
    init(records: Int, key: UInt64) {
        moment = EventMaker.day + Int64(records) * 700
        self.key = key
    }

    /// The symbols of a segment's names, looked up once a segment.
    private struct Symbols {
        var segment = Offset(.max)
        var first: UInt16 = 0xFFFF
        var second: UInt16 = 0xFFFF
        var source: UInt16 = 0xFFFF
    }

    /// By `forEach`.
    func countByRecord(_ log: EventLog) throws -> [Int] {
        var counts = (0, 0, 0, 0, 0, 0, 0, 0)
        var symbols = Symbols()
        var reader = log.makeReader()
        _ = try reader.forEach(from: Offset(0), to: log.durableEnd, needs: .columns) { record in
            if record.segment != symbols.segment {
                symbols = self.symbols(record.segment) { record.text($0) }
            }
            let name = record.nameSymbol
            let isWeb = record.sourceSymbol == symbols.source
            let isLate = record.occurred >= moment
            if record.kind == EventMaker.eventKind { counts.0 &+= 1 }
            if name == symbols.first { counts.1 &+= 1 }
            if isWeb { counts.2 &+= 1 }
            if isLate { counts.3 &+= 1 }
            if record.recorded & 1 == 0 { counts.4 &+= 1 }
            if name == symbols.second, isLate { counts.5 &+= 1 }
            if record.keys.contains(key) { counts.6 &+= 1 }
            if record.lineLength > 900, isWeb { counts.7 &+= 1 }
            return .next
        }
        return [
            counts.0, counts.1, counts.2, counts.3, counts.4, counts.5, counts.6, counts.7,
        ]
    }

    /// By `forEachBatch`.
    func countByBatch(_ log: EventLog) throws -> [Int] {
        var counts = [Int](repeating: 0, count: 8)
        var symbols = Symbols()
        var reader = log.makeReader()
        _ = try reader.forEachBatch(from: Offset(0), to: log.durableEnd) { batch in
            if batch.segment != symbols.segment {
                symbols = self.symbols(batch.segment) { batch.text($0) }
            }
            count(batch, symbols, into: &counts)
            counts[6] += try batch.places(holding: key).count
            return .next
        }
        return counts
    }

    /// One loop a rule, over arrays: what the compiler makes wide.
    private func count(_ batch: borrowing ColumnBatch, _ symbols: Symbols, into counts: inout [Int])
    {
        let (kinds, names, sources) = (batch.kinds, batch.nameSymbols, batch.sourceSymbols)
        let (occurred, recorded, lengths) = (batch.occurred, batch.recorded, batch.lineLengths)
        let rows = 0..<batch.count
        counts[0] &+= Self.count(rows) { kinds[$0] == EventMaker.eventKind }
        counts[1] &+= Self.count(rows) { names[$0] == symbols.first }
        counts[2] &+= Self.count(rows) { sources[$0] == symbols.source }
        counts[3] &+= Self.count(rows) { occurred[$0] >= moment }
        counts[4] &+= Self.count(rows) { recorded[$0] & 1 == 0 }
        counts[5] &+= Self.count(rows) { names[$0] == symbols.second && occurred[$0] >= moment }
        counts[7] &+= Self.count(rows) {
            lengths[$0] > 901 && sources[$0] == symbols.source
        }
    }

    @inline(__always)
    private static func count(_ rows: Range<Int>, _ holds: (Int) -> Bool) -> Int {
        var count: UInt32 = 0
        for row in rows { count &+= holds(row) ? 1 : 0 }
        return Int(count)
    }

    private func symbols(_ segment: Offset, _ text: (UInt16) -> String?) -> Symbols {
        var symbols = Symbols(segment: segment)
        var symbol: UInt16 = 0
        while let name = text(symbol) {
            if name == names[0] { symbols.first = symbol }
            if name == names[1] { symbols.second = symbol }
            if name == source { symbols.source = symbol }
            symbol += 1
        }
        return symbols
    }
}
