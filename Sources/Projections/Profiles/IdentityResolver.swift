import CustomerModel

/// The identity rules of one policy version, against the tables of one fold.
///
/// A class, since it is handed on for every event: a struct of many arrays costs a count for each of them
/// whenever it is.
final class CompiledIdentity: Sendable {
    /// One entry a type, strongest first.
    let types: [UInt16]
    let limits: [Int?]
    let windows: [Int64?]
    let normalisations: [Normalisation]
    let phoneCountries: [String?]
    let paths: [[FieldPath]]
    let names: [String]
    let blocked: [BlockedValue]
    /// A link past so many identifiers is refused and waits for a person (I4).
    let reviewAbove: Int
    let burst: BurstRule?
    /// Whether one value of the type, ever, makes a person known (I3). By rank.
    let makesKnown: [Bool]
    /// The same by the fold's number of the type.
    let knownTypes: Set<UInt16>
    /// Whether any type has places of its own in a message.
    let hasPaths: Bool
    /// By the fold's number of a type: its rank, -1 for none.
    private let ranks: [Int]

    init(_ rules: IdentityRules, types table: inout NameTable) {
        blocked = rules.blocked
        reviewAbove = rules.reviewAbove
        burst = rules.burst
        // A policy has few types; the table holds 65,535.
        let known = rules.types.compactMap { type in
            table.intern(type.name).map { (number: $0, type: type) }
        }
        types = known.map(\.number)
        limits = known.map(\.type.limit)
        windows = known.map(\.type.windowMicroseconds)
        normalisations = known.map(\.type.normalisation)
        phoneCountries = known.map(\.type.phoneCountry)
        makesKnown = known.map { $0.type.limit == 1 && $0.type.windowMicroseconds == nil }
        paths = known.map(\.type.paths)
        hasPaths = known.contains { !$0.type.paths.isEmpty }
        names = known.map(\.type.name)
        knownTypes = Set(zip(types, makesKnown).filter(\.1).map(\.0))
        var ranks = Array(repeating: -1, count: Int(types.max() ?? 0) + 1)
        for (rank, number) in types.enumerated() { ranks[Int(number)] = rank }
        self.ranks = ranks
    }

    /// A policy has few types, and their names are short: comparing is faster than hashing.
    func rank(of name: String) -> Int? { names.lastIndex(of: name) }

    /// The rank of the fold's type of this number.
    func rank(ofType number: UInt16) -> Int? {
        guard Int(number) < ranks.count, ranks[Int(number)] >= 0 else { return nil }
        return ranks[Int(number)]
    }
}

/// One identifier of the event being resolved.
struct Candidate {
    var identifier: UInt32
    /// Place of its type in the policy; smaller is stronger.
    var rank: Int
}

/// What identity made of one event.
struct Resolution {
    /// The strongest identifier that was accepted; what the event's facts hang on.
    var anchor = IdentityTable.none
    /// The person's carrying node.
    var root = IdentityTable.none
    /// Whether links or people changed.
    var didChange = false
    /// Nodes that went under another.
    var gone: [UInt32] = []
    /// Identifiers of the event that identity accepted, strongest first.
    var accepted: [Candidate] = []
}

extension IdentityTable {
    /// What a resolution does not look at.
    enum Leave {
        case nothing
        /// A person has looked: the size of the profile is no reason any more (I4).
        case size
    }

