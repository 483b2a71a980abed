import CustomerModel

/// What the gates ask of people, kept until something about a person changes. Derived, never written.
///
/// Most events find their person as the event before left it, while working out a person's consent walks all
/// of its identifiers and all that each of them ever asserted.
///
/// - Invariant: an entry says what ``FoldState/purposeStates(of:policy:now:asOf:into:)`` would, for every
///   moment of its interval. Whoever changes what a person asserted, or which identifiers it has, calls
///   ``forget(_:)``.
struct PersonStandings {
    /// One person: 32 bytes, so that asking costs one line of the cache.
    struct Entry {
        /// In ``rows``.
        var row: UInt32 = 0
        var isKnown = false
        /// Whether it has an identifier of a type past 63.
        var hasOtherTypes = false
        /// Bit n: it has an identifier of the fold's type n.
        var types: UInt64 = 0
        /// The moments for which it holds: a grant expires. Microseconds.
        var from: Int64 = .min
        var until: Int64 = .max

        @inline(__always)
        func holds(at now: Int64) -> Bool { isKnown && from <= now && now < until }
    }

    /// By node.
    private var entries: [Entry] = []
    /// The distinct states.
    private var rows = InternTable<ConsentRow>()
    /// By row: its number among the situations' states, once an event met it; `none` before.
    private var numbers: [UInt32] = []
    /// Whose rules the entries were worked out by.
    private var policy: CompiledPolicy?

    static let none = UInt32.max

    init() {}

    /// Forgets everybody when other rules govern.
    @inline(__always)
    mutating func use(_ policy: CompiledPolicy) {
        if self.policy !== policy {
            self = PersonStandings()
            self.policy = policy
        }
    }

    /// What is known of a person at a moment.
    @inline(__always)
    func entry(_ root: UInt32, at now: Int64) -> Entry? {
        guard Int(root) < entries.count, entries[Int(root)].holds(at: now) else { return nil }
        return entries[Int(root)]
    }

    /// Looks at an entry; what it gives means nothing.
    @inline(__always)
    func touch(_ root: UInt32) -> UInt64 {
        Int(root) < entries.count ? entries[Int(root)].types : 0
    }

    mutating func keep(_ entry: Entry, of root: UInt32) {
        let missing = Int(root) + 1 - entries.count
        if missing > 0 { entries.append(contentsOf: repeatElement(Entry(), count: missing)) }
        entries[Int(root)] = entry
    }

    @inline(__always)
    mutating func forget(_ root: UInt32) {
        if Int(root) < entries.count { entries[Int(root)].isKnown = false }
    }

    mutating func intern(_ row: ConsentRow) -> UInt32 {
        let (number, isNew) = rows.intern(row)
        if isNew { numbers.append(Self.none) }
        return number
    }

    @inline(__always)
    subscript(row: UInt32) -> ConsentRow { rows[row] }

    /// The number of a row in `situations`, where it is made when the first event meets it.
    @inline(__always)
    mutating func number(of row: UInt32, in situations: inout SituationTable) -> UInt32 {
        let known = numbers[Int(row)]
        guard known == Self.none else { return known }
        let number = situations.intern(consent: rows[row])
        numbers[Int(row)] = number
        return number
    }
}

extension FoldState {
    /// What the gates ask of a person, from what was worked out before where that still holds.
    ///
    /// - Parameter now: what expiry is measured against, in microseconds.
    @inline(__always)
    mutating func standing(of root: UInt32, policy: CompiledPolicy, now: Int64)
        -> PersonStandings.Entry
    {
        personStandings.use(policy)
        if root != IdentityTable.none, let known = personStandings.entry(root, at: now) {
            return known
        }
        return workOut(root, policy: policy, now: now)
    }

    @inline(never)
    private mutating func workOut(_ root: UInt32, policy: CompiledPolicy, now: Int64)
        -> PersonStandings.Entry
    {
        var entry = PersonStandings.Entry()
        var row = ConsentRow()
        guard root != IdentityTable.none else {
            entry.row = personStandings.intern(row)
            return entry
        }
        if policy.isStrict {
            row = strictest(of: root, policy: policy)
        } else {
            var states: [ConsentState] = []
            swap(&states, &scratch.purposes)
            purposeStates(of: root, policy: policy, now: now, into: &states)
            for (index, state) in states.enumerated() {
                row.set(state.value, purpose: policy.purposeNumbers[index])
            }
            swap(&states, &scratch.purposes)
            limit(&entry, root: root, policy: policy, now: now)
        }
        entry.row = personStandings.intern(row)
        entry.isKnown = true
        if let types = identity.typeMask(ofRoot: root) {
            entry.types = types
        } else {
            entry.hasOtherTypes = true
        }
        personStandings.keep(entry, of: root)
        return entry
    }

    /// Where any denial denies and nothing expires (C4), in one walk.
    private func strictest(of root: UInt32, policy: CompiledPolicy) -> ConsentRow {
        var row = ConsentRow()
        var member = identity.firstMembers[Int(root)]
        while member != IdentityTable.none {
            consent.forEachStanding(of: member) { purpose, isGrant in
                let bit = UInt64(1) << UInt64(purpose) & policy.purposeMask
                if isGrant { row.granted |= bit } else { row.denied |= bit }
            }
            member = identity.nextMembers[Int(member)]
        }
        row.granted &= ~row.denied
        return row
    }

    /// Between two ends of grants nothing changes by time alone.
    private func limit(
        _ entry: inout PersonStandings.Entry, root: UInt32, policy: CompiledPolicy, now: Int64
    ) {
        for (index, purpose) in policy.policy.purposes.enumerated() {
            guard let length = purpose.expiresAfterMicroseconds else { continue }
            var member = identity.firstMembers[Int(root)]
            while member != IdentityTable.none {
                let standing = consent.standing(
                    of: member, purpose: Int(policy.purposeNumbers[index]))
                if let standing, standing.isGrant {
                    let end = standing.assertedTime.addingReportingOverflow(length)
                    if !end.overflow {
                        if end.partialValue <= now {
                            entry.from = max(entry.from, end.partialValue)
                        } else {
                            entry.until = min(entry.until, end.partialValue)
                        }
                    }
                }
                member = identity.nextMembers[Int(member)]
            }
        }
    }
}
