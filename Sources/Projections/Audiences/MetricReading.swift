import CustomerModel

/// What a metric says of one person, as of one projection time.
struct MetricReading {
    enum Value: Equatable {
        /// It cannot be told exactly (D4).
        case unknown
        /// No event counts.
        case absent
        case amount(Amount)
        /// More different values than are told apart.
        case many
        /// A JSON token.
        case token([UInt8])
        /// The event itself, of which only the moment is asked.
        case event
    }
    var value: Value
    /// The event that the value is of, where it is of one.
    var time: Int64?
    var offset: UInt64?
    /// When the value can change though nothing happens; later than projection time, `.max` for never.
    var changesAt: Int64 = .max

    func truth(_ comparison: Comparison) -> Truth {
        switch value {
        case .unknown: .unknown
        case .absent: Truth(comparison == .isAbsent)
        case .amount(let amount): Truth(comparison.matches(amount))
        // A policy compares with nothing beyond what is told apart.
        case .many: Truth(comparison.matches(Amount(Int64(Metric.maximumDistinct) + 1)))
        case .token(let token): Truth(comparison.matches(token: token))
        case .event: Truth(comparison == .isPresent)
        }
    }
}

extension MetricTable {
    /// The value of a metric over a person's identifiers. Costs by their number, and for smallest, largest
    /// and different values with a window by the events in it.
    func reading(_ index: Int, of identifiers: [UInt32], now: Int64) -> MetricReading {
        let metric = metrics[index]
        var reading: MetricReading
        switch metric.measure {
        case .count, .sum, .moments: reading = total(index, metric, identifiers, now)
        case .distinct: reading = distinct(index, metric, identifiers, now)
        case .minimum, .maximum, .first, .last: reading = best(index, metric, identifiers, now)
        }
        guard metric.windowMicroseconds != nil else { return reading }
        for identifier in identifiers {
            guard let series = columns[index].series[identifier], series.unknownUntil > now else {
                continue
            }
            reading.value = .unknown
            reading.changesAt = min(reading.changesAt, series.unknownUntil)
        }
        return reading
    }

    private func total(
        _ index: Int, _ metric: Metric, _ identifiers: [UInt32], _ now: Int64
    ) -> MetricReading {
        var count: Int64 = 0
        var sum = Amount.zero
        var reading = MetricReading(value: .unknown)
        for identifier in identifiers {
            if let total = columns[index].totals[identifier] {
                guard !total.isBroken, let next = sum.adding(total.sum) else { return reading }
                count += total.count
                sum = next
            }
            guard let series = columns[index].series[identifier] else { continue }
            let window = metric.windowMicroseconds
            let counted = series.counted(window: window, now: now)
            guard counted.first < series.times.count else { continue }
            count += Int64(series.times.count - counted.first)
            reading.changesAt = min(
                reading.changesAt,
                MetricSeries.end(of: series.times[counted.first], window: window))
            guard let next = sum.adding(Amount(billionths: counted.sum)) else { return reading }
            sum = next
        }
        if case .sum = metric.measure {
            reading.value = .amount(sum)
        } else {
            reading.value = .amount(Amount(count))
        }
        return reading
    }

    private func distinct(
        _ index: Int, _ metric: Metric, _ identifiers: [UInt32], _ now: Int64
    ) -> MetricReading {
        var (found, changesAt) = distinctValues(index, of: identifiers, now: now)
        let isUnfit = found.remove(Self.unfit) != nil
        // More than are told apart are so however many others there are.
        if found.count > Metric.maximumDistinct {
            return MetricReading(value: .many, changesAt: changesAt)
        }
        return MetricReading(
            value: isUnfit ? .unknown : .amount(Amount(Int64(found.count))), changesAt: changesAt)
    }

    /// The different values of a person, as numbers of tokens.
    func distinctValues(_ index: Int, of identifiers: [UInt32], now: Int64) -> (
        values: Set<UInt32>, changesAt: Int64
    ) {
        var found: Set<UInt32> = []
        var changesAt = Int64.max
        let window = metrics[index].windowMicroseconds
        for identifier in identifiers {
            if let set = columns[index].sets[identifier] { found.formUnion(set) }
            guard let series = columns[index].series[identifier] else { continue }
            let first = series.counted(window: window, now: now).first
            guard first < series.times.count else { continue }
            found.formUnion(series.values[first...])
            changesAt = min(changesAt, MetricSeries.end(of: series.times[first], window: window))
        }
        return (found, changesAt)
    }

    private func best(
        _ index: Int, _ metric: Metric, _ identifiers: [UInt32], _ now: Int64
    ) -> MetricReading {
        var best: Best?
        let window = metric.windowMicroseconds
        for identifier in identifiers {
            if let own = columns[index].bests[identifier] {
                if own.isBroken { return MetricReading(value: .unknown) }
                if best.map({ Self.isBetter(own, than: $0, metric.measure) }) ?? true {
                    best = own
                }
            }
            guard let series = columns[index].series[identifier] else { continue }
            let first = series.counted(window: window, now: now).first
            guard first < series.times.count else { continue }
            let places: Range<Int> =
                switch metric.measure {
                case .first: first..<first + 1
                case .last: series.times.count - 1..<series.times.count
                default: first..<series.times.count
                }
            for place in places {
                let own = Best(
                    time: series.times[place], offset: series.offsets[place],
                    amount: series.amounts.isEmpty
                        ? .zero : Amount(billionths: series.amounts[place]),
                    value: series.values.isEmpty ? Self.unfit : series.values[place])
                if best.map({ Self.isBetter(own, than: $0, metric.measure) }) ?? true {
                    best = own
                }
            }
        }
        guard let best else { return MetricReading(value: .absent) }
        return MetricReading(
            value: value(of: best, metric.measure), time: best.time, offset: best.offset,
            changesAt: MetricSeries.end(of: best.time, window: window))
    }

    private func value(of best: Best, _ measure: Metric.Measure) -> MetricReading.Value {
        switch measure {
        case .first(nil), .last(nil): .event
        case .first, .last: best.value == Self.unfit ? .unknown : .token(token(best.value))
        default: .amount(best.amount)
        }
    }
}
