import CustomerModel

/// Audiences as somebody would work them out by hand: everything a person did, looked at from the start at
/// every question. Shares nothing with the fold but times and texts.
struct PlainPerson {
    struct Event {
        var offset: UInt64
        var time: Int64
        var name: String
        /// In tenths.
        var amount: Int?
        var text: String?
    }
    struct Assertion {
        var anchor: String
        var time: Int64
        var isGrant: Bool
    }

    var identifiers: Set<String> = []
    var events: [Event] = []
    var assertions: [Assertion] = []
    var plan: (time: Int64, offset: UInt64, text: String)?

    static let hour: Int64 = 3_600_000_000
    static let day = 24 * hour

    /// What somebody did who turned out to be two.
    mutating func absorb(_ other: PlainPerson) {
        identifiers.formUnion(other.identifiers)
        events += other.events
        // In the order of the log, as each identifier heard them.
        assertions += other.assertions
        guard let theirs = other.plan else { return }
        if let mine = plan, (mine.time, mine.offset) > (theirs.time, theirs.offset) { return }
        plan = theirs
    }

    /// Events of one name, oldest first.
    private func did(_ name: String, _ window: Int64? = nil, now: Int64?) -> [Event] {
        events.filter { event in
            guard event.name == name else { return false }
            guard let window, let now else { return true }
            return now - event.time < window
        }.sorted { ($0.time, $0.offset) < ($1.time, $1.offset) }
    }

    private func consent(now: Int64?) -> String {
        var latestGrant: Int64?
        for identifier in identifiers {
            var standing: (isGrant: Bool, time: Int64)?
            for said in assertions where said.anchor == identifier {
                guard let before = standing else {
                    standing = (said.isGrant, said.time)
                    continue
                }
                let isLater = said.time > before.time
                if said.isGrant ? isLater : before.isGrant || isLater {
                    standing = (said.isGrant, said.time)
                }
            }
            guard let standing else { continue }
            if !standing.isGrant { return "denied" }
            latestGrant = max(latestGrant ?? .min, standing.time)
        }
        guard let latestGrant else { return "unknown" }
        if let now, now - latestGrant >= 3 * Self.day { return "expired" }
        return "granted"
    }

    private func isIn(_ name: String, now: Int64?) -> Bool {
        switch name {
        case "counted": return did("A", 2 * Self.day, now: now).count >= 2
        case "summed":
            return did("A", 3 * Self.day, now: now).reduce(0) { $0 + ($1.amount ?? 0) } >= 100
        case "summed_ever": return did("A", now: now).reduce(0) { $0 + ($1.amount ?? 0) } >= 250
        case "smallest":
            let amounts = did("B", 4 * Self.day, now: now).compactMap(\.amount)
            return amounts.min().map { $0 < 20 } ?? false
        case "largest":
            return did("A", now: now).compactMap(\.amount).max().map { $0 > 90 } ?? false
        case "first": return did("A", now: now).first { $0.text != nil }?.text == "k1"
        case "last":
            let last = did("B", 2 * Self.day, now: now).last { $0.text != nil }?.text
            return last == "k0" || last == "k2"
        case "quiet":
            guard let now, let last = did("A", now: now).last else { return false }
            return now - last.time >= Self.day
        case "fresh":
            guard let first = did("C", now: now).first else { return false }
            return now.map { $0 - first.time < 2 * Self.day } ?? true
        case "varied":
            return Set(did("A", 5 * Self.day, now: now).compactMap(\.text)).count >= 2
        case "stepped":
            return hasSequence(["A", "B", "C"], within: 2 * Self.day, window: 5 * Self.day, now)
        case "repeated":
            let large = did("A", now: now).filter { ($0.amount ?? 0) >= 50 }
            return did("A", now: now).contains { first in
                large.contains { ($0.time, $0.offset) > (first.time, first.offset) }
            }
        case "left": return hasAbsence(window: 4 * Self.day, within: Self.day, text: nil, now)
        case "left_ever": return hasAbsence(window: nil, within: 2 * Self.day, text: "k0", now)
        case "agreed": return consent(now: now) == "granted"
        case "lapsed": return consent(now: now) == "expired"
        case "nested":
            return isIn("counted", now: now) && !isIn("left", now: now)
                && (plan?.text == "p1" || isIn("stepped", now: now))
        case "outer": return !isIn("nested", now: now) && isIn("agreed", now: now)
        default: return false
        }
    }

