import CustomerModel
import EventLog

/// One lane's effects. Pending is what was released or planned and has no end yet; an event's effect is
/// one bit, and only those in an unusual state have a row of their own.
struct LaneState {
    let lane: Lane
    /// The policy record that opened the lane: nothing earlier is released by itself.
    let start: UInt64
    /// Everything below this is released or withheld for good.
    var releasedTo: UInt64
    private(set) var released: OffsetSet
    private(set) var delivered: OffsetSet
    private(set) var open: OffsetSet
    private(set) var exceptions: [UInt64: EffectRow] = [:]
    private(set) var memberships: [MembershipEffect] = []
    private var membershipIndex: [MembershipEffect.Key: Int] = [:]
    private(set) var openMemberships: [Int] = []
    /// Audiences that anything was ever released of; derived.
    private(set) var audiences: Set<UInt16> = []
    var corrections = CorrectionTable()
    /// What was last told of each identifier in an audience: 1 entered, 2 exited, 3 maybe entered.
    private(set) var told: [ToldKey: UInt8] = [:]
    /// Who is held in an audience that the destination was told of and should not be: exits that wait for
    /// their release, in the order in which they came up (E2).
    private(set) var withdrawals: [MembershipEffect.Key] = []
    /// Derived: the people of ``withdrawals``.
    private var withdrawn: Set<Withdrawn> = []
    /// Released ranges whose digest did not match what this fold decided (A2). While not empty nothing
    /// is sent.
    var disagreements: [UInt64] = []

    struct EffectRow: Equatable {
        var status: EffectStatus
        var tries: UInt16 = 0
        var attempt: UInt64 = .max
        /// Index of the plan; `.max` for none.
        var plan: UInt32 = .max
        var gates: UInt16 = 0
        /// Whether a restore left it behind (L3): nothing takes it up but a plan or an operator.
        var isFrozen = false

        /// Whether the dispatcher may take it up.
        var isOpen: Bool { status.isOpen && !isFrozen }
    }

    struct MembershipEffect: Equatable {
        struct Key: Hashable {
            var audience: UInt16
            var profile: ProfileID
            var at: UInt64
        }
        var key: Key
        var change: MembershipChange
        var row: EffectRow
    }

    private struct Withdrawn: Hashable {
        var audience: UInt16
        var profile: ProfileID

        init(_ key: MembershipEffect.Key) {
            audience = key.audience
            profile = key.profile
        }
    }

    struct ToldKey: Hashable, Comparable {
        var audience: UInt16
        var identifier: UInt32
        static func < (a: ToldKey, b: ToldKey) -> Bool {
            (a.audience, a.identifier) < (b.audience, b.identifier)
        }
    }

    init(lane: Lane, start: UInt64, space: OffsetSpace) {
        self.lane = lane
        self.start = start
        releasedTo = start
        released = OffsetSet(space: space)
        delivered = OffsetSet(space: space)
        open = OffsetSet(space: space)
    }

    // MARK: Event effects

    mutating func release(_ offset: UInt64) {
        released.insert(offset)
        if !delivered.contains(offset), exceptions[offset] == nil { open.insert(offset) }
    }

    /// What a plan may do about an effect whose outcome is unknown.
    enum UnknownOutcome {
        /// Nothing: nobody guesses (R3).
        case leave
        /// Have the destination asked, if a restore left it behind.
        case lookUp
    }

    /// Names an effect in a plan; one that was told, or is on its way, is left alone (R3).
    mutating func plan(_ offset: UInt64, plan: UInt32, unknown: UnknownOutcome) {
        guard !delivered.contains(offset), !open.contains(offset) else { return }
        switch exceptions[offset]?.status {
        case .unknown where unknown == .lookUp:
            guard var row = exceptions[offset] else { return }
            row.isFrozen = false
            row.plan = plan
            setRow(offset, row)
            return
        case .attempting, .unknown, .pending, .delivered: return
        case .rejected, .cancelled, .superseded, .parked, nil: break
        }
        exceptions[offset] = EffectRow(status: .pending, plan: plan)
        open.insert(offset)
    }

    func row(_ offset: UInt64) -> EffectRow? {
        if delivered.contains(offset) { return EffectRow(status: .delivered) }
        if let row = exceptions[offset] { return row }
        return open.contains(offset) ? EffectRow(status: .pending) : nil
    }

    mutating func setRow(_ offset: UInt64, _ row: EffectRow) {
        if row.status == .delivered {
            delivered.insert(offset)
            exceptions[offset] = nil
            open.remove(offset)
            return
        }
        // A delivered effect never becomes anything else.
        guard !delivered.contains(offset) else { return }
        exceptions[offset] = row
        if row.isOpen { open.insert(offset) } else { open.remove(offset) }
    }

