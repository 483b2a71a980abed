import CustomerModel

/// Named values of people, worked out from their events.
extension FoldState {
    /// Every attribute of the newest policy that has a value, or whose value cannot be told.
    func attributes(of members: [UInt32]) -> [ProfileSummary.Attribute] {
        guard let policy = policies.last else { return [] }
        return metrics.attributes(
            policy.policy, numbers: audienceIndex.attributes, of: members, now: projectionTime)
    }
}

extension MetricTable {
    /// A policy's attributes that have a value, or whose value cannot be told, in the policy's order.
    ///
    /// - Parameter numbers: by attribute, its metric's number here.
    func attributes(_ policy: Policy, numbers: [Int], of members: [UInt32], now: Int64)
        -> [ProfileSummary.Attribute]
    {
        var found: [ProfileSummary.Attribute] = []
        for (attribute, number) in zip(policy.attributes, numbers) {
            let reading = reading(number, of: members, now: now)
            guard reading.value != .absent else { continue }
            var result = ProfileSummary.Attribute(
                name: attribute.name, json: reading.json, time: reading.time,
                offset: reading.offset)
            if case .distinct = attribute.metric.measure, reading.value != .unknown {
                result.values = distinctValues(number, of: members, now: now)
                    .values.filter { $0 != Self.unfit }
                    .map { String(decoding: token($0), as: UTF8.self) }
                    .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            }
            found.append(result)
        }
        return found
    }
}

extension MetricReading {
    /// As JSON; nil when it cannot be told. Of more values than are told apart, how many that is at least.
    var json: String? {
        switch value {
        case .unknown, .absent: nil
        case .amount(let amount): amount.description
        case .many: String(Metric.maximumDistinct + 1)
        case .token(let token): String(decoding: token, as: UTF8.self)
        case .event: "true"
        }
    }
}
