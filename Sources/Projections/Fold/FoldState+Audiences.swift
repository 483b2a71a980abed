import CustomerModel
import EventLog
import JSONText

/// Who is in which audience.
extension FoldState {
    /// What has to be judged again of one person.
    enum AudienceScope {
        case everything
        /// Audiences by their place in the policy, in the order of judging.
        case audiences([Int])
    }

    /// Judges one person by audiences of the newest policy, as of projection time, and notes when time
    /// alone could change the answer.
    ///
    /// - Parameter offset: the record that is the cause.
    mutating func evaluateAudiences(
        of root: UInt32, offset: UInt64, reason: MembershipReason,
        scope: AudienceScope = .everything
    ) {
        let brought = scratch.brought
        scratch.brought.removeAll()
        guard keepsAudiences, let policy = audiencePolicy,
            !policy.policy.audiences.isEmpty || !policy.policy.attributes.isEmpty
        else { return }
        var members: [UInt32] = []
        identity.appendMembers(ofRoot: root, upTo: nil, to: &members)
        var wake = Int64.max
        let places: [Int]
        switch scope {
        case .everything:
            places = audienceIndex.order
            wake = attributesChange(of: members)
        case .audiences(let some): places = some
        }
        var truths: [Int: Truth] = [:]
        for place in places {
            let audience = policy.policy.audiences[place]
            let truth = judge(
                audience, metrics: audienceIndex.metrics[place], root: root, members: members,
                policy: policy, known: truths, wake: &wake)
            truths[place] = truth
            // Who came into the person as a member leaves as the person (E2).
            if truth != .yes, brought.contains(policy.audienceNumbers[place]) {
                memberships.assume(policy.audienceNumbers[place], root)
            }
            // Nothing is said on what nobody knows exactly (D4).
            let didChange = memberships.set(
                policy.audienceNumbers[place], node: root, isMember: truth == .yes,
                profile: identity.profileID(ofRoot: root), offset: offset, reason: reason)
            if didChange {
                journal?.append(.membership(index: memberships.changeCount - 1))
                journal?.append(.profile(node: root))
            }
        }
        wakes.wake(root, by: wake)
    }

    /// When time alone could change an attribute.
    private func attributesChange(of members: [UInt32]) -> Int64 {
        var wake = Int64.max
        for number in audienceIndex.attributes where audienceIndex.isMovingAttribute(number) {
            let reading = metrics.reading(number, of: members, now: projectionTime)
            wake = min(wake, reading.changesAt)
        }
        return wake
    }

    /// Mutating only so that its closure holds the state where it is instead of a copy of it.
    private mutating func judge(
        _ audience: Audience, metrics numbers: [Int], root: UInt32, members: [UInt32],
        policy: CompiledPolicy, known: [Int: Truth], wake: inout Int64
    ) -> Truth {
        var earliest = wake
        let truth = audience.condition.evaluate { leaf in
            let answer = answer(
                leaf, metrics: numbers, root: root, members: members, policy: policy, known: known)
            earliest = min(earliest, answer.changesAt)
            return answer.truth
        }
        wake = earliest
        return truth
    }

    /// What one part of a condition says of a person.
    struct Answer {
        var truth: Truth
        /// When it can change though nothing happens; later than projection time, `.max` for never.
        var changesAt: Int64 = .max
    }

    /// - Parameter known: what was found of the audiences before this one, by place.
    func answer(
        _ leaf: AudienceCondition, metrics numbers: [Int], root: UInt32, members: [UInt32],
        policy: CompiledPolicy, known: [Int: Truth]
    ) -> Answer {
        switch leaf {
        case .trait(let path, let comparison):
            return Answer(truth: Truth(comparison.matches(token: trait(path, of: members))))
        case .metric, .moment, .sequence, .absence:
            return Self.answer(leaf, from: metrics, numbers, of: members, now: projectionTime)
        case .consent(let purpose, let value):
            return consent(
                purpose, is: value, root: root, members: members, policy: policy,
                now: projectionTime, asOf: nil)
        case .member(let name):
            guard let place = policy.policy.audiences.firstIndex(where: { $0.name == name }) else {
                return Answer(truth: .unknown)
            }
            let number = policy.audienceNumbers[place]
            return Answer(
                truth: known[place] ?? Truth(memberships.isMember(number, root)))
        case .all, .any, .not: return Answer(truth: .unknown)
        }
    }