    /// Decides who did one event (I1–I3).
    ///
    /// The identifiers' people are joined unless something stands against it: an identifier that met too
    /// many people (I4), a retracted pair (I5), more values of a type than its limit allows (I2), a profile
    /// too large to go unseen (I4). Then one identifier of the event is dropped, the weakest where it does
    /// not matter which, the refusal is kept, and the rest is tried again. One identifier alone always
    /// stands: it meets nobody new.
    ///
    /// - Parameters:
    ///   - candidates: strongest first, no identifier twice.
    ///   - time: the event's `occurred`, clipped to `received`; what windows are measured from.
    ///   - rule: what a link that comes of it is made by.
    mutating func resolve(
        _ candidates: [Candidate], rules: CompiledIdentity, offset: UInt64, time: Int64,
        by rule: LinkTable.Rule = .event, leaving left: Leave = .nothing
    ) -> Resolution {
        var active = candidates
        var result = Resolution()
        guard let strongest = candidates.first else { return result }
        if let burst = rules.burst, active.count > 1 {
            meet(active, rules: rules, burst, offset: offset, time: time)
        }
        // Most events name one person by identifiers that are its own already: nothing can stand against
        // that, and nothing changes.
        if let root = commonRoot(active) {
            result.anchor = strongest.identifier
            result.root = root
            result.accepted = active
            if active.count > 1 {
                keepLinks(of: active, isGuarded: rules.burst != nil, offset: offset, rule: rule)
            }
            return result
        }
        while true {
            var roots: [UInt32] = []
            var unlinked = 0
            for candidate in active {
                guard let root = root(ofIdentifier: candidate.identifier) else {
                    unlinked += 1
                    continue
                }
                if !roots.contains(root) { roots.append(root) }
            }
            if active.count > 1, roots.count + unlinked > 1,
                let objection = objection(
                    roots: roots, active: active, rules: rules, time: time, leaving: left)
            {
                // Never the first: whatever is against it, the event has its strongest identifier.
                let dropped = active.remove(at: objection.place).identifier
                refusals.append(dropped, limitType: objection.reason, offset: offset)
                if objection.reason == Self.sizeLimit {
                    reviews.wait(anchor: strongest.identifier, other: dropped, offset: offset)
                }
                continue
            }
            result.anchor = strongest.identifier
            result.accepted = active
            // Nothing is new within one person, which most events are about.
            let fresh =
                roots.count + unlinked > 1
                ? newlyLinked(active).map { ($0, isAlone: isAlone($0)) } : []
            join(roots: roots, offset: offset, time: time, into: &result)
            for (identifier, isAlone) in fresh {
                let before = linkTimes[Int(identifier)]
                linkTimes[Int(identifier)] = isAlone ? time : max(before, time)
            }
            if active.count > 1 {
                keepLinks(of: active, isGuarded: rules.burst != nil, offset: offset, rule: rule)
            }
            return result
        }
    }

    /// The one person that has all of the identifiers; nil where there is none.
    private func commonRoot(_ candidates: [Candidate]) -> UInt32? {
        guard let root = root(ofIdentifier: candidates[0].identifier) else { return nil }
        for candidate in candidates.dropFirst()
        where self.root(ofIdentifier: candidate.identifier) != root {
            return nil
        }
        return root
    }

    private mutating func join(
        roots: [UInt32], offset: UInt64, time: Int64, into result: inout Resolution
    ) {
        var root: UInt32
        var rest: ArraySlice<Candidate> = result.accepted[...]
        if let first = roots.first {
            root = first
            for other in roots.dropFirst() {
                let (kept, gone) = merge(root, other, offset: offset)
                root = kept
                result.gone.append(gone)
                result.didChange = true
            }
        } else {
            root = makeNode(with: result.anchor, offset: offset, time: time)
            rest = rest.dropFirst()
            result.didChange = true
        }
        for candidate in rest where nodes[Int(candidate.identifier)] == Self.none {
            link(candidate.identifier, toRoot: root, offset: offset, time: time)
            result.didChange = true
        }
        result.root = root
    }

    /// Keeps why the identifiers of an event are one person's (I1). They are by now; a link that is barred,
    /// or that a guarded identifier may not make, adds nothing to that.
    private mutating func keepLinks(
        of accepted: [Candidate], isGuarded: Bool, offset: UInt64, rule: LinkTable.Rule
    ) {
        let anchor = accepted[0].identifier
        for candidate in accepted.dropFirst() {
            let other = candidate.identifier
            if retractions.isBarred(anchor, other) { continue }
            if isGuarded, bursts.stops(anchor) || bursts.stops(other) { continue }
            links.note(anchor, other, offset: offset, rule: rule)
        }
    }

    // MARK: What stands against a link

