import CustomerModel
import EventLog
import JSONText

/// Who is in which audience.
extension FoldState {
    /// Judges one person by every audience of the newest policy.
    mutating func evaluateAudiences(of root: UInt32, offset: UInt64, reason: MembershipReason) {
        guard let policy = audiencePolicy, !policy.policy.audiences.isEmpty else { return }
        var members: [UInt32] = []
        identity.appendMembers(ofRoot: root, upTo: nil, to: &members)
        for (index, audience) in policy.policy.audiences.enumerated() {
            let isMember = holds(audience, metrics: audienceMetrics[index], members: members)
            let didChange = memberships.set(
                policy.audienceNumbers[index], node: root, isMember: isMember,
                profile: identity.profileID(ofRoot: root), offset: offset, reason: reason)
            if didChange {
                journal?.append(.membership(index: memberships.changeCount - 1))
                journal?.append(.profile(node: root))
            }
        }
    }

    /// A sum that does not fit keeps its person out: nothing is said on a number nobody has (D4).
    ///
    /// Mutating only so that its closures hold the state where it is instead of a copy of it.
    private mutating func holds(_ audience: Audience, metrics numbers: [Int], members: [UInt32])
        -> Bool
    {
        var values: [Amount] = []
        for number in numbers {
            guard let value = metrics.value(number, of: members) else {
                return false
            }
            values.append(value)
        }
        return audience.condition.evaluate(
            metric: { values[$0] }, trait: { trait($0, of: members) })
    }

    /// A person's trait as JSON: the newest by (time, offset) among its identifiers.
    func trait(_ path: FieldPath, of members: [UInt32]) -> [UInt8]? {
        guard let first = path.names.first, let key = traits.keys.number(of: first) else {
            return nil
        }
        var newest: TraitTable.Value?
        for member in members {
            guard let value = traits.value(of: member, key: key) else { continue }
            if newest.map({ ($0.time, $0.offset) < (value.time, value.offset) }) ?? true {
                newest = value
            }
        }
        guard let token = newest?.token else { return nil }
        guard path.names.count > 1 else { return token }
        var parser = JSONParser()
        do {
            return try parser.parse(token) { view in
                view.value(at: Array(path.names.dropFirst())).map { Array($0.rawBytes) }
            }
        } catch {
            // A trait that cannot be read is no trait.
            return nil
        }
    }

    // MARK: History for new metrics

    /// Counts one past event into metrics that are new (see ``FoldStep/needsHistory(metrics:)``).
    ///
    /// The event belongs to whoever its identifier belongs to now.
    public mutating func count(_ record: FoldRecord, in new: [Int]) {
        guard record.kind == RecordKind.event.rawValue else { return }
        let anchor = decisions.anchor(at: record.offset)
        guard anchor != DecisionColumns.none else { return }
        var parser = JSONParser()
        swap(&parser, &scratch.parser)
        defer { swap(&parser, &scratch.parser) }
        do {
            try parser.parseTrusted(record.line) { line in
                guard let body = EventBody(line: line), let type = body.type,
                    let received = EventClock.time(line["received"])
                else { return }
                let hasName = type == .track || type == .page || type == .screen
                let event = FoldedEvent(
                    body: body, type: type,
                    name: hasName && record.name.first != "<" ? record.name : "",
                    time: min(record.occurred, received.microseconds), offset: record.offset)
                for metric in new { _ = note(metric, event, anchor: anchor) }
            }
        } catch {
            // It was parked when it was folded; it counts for nobody.
            return
        }
    }
}
