/// Whom identifiers were seen with lately, and which were seen with too many (I4).
///
/// Kept only while a policy has a burst rule. A meeting names a known person by the identifier that makes
/// it known, since people merge and split.
struct BurstTable {
    static let none = UInt32.max

    // By identifier, as far as one has met anybody.
    private var heads: [UInt32] = []
    // One entry a person met, with the newest time. Whatever is a window or more older than a meeting is
    // forgotten at it, and its place taken by the next, so that a chain stays as short as the rule.
    private var known: [UInt32] = []
    private var times: [Int64] = []
    private var next: [UInt32] = []
    /// Identifiers that link no more, and from which offset on, in order.
    private(set) var stopped: [UInt32] = []
    private(set) var stoppedAt: [UInt64] = []
    private var isStopped: Set<UInt32> = []

    init() {}

    /// Whether an identifier links no more.
    @inline(__always)
    func stops(_ identifier: UInt32) -> Bool {
        !isStopped.isEmpty && isStopped.contains(identifier)
    }

    var isEmpty: Bool { isStopped.isEmpty }

    mutating func stop(_ identifier: UInt32, at offset: UInt64) {
        guard isStopped.insert(identifier).inserted else { return }
        stopped.append(identifier)
        stoppedAt.append(offset)
    }

    /// Notes that `identifier` came with somebody who is known by `person`.
    ///
    /// - Returns: by whom it was met within the window, as identifiers that make them known.
    mutating func meet(_ identifier: UInt32, _ person: UInt32, time: Int64, window: Int64)
        -> [UInt32]
    {
        let missing = Int(identifier) + 1 - heads.count
        if missing > 0 { heads.append(contentsOf: repeatElement(Self.none, count: missing)) }
        var met: [UInt32] = []
        var old: UInt32?
        var isNoted = false
        var entry = heads[Int(identifier)]
        while entry != Self.none {
            let place = Int(entry)
            if known[place] == person {
                times[place] = max(times[place], time)
                isNoted = true
            }
            if Self.isInside(times[place], window: window, now: time) {
                met.append(known[place])
            } else {
                // Forgotten for good, so that what a late event is told does not depend on free places.
                times[place] = .min
                old = old ?? entry
            }
            entry = next[place]
        }
        guard !isNoted else { return met }
        if let old {
            known[Int(old)] = person
            times[Int(old)] = time
        } else {
            next.append(heads[Int(identifier)])
            heads[Int(identifier)] = UInt32(known.count)
            known.append(person)
            times.append(time)
        }
        met.append(person)
        return met
    }

    private static func isInside(_ time: Int64, window: Int64, now: Int64) -> Bool {
        let age = now.subtractingReportingOverflow(time)
        return age.overflow ? now < time : age.partialValue < window
    }

    func write(into out: inout CanonicalWriter) {
        out.section("BRST")
        out.column(heads)
        out.column(known)
        out.column(times)
        out.column(next)
        out.column(stopped)
        out.column(stoppedAt)
    }

    init(from reader: inout CanonicalReader, identifiers: Int) throws(CanonicalError) {
        try reader.section("BRST")
        heads = try reader.column()
        known = try reader.column()
        times = try reader.column()
        next = try reader.column()
        stopped = try reader.column()
        stoppedAt = try reader.column()
        guard times.count == known.count, next.count == known.count,
            heads.count <= identifiers, stopped.count == stoppedAt.count,
            (known + stopped).allSatisfy({ $0 < identifiers }),
            heads.allSatisfy({ $0 == Self.none || $0 < known.count }),
            // A chain leads to what was there before, so that it ends.
            next.enumerated().allSatisfy({ $1 == Self.none || $1 < $0 })
        else { throw CanonicalError(position: reader.position, expected: "meetings") }
        isStopped = Set(stopped)
    }
}
