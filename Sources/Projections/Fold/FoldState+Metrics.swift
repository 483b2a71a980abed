import CustomerModel
import EventLog
import JSONText

/// What events add to metrics, and what follows for their person's audiences.
extension FoldState {
    /// Counts one event and judges its person by the audiences that it can concern.
    ///
    /// An event that no metric, trait or consent condition is about costs one lookup of its name.
    mutating func moveAudiences(
        _ event: FoldedEvent, _ resolution: Resolution, didTraitsChange: Bool
    ) {
        let reason: MembershipReason = event.isImport ? .imported : .event
        var touched: [Int] = []
        audienceIndex.forEachMetric(type: event.type, name: event.name) { touched.append($0) }
        touched.removeAll { !note($0, event, anchor: resolution.anchor) }
        if resolution.didChange {
            evaluateAudiences(of: resolution.root, offset: event.offset, reason: reason)
            return
        }
        var places: [Int] = []
        for number in touched { places += audienceIndex.audiences(usingMetric: number) }
        if didTraitsChange { places += audienceIndex.traitUsers }
        if !audienceIndex.consentUsers.isEmpty, consent.wasAsserted(at: event.offset) {
            places += audienceIndex.consentUsers
        }
        if !places.isEmpty {
            let wanted = Set(places)
            evaluateAudiences(
                of: resolution.root, offset: event.offset, reason: reason,
                scope: .audiences(audienceIndex.order.filter { wanted.contains($0) }))
        }
        wakeForAttributes(touched, root: resolution.root)
    }

    private mutating func wakeForAttributes(_ touched: [Int], root: UInt32) {
        for number in touched where audienceIndex.isMovingAttribute(number) {
            var members: [UInt32] = []
            identity.appendMembers(ofRoot: root, upTo: nil, to: &members)
            let reading = metrics.reading(number, of: members, now: projectionTime)
            wakes.wake(root, by: reading.changesAt)
        }
    }

    /// Counts an event into one metric; returns whether it can have changed its value.
    private mutating func note(_ metric: Int, _ event: FoldedEvent, anchor: UInt32) -> Bool {
        metrics.note(
            metric, event.body, type: event.type, name: event.name, anchor: anchor,
            time: event.time, offset: event.offset, now: projectionTime)
    }

    /// Looks again at everybody for whom time alone may have changed something (T2).
    mutating func passTime(at offset: UInt64) {
        for node in wakes.due(at: projectionTime) {
            let root = identity.root(node)
            evaluateAudiences(of: root, offset: offset, reason: .tick)
            withdrawMemberships(of: root, at: offset)
            guard !audienceIndex.attributes.isEmpty else { continue }
            wakes.noteWoken(root, at: offset)
            journal?.append(.profile(node: root))
        }
    }

    // MARK: Policies

    /// Puts the derived tables of the newest policy in place.
    ///
    /// - Returns: metrics that were never counted before.
    mutating func adoptMetrics(of policy: CompiledPolicy) -> [Int] {
        var fresh: [Int] = []
        func number(_ metric: Metric) -> Int {
            let (index, isNew) = metrics.intern(metric)
            if isNew { fresh.append(index) }
            return index
        }
        let attributes = policy.policy.attributes.map { number($0.metric) }
        let audiences = policy.policy.audiences.map { $0.metrics.map(number) }
        audienceIndex = AudienceIndex(
            policy.policy, all: metrics.metrics, numbers: audiences, attributes: attributes)
        return fresh
    }

    /// Judges everybody by the newest policy's audiences, once its metrics have been counted (P1).
    public mutating func finishActivation(at offset: UInt64) {
        guard !isSimulation, let policy = policies.last else { return }
        defer { withdrawMemberships(at: offset) }
        let before = policies.dropLast().last?.policy
        let dependsOnConsent =
            !audienceIndex.consentUsers.isEmpty
            && (before?.consent != policy.policy.consent
                || before?.purposes != policy.policy.purposes
                || before?.identity != policy.policy.identity)
        guard
            before?.audiences ?? [] != policy.policy.audiences
                || before?.attributes ?? [] != policy.policy.attributes || dependsOnConsent
        else { return }
        leaveForgottenAudiences(policy, at: offset)
        for node in 0..<UInt32(identity.nodeCount)
        where identity.parents[Int(node)] == IdentityTable.none {
            evaluateAudiences(of: node, offset: offset, reason: .policy)
        }
    }

    /// An audience that no policy defines any more has no members.
    private mutating func leaveForgottenAudiences(_ policy: CompiledPolicy, at offset: UInt64) {
        for number in memberships.audiences.names.indices
        where !policy.audienceNumbers.contains(number) {
            var members: [UInt32] = []
            memberships.forEachMember(number) { members.append($0) }
            for node in members {
                _ = memberships.set(
                    number, node: node, isMember: false, profile: identity.profileID(ofRoot: node),
                    offset: offset, reason: .policy)
                journal?.append(.membership(index: memberships.changeCount - 1))
                journal?.append(.profile(node: node))
            }
        }
    }

    // MARK: History for new metrics

    /// Counts one past event into metrics that are new (see ``FoldStep/needsHistory(metrics:)``).
    ///
    /// The event belongs to whoever its identifier belongs to now. Only lines of events that a metric can
    /// be about are looked into.
    public mutating func count(_ record: FoldRecord, in new: [Int]) {
        guard record.kind == RecordKind.event.rawValue,
            new.contains(where: { metrics.metrics[$0].selector.mayMean(column: record.name) })
        else { return }
        let anchor = decisions.anchor(at: record.offset)
        guard anchor != DecisionColumns.none else { return }
        var parser = JSONParser()
        swap(&parser, &scratch.parser)
        defer { swap(&parser, &scratch.parser) }
        do {
            try parser.parseTrusted(record.line) { line in
                _ = EventBody.read(line: line) { body in
                    guard let type = body.type, let received = EventClock.time(line["received"])
                    else { return }
                    let event = FoldedEvent(
                        found: .here(body), type: type, isMParticle: body.mparticle != nil,
                        isImport: body.isImport,
                        name: eventName(record, type),
                        time: min(record.occurred, received.microseconds),
                        received: received, offset: record.offset)
                    for metric in new { _ = note(metric, event, anchor: anchor) }
                }
            }
        } catch {
            // It was parked when it was folded; it counts for nobody.
            return
        }
    }
}

extension EventSelector {
    /// Whether an event whose name column says this could be meant.
    fileprivate func mayMean(column: String) -> Bool {
        if let name { return name == column }
        switch type {
        // Their name is whatever their client wrote.
        case .track, .page, .screen: return true
        case .identify, .group, .alias: return column == "<\(type.name)>"
        }
    }
}
