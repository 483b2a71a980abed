import CustomerModel

/// A metric table as canonical bytes: by metric, by identifier, only what still counts.
extension MetricTable {
    func write(into out: inout CanonicalWriter, now: Int64) {
        out.section("METR")
        out.integer(UInt32(metrics.count))
        out.integer(misfits)
        tokens.write(into: &out)
        for (metric, column) in zip(metrics, columns) {
            Self.write(column.totals, into: &out) { total, out in
                out.integer(total.count)
                out.integer(total.sum.billionths)
                out.flag(total.isBroken)
            }
            Self.write(column.bests, into: &out) { best, out in
                out.integer(best.time)
                out.integer(best.offset)
                out.integer(best.amount.billionths)
                out.integer(best.value)
                out.flag(best.isBroken)
            }
            Self.write(column.sets, into: &out) { set, out in out.column(set) }
            let window = metric.windowMicroseconds
            let moving = column.series.filter { !$0.value.isIdle(window: window, now: now) }
            Self.write(moving, into: &out) { series, out in
                series.write(into: &out, window: window, now: now)
            }
        }
    }

    private static func write<Value>(
        _ entries: [UInt32: Value], into out: inout CanonicalWriter,
        _ body: (Value, inout CanonicalWriter) -> Void
    ) {
        out.integer(UInt32(entries.count))
        for identifier in entries.keys.sorted() {
            guard let value = entries[identifier] else { continue }
            out.integer(identifier)
            body(value, &out)
        }
    }

    /// The metrics are those of the policies that the state holds, interned in their order.
    mutating func read(from reader: inout CanonicalReader) throws(CanonicalError) {
        try reader.section("METR")
        guard try reader.integer(UInt32.self) == UInt32(metrics.count) else {
            throw CanonicalError(position: reader.position, expected: "\(metrics.count) metrics")
        }
        misfits = try reader.integer()
        try readTokens(from: &reader)
        for index in metrics.indices {
            var column = Column()
            let totals = try reader.count(UInt32.self, ofBytes: 29)
            column.totals.reserveCapacity(totals)
            for _ in 0..<totals {
                let identifier = try reader.integer(UInt32.self)
                column.totals[identifier] = Total(
                    count: try reader.integer(),
                    sum: Amount(billionths: try reader.integer()), isBroken: try reader.flag())
            }
            let bests = try reader.count(UInt32.self, ofBytes: 41)
            column.bests.reserveCapacity(bests)
            for _ in 0..<bests {
                let identifier = try reader.integer(UInt32.self)
                let best = Best(
                    time: try reader.integer(), offset: try reader.integer(),
                    amount: Amount(billionths: try reader.integer()),
                    value: try reader.integer(), isBroken: try reader.flag())
                try check(best.value, reader)
                column.bests[identifier] = best
            }
            let sets = try reader.count(UInt32.self, ofBytes: 12)
            column.sets.reserveCapacity(sets)
            for _ in 0..<sets {
                let identifier = try reader.integer(UInt32.self)
                let set = try reader.column(UInt32.self)
                for value in set { try check(value, reader) }
                column.sets[identifier] = set
            }
            let series = try reader.count(UInt32.self, ofBytes: 44)
            column.series.reserveCapacity(series)
            for _ in 0..<series {
                let identifier = try reader.integer(UInt32.self)
                let series = try MetricSeries(from: &reader)
                for value in series.values { try check(value, reader) }
                column.series[identifier] = series
            }
            restore(column, of: index)
        }
    }

    private func check(_ value: UInt32, _ reader: CanonicalReader) throws(CanonicalError) {
        guard value == Self.unfit || Int(value) < tokens.count else {
            throw CanonicalError(position: reader.position, expected: "a known value")
        }
    }
}
