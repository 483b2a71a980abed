import CustomerModel
import EventLog

/// Every attempt there was and what became of it: the ledger that disclosures are read from.
struct AttemptTable {
    // One entry an attempt, in order of its record.
    private(set) var offsets: [UInt64] = []
    private(set) var lanes: [UInt16] = []
    private(set) var memberEnds: [UInt64] = []
    private(set) var receipts: [UInt64] = []
    /// What each attempt's second look had read up to (E6).
    private(set) var looks: [UInt64] = []
    /// Index of the plan that the request was made for; ``noPlan`` for none.
    private(set) var plans: [UInt32] = []
    // One entry a member.
    private(set) var members: [UInt64] = []
    private(set) var outcomes: [UInt8] = []
    /// The identifier that leads to the member's person; none where the event had nobody.
    private(set) var subjects: [UInt32] = []
    /// The audience that the member told of; `.max` for an event.
    private(set) var audiences: [UInt16] = []
    /// Attempts without a receipt, ascending; derived.
    private(set) var open: [Int] = []
    // Each subject's own members, newest first, so that a question about one person costs by what was told
    // of that person; derived.
    private var earlierOfSubject: [UInt32] = []
    private var newestOfSubject: [UInt32] = []
    /// The newest member that had nobody.
    private var newestOfNobody = UInt32.max

    static let noAudience = UInt16.max
    static let noPlan = UInt32.max
    /// Of a plan whose own record is lost (L9).
    static let lostPlan = UInt32.max - 1

    init() {}

    var count: Int { offsets.count }

    func range(_ attempt: Int) -> Range<Int> {
        (attempt == 0 ? 0 : Int(memberEnds[attempt - 1]))..<Int(memberEnds[attempt])
    }

    /// The attempt that a member is of.
    func attempt(ofMember member: Int) -> Int {
        memberEnds.partitioningIndex { $0 > UInt64(member) }
    }

    /// Calls `visit` with each member whose subject is `identifier`, newest first; `IdentityTable.none` asks
    /// for those that had nobody.
    func forEachMember(of identifier: UInt32, _ visit: (Int) -> Void) {
        var member = UInt32.max
        if identifier == IdentityTable.none {
            member = newestOfNobody
        } else if Int(identifier) < newestOfSubject.count {
            member = newestOfSubject[Int(identifier)]
        }
        while member != .max {
            visit(Int(member))
            member = earlierOfSubject[Int(member)]
        }
    }

    /// Chains the next member.
    private mutating func chain(_ subject: UInt32) {
        let member = UInt32(earlierOfSubject.count)
        precondition(member < .max, "more than four billion effects were attempted")
        guard subject != IdentityTable.none else {
            earlierOfSubject.append(newestOfNobody)
            newestOfNobody = member
            return
        }
        let missing = Int(subject) + 1 - newestOfSubject.count
        if missing > 0 { newestOfSubject.append(contentsOf: repeatElement(.max, count: missing)) }
        earlierOfSubject.append(newestOfSubject[Int(subject)])
        newestOfSubject[Int(subject)] = member
    }

    mutating func append(
        offset: UInt64, lane: Int, look: UInt64, plan: UInt32,
        members new: [(at: UInt64, subject: UInt32, audience: UInt16)]
    ) {
        open.append(offsets.count)
        offsets.append(offset)
        lanes.append(UInt16(lane))
        receipts.append(.max)
        looks.append(look)
        plans.append(plan)
        for member in new {
            members.append(member.at)
            subjects.append(member.subject)
            chain(member.subject)
            audiences.append(member.audience)
            outcomes.append(EffectStatus.attempting.rawValue)
        }
        memberEnds.append(UInt64(members.count))
    }

    /// The attempt whose record stands at `offset`.
    func index(of offset: UInt64) -> Int? {
        let place = offsets.partitioningIndex { $0 >= offset }
        return place < offsets.count && offsets[place] == offset ? place : nil
    }

    mutating func settle(_ attempt: Int, receipt: UInt64, outcome: (Int) -> EffectStatus) {
        receipts[attempt] = receipt
        open.removeAll { $0 == attempt }
        for (place, member) in range(attempt).enumerated() {
            outcomes[member] = outcome(place).rawValue
        }
    }

    func write(into out: inout CanonicalWriter) {
        out.section("ATTE")
        out.column(offsets)
        out.column(lanes)
        out.column(memberEnds)
        out.column(receipts)
        out.column(looks)
        out.column(plans)
        out.column(members)
        out.column(outcomes)
        out.column(subjects)
        out.column(audiences)
    }

    init(from reader: inout CanonicalReader) throws(CanonicalError) {
        try reader.section("ATTE")
        offsets = try reader.column()
        lanes = try reader.column()
        memberEnds = try reader.column()
        receipts = try reader.column()
        looks = try reader.column()
        plans = try reader.column()
        members = try reader.column()
        outcomes = try reader.column()
        subjects = try reader.column()
        audiences = try reader.column()
        open = receipts.indices.filter { receipts[$0] == .max }
        guard lanes.count == offsets.count, memberEnds.count == offsets.count,
            receipts.count == offsets.count, looks.count == offsets.count,
            plans.count == offsets.count, outcomes.count == members.count,
            subjects.count == members.count, audiences.count == members.count,
            zip(memberEnds, memberEnds.dropFirst()).allSatisfy({ $0 <= $1 }),
            memberEnds.last.map({ $0 == UInt64(members.count) }) ?? members.isEmpty
        else { throw CanonicalError(position: reader.position, expected: "attempt columns") }
        earlierOfSubject.reserveCapacity(subjects.count)
        for subject in subjects { chain(subject) }
    }
}
