import CustomerModel
import EventLog

extension MembershipChange {
    /// One byte, for columns.
    var code: UInt8 { self == .entered ? 1 : 2 }

    init?(code: UInt8) {
        switch code {
        case 1: self = .entered
        case 2: self = .exited
        default: return nil
        }
    }
}

/// Why a membership changed.
public enum MembershipReason: UInt8, Equatable, Sendable {
    case event = 1
    /// An event that came from a file: not sent (T2).
    case imported = 2
    /// A window passed.
    case tick = 3
    /// The audience's definition changed.
    case policy = 4
    /// Somebody approved or retracted a link.
    case identity = 5

    public var name: String {
        switch self {
        case .event: "event"
        case .imported: "import"
        case .tick: "tick"
        case .policy: "policy"
        case .identity: "identity"
        }
    }
}

/// Who is in which audience, and every change there ever was.
struct MembershipTable {
    /// Audiences by name; they outlive the policy version that defined them.
    var audiences = NameTable()
    /// By audience, by node: 1 while a member.
    private(set) var members: [[UInt8]] = []
    /// By audience, by node: the last change; derived.
    private var lastChanges: [[UInt32]] = []
    /// By change: the one before it of the same node in the same audience; derived.
    private var earlierChanges: [UInt32] = []
    // One entry a change, in order.
    private(set) var changeOffsets: [UInt64] = []
    private(set) var changeAudiences: [UInt16] = []
    private(set) var changeNodes: [UInt32] = []
    private(set) var changeProfiles: [UInt64] = []
    private(set) var changeOrdinals: [UInt16] = []
    private(set) var changeKinds: [UInt8] = []
    private(set) var changeReasons: [UInt8] = []

    init() {}

    var changeCount: Int { changeOffsets.count }

    func isMember(_ audience: Int, _ node: UInt32) -> Bool {
        audience < members.count && Int(node) < members[audience].count
            && members[audience][Int(node)] == 1
    }

    func count(_ audience: Int) -> Int {
        guard audience < members.count else { return 0 }
        return members[audience].reduce(into: 0) { $0 += Int($1) }
    }

    func forEachMember(_ audience: Int, _ visit: (UInt32) -> Void) {
        guard audience < members.count else { return }
        for node in members[audience].indices where members[audience][node] == 1 {
            visit(UInt32(node))
        }
    }

    /// What a node is a member of, ascending.
    func audiences(of node: UInt32) -> [Int] {
        members.indices.filter { isMember($0, node) }
    }

    /// A node that went under another is nobody any more; no change is recorded, since its person stays.
    mutating func forget(_ node: UInt32) {
        for audience in members.indices where Int(node) < members[audience].count {
            members[audience][Int(node)] = 0
        }
    }

    /// Takes a new node for a member without a change: until it is judged, it is what it was a part of.
    mutating func assume(_ audience: Int, _ node: UInt32) {
        while members.count <= audience { members.append([]) }
        let missing = Int(node) + 1 - members[audience].count
        if missing > 0 { members[audience].append(contentsOf: repeatElement(0, count: missing)) }
        members[audience][Int(node)] = 1
    }

    mutating func forget(_ node: UInt32, in audience: Int) { members[audience][Int(node)] = 0 }

    /// Makes the membership so.
    ///
    /// - Returns: whether that changed it.
    mutating func set(
        _ audience: Int, node: UInt32, isMember: Bool, profile: ProfileID, offset: UInt64,
        reason: MembershipReason
    ) -> Bool {
        while members.count <= audience { members.append([]) }
        if members[audience].count <= Int(node) {
            guard isMember else { return false }
            let missing = Int(node) + 1 - members[audience].count
            members[audience].append(contentsOf: repeatElement(0, count: missing))
        }
        guard (members[audience][Int(node)] == 1) != isMember else { return false }
        members[audience][Int(node)] = isMember ? 1 : 0
        noteLast(changeOffsets.count, audience: audience, node: node)
        changeOffsets.append(offset)
        changeAudiences.append(UInt16(audience))
        changeNodes.append(node)
        changeProfiles.append(profile.offset)
        changeOrdinals.append(profile.ordinal)
        changeKinds.append((isMember ? MembershipChange.entered : .exited).code)
        changeReasons.append(reason.rawValue)
        return true
    }