    /// What a part says that rests on a person's events alone.
    static func answer(
        _ leaf: AudienceCondition, from metrics: MetricTable, _ numbers: [Int],
        of members: [UInt32], now: Int64
    ) -> Answer {
        switch leaf {
        case .metric(let index, let comparison):
            let reading = metrics.reading(numbers[index], of: members, now: now)
            return Answer(truth: reading.truth(comparison), changesAt: reading.changesAt)
        case .moment(let index, let comparison):
            let reading = metrics.reading(numbers[index], of: members, now: now)
            return compare(reading, comparison, now: now)
        case .sequence(let steps, let within):
            let search = StepSearch(
                metrics, metrics: steps.map { numbers[$0] }, of: members, now: now)
            guard let began = search.sequence(within: within) else { return Answer(truth: .no) }
            let window = metrics.metrics[numbers[steps[0]]].windowMicroseconds
            return Answer(truth: .yes, changesAt: MetricSeries.end(of: began, window: window))
        case .absence(let missing, let after, let within):
            let search = StepSearch(
                metrics, metrics: [numbers[after], numbers[missing]], of: members, now: now)
            let (found, end) = search.absence(within: within)
            guard let found else { return Answer(truth: .no, changesAt: end) }
            let window = metrics.metrics[numbers[after]].windowMicroseconds
            return Answer(truth: .yes, changesAt: MetricSeries.end(of: found, window: window))
        case .trait, .consent, .member, .all, .any, .not: return Answer(truth: .unknown)
        }
    }

    private static func compare(
        _ reading: MetricReading, _ comparison: MomentComparison, now: Int64
    ) -> Answer {
        guard let time = reading.time else {
            return Answer(
                truth: reading.value == .unknown ? .unknown : .no, changesAt: reading.changesAt)
        }
        switch comparison {
        case .before(let moment):
            return Answer(truth: Truth(time < moment), changesAt: reading.changesAt)
        case .since(let moment):
            return Answer(truth: Truth(time >= moment), changesAt: reading.changesAt)
        case .olderThan(let length), .newerThan(let length):
            let isNew = MetricSeries.isInside(time, window: length, now: now)
            let end = isNew ? MetricSeries.end(of: time, window: length) : .max
            var truth = Truth(isNew)
            if case .olderThan = comparison { truth = !truth }
            return Answer(truth: truth, changesAt: min(reading.changesAt, end))
        }
    }

    /// Consent as of projection time, so that it expires with a tick (T2, C6).
    ///
    /// - Parameters:
    ///   - now: projection time at `offset`.
    ///   - offset: the record up to which is read; nil for all.
    func consent(
        _ purpose: String, is value: ConsentState.Value, root: UInt32, members: [UInt32],
        policy: CompiledPolicy, now: Int64, asOf offset: UInt64?
    ) -> Answer {
        guard let place = policy.policy.purposes.firstIndex(where: { $0.name == purpose }) else {
            return Answer(truth: .unknown)
        }
        var states: [ConsentState] = []
        purposeStates(of: root, policy: policy, now: now, asOf: offset, into: &states)
        var answer = Answer(truth: Truth(states[place].value == value))
        guard let length = policy.policy.purposes[place].expiresAfterMicroseconds else {
            return answer
        }
        let number = Int(policy.purposeNumbers[place])
        for member in members {
            let found =
                offset.map { consent.standing(of: member, purpose: number, asOf: $0) }
                ?? consent.standing(of: member, purpose: number)
            guard let standing = found, standing.isGrant else { continue }
            let end = MetricSeries.end(of: standing.assertedTime, window: length)
            if end > now { answer.changesAt = min(answer.changesAt, end) }
        }
        return answer
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
        return newest.flatMap { Self.inner($0.token, path) }
    }

    /// The same once the record at `offset` was applied.
    func trait(_ path: FieldPath, of members: [UInt32], asOf offset: UInt64) -> [UInt8]? {
        guard let first = path.names.first, let key = traits.keys.number(of: first),
            let token = traits.newest(key, of: members, asOf: offset)
        else { return nil }
        return Self.inner(token, path)
    }

    private static func inner(_ token: [UInt8], _ path: FieldPath) -> [UInt8]? {
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
}