    private func hasSequence(_ names: [String], within: Int64, window: Int64, _ now: Int64?) -> Bool
    {
        let steps = names.map { did($0, window, now: now) }
        for first in steps[0] {
            for second in steps[1]
            where (second.time, second.offset) > (first.time, first.offset) {
                for third in steps[2]
                where (third.time, third.offset) > (second.time, second.offset)
                    && third.time - first.time < within
                {
                    return true
                }
            }
        }
        return false
    }

    private func hasAbsence(window: Int64?, within: Int64, text: String?, _ now: Int64?) -> Bool {
        guard let now else { return false }
        let answers = did("B", now: now).filter { text == nil || $0.text == text }
        return did("A", window, now: now).contains { event in
            event.time + within <= now
                && !answers.contains {
                    ($0.time, $0.offset) > (event.time, event.offset)
                        && $0.time - event.time < within
                }
        }
    }

    /// The names of the audiences that the person is in.
    func audiences(_ names: [String], now: Int64?) -> Set<String> {
        Set(names.filter { isIn($0, now: now) })
    }

    /// Attributes as `name value`, of those that have one.
    func attributes(now: Int64?) -> Set<String> {
        var found: Set<String> = ["orders \(did("A", now: now).count)"]
        let recent = did("A", 3 * Self.day, now: now).reduce(0) { $0 + ($1.amount ?? 0) }
        found.insert("recent \(Amount(billionths: Int128(recent) * 100_000_000))")
        if let first = did("B", now: now).first(where: { $0.text != nil }) {
            found.insert("began \"\(first.text ?? "")\"")
        }
        if let least = did("A", 2 * Self.day, now: now).compactMap(\.amount).min() {
            found.insert("least \(Amount(billionths: Int128(least) * 100_000_000))")
        }
        found.insert("kinds \(Set(did("A", now: now).compactMap(\.text)).count)")
        return found
    }

    static let policy = """
        policy: plain
        identity:
          types:
            - { type: user_id }
            - { type: anonymous_id }
        purposes:
          analytics: { segment: [Analytics], expires: 3d }
        attributes:
          orders: { count: { event: A } }
          recent: { sum: { event: A, of: properties.v, within: 3d } }
          began: { first: { event: B, of: properties.k } }
          least: { min: { event: A, of: properties.v, within: 2d } }
          kinds: { distinct: { event: A, of: properties.k } }
        audiences:
        """

    /// In the order of their mention, what the policy says of each.
    static let definitions: [(name: String, text: String)] = [
        ("counted", "count: { event: A, within: 2d, atLeast: 2 }"),
        ("summed", "sum: { event: A, of: properties.v, within: 3d, atLeast: 10 }"),
        ("summed_ever", "sum: { event: A, of: properties.v, atLeast: 25 }"),
        ("smallest", "min: { event: B, of: properties.v, within: 4d, lessThan: 2 }"),
        ("largest", "max: { event: A, of: properties.v, moreThan: 9 }"),
        ("first", "first: { event: A, of: properties.k, is: k1 }"),
        ("last", "last: { event: B, of: properties.k, within: 2d, isOneOf: [k0, k2] }"),
        ("quiet", "last: { event: A, olderThan: 1d }"),
        ("fresh", "first: { event: C, newerThan: 2d }"),
        ("varied", "distinct: { event: A, of: properties.k, within: 5d, atLeast: 2 }"),
        (
            "stepped",
            "sequence: { steps: [{ event: A }, { event: B }, { event: C }], within: 2d, over: 5d }"
        ),
        (
            "repeated",
            "sequence: { steps: [{ event: A }, { event: A, where: { field: properties.v, atLeast: 5 } }] }"
        ),
        ("left", "absence: { of: { event: B }, after: { event: A }, within: 1d, over: 4d }"),
        (
            "left_ever",
            "absence: { of: { event: B, where: { field: properties.k, is: k0 } }, after: { event: A }, within: 2d }"
        ),
        ("agreed", "consent: { analytics: granted }"),
        ("lapsed", "consent: { analytics: expired }"),
        // Further up than what they speak of.
        (
            "nested",
            "all: [{ audience: counted }, { not: { audience: left } }, { any: [{ trait: { name: plan, is: p1 } }, { audience: stepped }] }]"
        ),
        ("outer", "[{ not: { audience: nested } }, { audience: agreed }]"),
    ]

    /// A policy with the named audiences, in reverse, so that they speak of ones further down.
    static func policy(_ names: [String]) -> String {
        definitions.reversed().filter { names.contains($0.name) }.reduce(policy) {
            $0 + "\n  \($1.name):\n    \($1.text)"
        }
    }
}