    /// Leaves everything without an end behind, as the log begins another incarnation at `offset` (L3).
    ///
    /// What waited is cancelled: it may have been told after the backup was made, so it goes out only by a
    /// plan. What was on its way is unknown, and what was unknown stays so.
    ///
    /// - Returns: the membership effects that were left behind.
    mutating func restore(at offset: UInt64, space: OffsetSpace) -> [MembershipEffect] {
        released.follow(space)
        delivered.follow(space)
        open.follow(space)
        releasedTo = max(releasedTo, offset)
        var waiting: [UInt64] = []
        open.forEachAscending {
            waiting.append($0)
            return true
        }
        for offset in waiting where exceptions[offset] == nil {
            setRow(offset, EffectRow(status: .cancelled, isFrozen: true))
        }
        for offset in exceptions.keys.sorted() {
            guard let row = exceptions[offset], let left = Self.leftBehind(row) else { continue }
            setRow(offset, left)
        }
        corrections.restore(Self.leftBehind)
        withdrawals = []
        withdrawn = []
        var behind: [MembershipEffect] = []
        for effect in memberships {
            guard let left = Self.leftBehind(effect.row) else { continue }
            setMembership(effect.key, left)
            behind.append(effect)
        }
        return behind
    }

    private static func leftBehind(_ row: EffectRow) -> EffectRow? {
        var row = row
        switch row.status {
        case .pending, .parked: row.status = .cancelled
        case .attempting, .unknown: row.status = .unknown
        case .delivered, .rejected, .cancelled, .superseded: return nil
        }
        row.isFrozen = true
        return row
    }

    mutating func takeOpen() -> OffsetSet {
        var taken = OffsetSet()
        swap(&taken, &open)
        return taken
    }

    mutating func putBack(_ set: OffsetSet) { open = set }

    // MARK: Membership effects

    /// Names a membership effect in a release, or in a plan.
    mutating func release(
        _ key: MembershipEffect.Key, change: MembershipChange, plan: UInt32 = .max
    ) {
        guard membershipIndex[key] == nil else { return }
        membershipIndex[key] = memberships.count
        openMemberships.append(memberships.count)
        audiences.insert(key.audience)
        memberships.append(
            MembershipEffect(
                key: key, change: change, row: EffectRow(status: .pending, plan: plan)))
    }

    /// Notes an exit that is to be released.
    mutating func withdraw(_ key: MembershipEffect.Key) {
        if withdrawn.insert(Withdrawn(key)).inserted { withdrawals.append(key) }
    }

    /// Takes out what a release or a plan has named.
    mutating func endWithdrawals(_ keys: some Sequence<MembershipEffect.Key>) {
        guard !withdrawals.isEmpty else { return }
        let ended = Set(keys.map(Withdrawn.init))
        guard !ended.isDisjoint(with: withdrawn) else { return }
        withdrawals.removeAll { ended.contains(Withdrawn($0)) }
        withdrawn.subtract(ended)
    }

    /// What the destination was told to be so, or may have been, in order.
    var heldKeys: [ToldKey] { told.filter { $0.value != 2 }.keys.sorted() }

    func membership(_ key: MembershipEffect.Key) -> MembershipEffect? {
        membershipIndex[key].map { memberships[$0] }
    }

    mutating func setMembership(_ key: MembershipEffect.Key, _ row: EffectRow) {
        guard let index = membershipIndex[key] else { return }
        memberships[index].row = row
        let isListed = openMemberships.contains(index)
        if row.isOpen && !isListed {
            openMemberships.append(index)
            openMemberships.sort()
        } else if !row.isOpen && isListed {
            openMemberships.removeAll { $0 == index }
        }
    }

    mutating func setTold(_ key: ToldKey, _ value: UInt8) { told[key] = value }

    /// Takes parked effects up again, with their tries counted anew.
    mutating func redrive() {
        for offset in exceptions.keys.sorted() {
            guard var row = exceptions[offset], row.status == .parked else { continue }
            row.status = .pending
            row.tries = 0
            setRow(offset, row)
        }
        for effect in memberships where effect.row.status == .parked {
            var row = effect.row
            row.status = .pending
            row.tries = 0
            setMembership(effect.key, row)
        }
        corrections.redrive()
    }

    // MARK: Counts

    /// Events that the destination was told and was not asked to delete since.
    var held: OffsetSet {
        var held = delivered
        for (offset, told) in corrections.told where told.correction == .retract {
            held.remove(offset)
        }
        return held
    }

