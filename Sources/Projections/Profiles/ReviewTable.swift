/// Links that would make a profile larger than the policy allows without a person's look (I4).
///
/// One entry a pair, in the order in which the pairs first waited.
struct ReviewTable {
    enum State: UInt8 {
        case waiting = 1
        case approved = 2
        case rejected = 3
    }

    private(set) var anchors: [UInt32] = []
    private(set) var others: [UInt32] = []
    /// The event that waits: the first of its pair since somebody last decided.
    private(set) var offsets: [UInt64] = []
    private(set) var states: [UInt8] = []
    /// Where it was decided; `.max` while it waits.
    private(set) var decided: [UInt64] = []
    private var index: [UInt64: Int] = [:]

    init() {}

    private static func pair(_ a: UInt32, _ b: UInt32) -> UInt64 {
        UInt64(min(a, b)) << 32 | UInt64(max(a, b))
    }

    func entry(_ a: UInt32, _ b: UInt32) -> Int? { index[Self.pair(a, b)] }

    func state(_ entry: Int) -> State? { State(rawValue: states[entry]) }

    /// A link waits; one that waits already stays where it is.
    mutating func wait(anchor: UInt32, other: UInt32, offset: UInt64) {
        guard let entry = entry(anchor, other) else {
            index[Self.pair(anchor, other)] = anchors.count
            anchors.append(anchor)
            others.append(other)
            offsets.append(offset)
            states.append(State.waiting.rawValue)
            decided.append(.max)
            return
        }
        guard state(entry) != .waiting else { return }
        offsets[entry] = offset
        states[entry] = State.waiting.rawValue
        decided[entry] = .max
    }

    mutating func decide(_ entry: Int, _ state: State, at offset: UInt64) {
        states[entry] = state.rawValue
        decided[entry] = offset
    }

    func write(into out: inout CanonicalWriter) {
        out.section("REVW")
        out.column(anchors)
        out.column(others)
        out.column(offsets)
        out.column(states)
        out.column(decided)
    }

    init(from reader: inout CanonicalReader, identifiers: Int) throws(CanonicalError) {
        try reader.section("REVW")
        anchors = try reader.column()
        others = try reader.column()
        offsets = try reader.column()
        states = try reader.column()
        decided = try reader.column()
        guard
            [others.count, offsets.count, states.count, decided.count]
                .allSatisfy({ $0 == anchors.count }),
            zip(anchors, others).allSatisfy({ max($0, $1) < identifiers }),
            states.allSatisfy({ State(rawValue: $0) != nil })
        else { throw CanonicalError(position: reader.position, expected: "reviews") }
        for entry in anchors.indices { index[Self.pair(anchors[entry], others[entry])] = entry }
    }
}
