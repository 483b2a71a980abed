import CustomerModel
package import EventLog
package import JSONText

extension LiveProjection {
    /// What events that were delivered need, by the policy in force and by what is known now, in the order of
    /// `deliveries`. Blocking.
    ///
    /// - Returns: nil in the place of what cannot be read (L9).
    /// - Throws: also when the policy in force has no such lane.
    package func correctionNeeds(
        of deliveries: some Sequence<Delivery>, in lane: Lane, now: Timestamp,
        reader: inout LogReader
    ) throws -> [CorrectionNeed?] {
        var lookout = Lookout(projection: self)
        var lines: [(at: UInt64, line: [UInt8], meta: FoldLine)?] = []
        for delivery in deliveries {
            lines.append(
                try lookout.line(
                    at: Offset(delivery.at), toldBy: Offset(delivery.attempt), &reader
                ).map { (delivery.at, $0.line, $0.meta) })
        }
        return try read { [lines] state in
            guard let policy = state.policy,
                let index = policy.destinationIndex(lane.destination),
                policy.policy.destinations[index].epoch == lane.epoch
            else { throw LookProblem.laneClosed(lane.destination) }
            let destination = policy.policy.destinations[index]
            var parser = JSONParser()
            var needs: [CorrectionNeed?] = []
            for line in lines {
                guard let line else {
                    needs.append(nil)
                    continue
                }
                needs.append(
                    try parser.parse(line.line) { view in
                        state.correctionNeed(
                            of: line.at, line: view, lane: lane, policy: policy,
                            destination: destination, meta: line.meta, now: now)
                    })
            }
            return needs
        }
    }
}