    func counts() -> [EffectStatus: Int] {
        var counts: [EffectStatus: Int] = [.delivered: delivered.count]
        var plainOpen = open.count
        for row in exceptions.values {
            counts[row.status, default: 0] += 1
            if row.isOpen { plainOpen -= 1 }
        }
        counts[.pending, default: 0] += plainOpen
        for effect in memberships { counts[effect.row.status, default: 0] += 1 }
        return counts
    }

    // MARK: Canonical bytes

    func write(into out: inout CanonicalWriter) {
        out.section("LANE")
        out.text(lane.destination)
        out.integer(Int64(lane.epoch))
        out.text(lane.slot)
        out.integer(start)
        out.integer(releasedTo)
        released.write(into: &out)
        delivered.write(into: &out)
        open.write(into: &out)
        out.integer(UInt64(exceptions.count))
        for offset in exceptions.keys.sorted() {
            guard let row = exceptions[offset] else { continue }
            out.integer(offset)
            Self.write(row, into: &out)
        }
        out.integer(UInt64(memberships.count))
        for effect in memberships {
            Self.write(effect.key, into: &out)
            out.integer(effect.change.code)
            Self.write(effect.row, into: &out)
        }
        out.integer(UInt64(told.count))
        for key in told.keys.sorted() {
            guard let value = told[key] else { continue }
            out.integer(key.audience)
            out.integer(key.identifier)
            out.integer(value)
        }
        out.integer(UInt64(withdrawals.count))
        for key in withdrawals { Self.write(key, into: &out) }
        out.column(disagreements)
        corrections.write(into: &out)
    }

    static func write(_ key: MembershipEffect.Key, into out: inout CanonicalWriter) {
        out.integer(key.audience)
        out.integer(key.profile.offset)
        out.integer(key.profile.ordinal)
        out.integer(key.at)
    }

    static func key(_ reader: inout CanonicalReader) throws(CanonicalError)
        -> MembershipEffect.Key
    {
        MembershipEffect.Key(
            audience: try reader.integer(),
            profile: ProfileID(offset: try reader.integer(), ordinal: try reader.integer()),
            at: try reader.integer())
    }

    static func write(_ row: EffectRow, into out: inout CanonicalWriter) {
        out.integer(row.status.rawValue)
        out.integer(row.tries)
        out.integer(row.attempt)
        out.integer(row.plan)
        out.integer(row.gates)
        out.flag(row.isFrozen)
    }

    static func row(_ reader: inout CanonicalReader) throws(CanonicalError) -> EffectRow {
        guard let status = EffectStatus(rawValue: try reader.integer()) else {
            throw CanonicalError(position: reader.position, expected: "an effect's status")
        }
        return EffectRow(
            status: status, tries: try reader.integer(), attempt: try reader.integer(),
            plan: try reader.integer(), gates: try reader.integer(), isFrozen: try reader.flag())
    }

    init(from reader: inout CanonicalReader, space: OffsetSpace) throws(CanonicalError) {
        try reader.section("LANE")
        let destination = try reader.text()
        let epoch = Int(try reader.integer(Int64.self))
        lane = Lane(destination: destination, epoch: epoch, slot: try reader.text())
        start = try reader.integer()
        releasedTo = try reader.integer()
        released = try OffsetSet(from: &reader, space: space)
        delivered = try OffsetSet(from: &reader, space: space)
        open = try OffsetSet(from: &reader, space: space)
        for _ in 0..<(try reader.count(UInt64.self)) {
            let offset = try reader.integer(UInt64.self)
            exceptions[offset] = try Self.row(&reader)
        }
        for index in 0..<(try reader.count(UInt64.self)) {
            let key = try Self.key(&reader)
            guard let change = MembershipChange(code: try reader.integer()) else {
                throw CanonicalError(position: reader.position, expected: "a change")
            }
            let row = try Self.row(&reader)
            memberships.append(MembershipEffect(key: key, change: change, row: row))
            membershipIndex[key] = index
            audiences.insert(key.audience)
            if row.isOpen { openMemberships.append(index) }
        }
        for _ in 0..<(try reader.count(UInt64.self)) {
            let key = ToldKey(
                audience: try reader.integer(), identifier: try reader.integer())
            told[key] = try reader.integer()
        }
        for _ in 0..<(try reader.count(UInt64.self)) { withdraw(try Self.key(&reader)) }
        disagreements = try reader.column()
        corrections = try CorrectionTable(from: &reader)
    }
}