    private mutating func noteLast(_ change: Int, audience: Int, node: UInt32) {
        while lastChanges.count <= audience { lastChanges.append([]) }
        let missing = Int(node) + 1 - lastChanges[audience].count
        if missing > 0 {
            lastChanges[audience].append(contentsOf: repeatElement(.max, count: missing))
        }
        earlierChanges.append(lastChanges[audience][Int(node)])
        lastChanges[audience][Int(node)] = UInt32(change)
    }

    /// The change that made `node` a member, as it stood once the record at `offset` was applied; nil when it
    /// was none.
    ///
    /// - Precondition: `node` carried a person then.
    func since(_ audience: Int, _ node: UInt32, asOf offset: UInt64) -> UInt64? {
        guard audience < lastChanges.count, Int(node) < lastChanges[audience].count else {
            return nil
        }
        var change = lastChanges[audience][Int(node)]
        while change != .max, changeOffsets[Int(change)] > offset {
            change = earlierChanges[Int(change)]
        }
        guard change != .max,
            changeKinds[Int(change)] == MembershipChange.entered.code
        else { return nil }
        return changeOffsets[Int(change)]
    }

    /// Every node that ever was in the audience, in order.
    func forEachEverMember(_ audience: Int, _ visit: (UInt32) -> Void) {
        guard audience < lastChanges.count else { return }
        for (node, change) in lastChanges[audience].enumerated() where change != .max {
            visit(UInt32(node))
        }
    }

    /// The offset since which `node` has been in the audience; nil when it is not.
    func since(_ audience: Int, _ node: UInt32) -> UInt64? {
        guard isMember(audience, node) else { return nil }
        return changeOffsets[Int(lastChanges[audience][Int(node)])]
    }

    func change(_ index: Int) -> (
        offset: UInt64, audience: Int, node: UInt32, profile: ProfileID, change: MembershipChange,
        reason: MembershipReason
    )? {
        guard let change = MembershipChange(code: changeKinds[index]),
            let reason = MembershipReason(rawValue: changeReasons[index])
        else { return nil }
        return (
            changeOffsets[index], Int(changeAudiences[index]), changeNodes[index],
            ProfileID(offset: changeProfiles[index], ordinal: changeOrdinals[index]), change, reason
        )
    }

    /// The first change at or after `offset`.
    func firstChange(from offset: UInt64) -> Int {
        changeOffsets.partitioningIndex { $0 >= offset }
    }

    func write(into out: inout CanonicalWriter) {
        out.section("MEMB")
        audiences.write(into: &out)
        out.integer(UInt32(members.count))
        for column in members { out.column(column) }
        out.column(changeOffsets)
        out.column(changeAudiences)
        out.column(changeNodes)
        out.column(changeProfiles)
        out.column(changeOrdinals)
        out.column(changeKinds)
        out.column(changeReasons)
    }

    /// `nodes` is how many people the identity table has.
    init(from reader: inout CanonicalReader, nodes: Int) throws(CanonicalError) {
        try reader.section("MEMB")
        audiences = try NameTable(from: &reader)
        for _ in 0..<(try reader.integer(UInt32.self)) { members.append(try reader.column()) }
        changeOffsets = try reader.column()
        changeAudiences = try reader.column()
        changeNodes = try reader.column()
        changeProfiles = try reader.column()
        changeOrdinals = try reader.column()
        changeKinds = try reader.column()
        changeReasons = try reader.column()
        let sizes = [
            changeAudiences.count, changeNodes.count, changeProfiles.count, changeOrdinals.count,
            changeKinds.count, changeReasons.count,
        ]
        guard sizes.allSatisfy({ $0 == changeOffsets.count }) else {
            throw CanonicalError(position: reader.position, expected: "equal columns")
        }
        guard changeAudiences.allSatisfy({ Int($0) < audiences.names.count }),
            changeNodes.allSatisfy({ Int($0) < nodes })
        else { throw CanonicalError(position: reader.position, expected: "known audiences") }
        for index in changeOffsets.indices {
            noteLast(index, audience: Int(changeAudiences[index]), node: changeNodes[index])
        }
    }
}