    /// The identifiers that a link of this event brings to others, which is when it counts against a limit
    /// with a window (I2): whoever is not the strongest one's person yet, and the strongest itself where it
    /// was alone. An identifier seen alone long ago has no link from then.
    private func newlyLinked(_ active: [Candidate]) -> [UInt32] {
        guard active.count > 1 else { return [] }
        let anchor = active[0].identifier
        let mine = side(anchor)
        let others = active.dropFirst().map(\.identifier).filter { side($0) != mine }
        return others.isEmpty || !isAlone(anchor) ? others : [anchor] + others
    }

    private func isAlone(_ identifier: UInt32) -> Bool {
        root(ofIdentifier: identifier).map { memberCounts[Int($0)] == 1 } ?? true
    }

    /// Which of the event's identifiers must go, and why.
    private struct Objection {
        var place: Int
        var reason: UInt16
    }

    private func objection(
        roots: [UInt32], active: [Candidate], rules: CompiledIdentity, time: Int64,
        leaving left: Leave
    ) -> Objection? {
        if rules.burst != nil, !bursts.isEmpty, let place = stoppedPlace(active) {
            return Objection(place: place, reason: Self.burstLimit)
        }
        if !retractions.standing.isEmpty, let place = barredPlace(active) {
            return Objection(place: place, reason: Self.barredPair)
        }
        guard
            let broken = brokenLimit(
                roots: roots, active: active, rules: rules, time: time, leaving: left)
        else { return nil }
        return Objection(place: active.count - 1, reason: broken)
    }

    /// The person of an identifier; where it belongs to nobody yet, a number of its own.
    private func side(_ identifier: UInt32) -> UInt64 {
        root(ofIdentifier: identifier).map(UInt64.init) ?? 1 << 32 | UInt64(identifier)
    }

    /// Of an event with an identifier that links no more: the weakest that would be linked by it.
    private func stoppedPlace(_ active: [Candidate]) -> Int? {
        let first = side(active[0].identifier)
        let isFirstStopped = bursts.stops(active[0].identifier)
        return active.indices.dropFirst().last { place in
            (isFirstStopped || bursts.stops(active[place].identifier))
                && side(active[place].identifier) != first
        }
    }

    /// Of an event that would bring a barred pair together: the weakest identifier of the weaker side.
    private func barredPlace(_ active: [Candidate]) -> Int? {
        let sides = active.map { side($0.identifier) }
        for entry in retractions.standing {
            let one = side(retractions.firsts[entry])
            let other = side(retractions.seconds[entry])
            guard one != other, let first = sides.firstIndex(of: one),
                let second = sides.firstIndex(of: other)
            else { continue }
            return sides.lastIndex(of: first < second ? other : one)
        }
        return nil
    }

    /// The first type, in order of rank, that would have too many values; nil when all limits hold.
    private func brokenLimit(
        roots: [UInt32], active: [Candidate], rules: CompiledIdentity, time: Int64,
        leaving left: Leave
    ) -> UInt16? {
        let fresh = newlyLinked(active)
        for (rank, limit) in rules.limits.enumerated() {
            guard let limit else { continue }
            let type = rules.types[rank]
            var count = 0
            for candidate in active
            where candidate.rank == rank && nodes[Int(candidate.identifier)] == Self.none {
                count += 1
            }
            for root in roots {
                forEachMember(ofRoot: root) { member in
                    guard self.type(member) == type else { return }
                    guard let window = rules.windows[rank] else {
                        count += 1
                        return
                    }
                    if fresh.contains(member) {
                        count += 1
                        return
                    }
                    // Links older than the window no longer count.
                    let age = time.subtractingReportingOverflow(linkTimes[Int(member)])
                    if age.overflow || age.partialValue < window { count += 1 }
                }
            }
            if count > limit { return type }
        }
        guard left != .size else { return nil }
        let size = roots.reduce(0) { $0 + Int(memberCounts[Int($1)]) }
        let unlinked = active.count { nodes[Int($0.identifier)] == Self.none }
        return size + unlinked > rules.reviewAbove ? Self.sizeLimit : nil
    }

    /// Stands for the limit on a profile's size where a type's number would.
    static let sizeLimit = UInt16.max
    /// Stands for a pair that somebody retracted.
    static let barredPair = UInt16.max - 1
    /// Stands for an identifier that met too many people.
    static let burstLimit = UInt16.max - 2
}
