/// Writes consent strings for tests, from their public descriptions. Shares nothing with the decoder.
struct ConsentBuilder {
    var bits: [Bool] = []

    mutating func put(_ value: Int, _ width: Int) {
        for place in stride(from: width - 1, through: 0, by: -1) {
            bits.append(value >> place & 1 == 1)
        }
    }

    /// A bit field whose leftmost bit is id 1.
    mutating func put(ids: Set<Int>, _ width: Int) {
        for id in 1...max(width, 1) where width > 0 { bits.append(ids.contains(id)) }
    }

    mutating func put(ranges: [ClosedRange<Int>]) {
        put(ranges.count, 12)
        for range in ranges {
            put(range.count > 1 ? 1 : 0, 1)
            put(range.lowerBound, 16)
            if range.count > 1 { put(range.upperBound, 16) }
        }
    }

    mutating func put(fibonacci value: Int) {
        var terms = [1, 2]
        while terms[terms.count - 1] <= value { terms.append(terms.suffix(2).reduce(0, +)) }
        var left = value
        var isIn = [Bool](repeating: false, count: terms.count)
        for place in terms.indices.reversed() where terms[place] <= left {
            isIn[place] = true
            left -= terms[place]
        }
        let last = isIn.lastIndex(of: true)
        bits += isIn[...(last ?? 0)]
        bits.append(true)
    }

    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

    /// The text, zero bits added up to a whole number of `padding`, and then of six.
    func text(padding: Int = 6) -> String {
        var padded = bits
        while padded.count % padding != 0 { padded.append(false) }
        while padded.count % 6 != 0 { padded.append(false) }
        return String(
            stride(from: 0, to: padded.count, by: 6).map { start in
                Self.alphabet[padded[start..<start + 6].reduce(0) { $0 * 2 + ($1 ? 1 : 0) }]
            })
    }
}

/// A TC string's content, as sets.
struct TCContent: Equatable {
    struct Vendors: Equatable {
        var ids: Set<Int> = []
        var maximum = 0
        /// Nil for a bit field.
        var ranges: [ClosedRange<Int>]?

        /// Ids that belong to no range of their own get one each.
        mutating func useRanges() { ranges = ids.sorted().map { $0...$0 } }

        func write(into builder: inout ConsentBuilder) {
            builder.put(maximum, 16)
            builder.put(ranges == nil ? 0 : 1, 1)
            if let ranges { builder.put(ranges: ranges) } else { builder.put(ids: ids, maximum) }
        }
    }
    struct Restriction: Equatable {
        var purpose: Int
        var kind: Int
        var ranges: [ClosedRange<Int>]
    }
    /// Deciseconds. 2026-06-01.
    var created = 17_802_720_000
    var updated = 17_802_720_000
    var policy = 5
    var isServiceSpecific = true
    var features: Set<Int> = []
    var consents: Set<Int> = []
    var interests: Set<Int> = []
    var isPurposeOneUndisclosed = false
    var vendors = Vendors()
    var vendorInterests = Vendors()
    var restrictions: [Restriction] = []
    var disclosed: Vendors?
    var allowed: Vendors?
    var publisher: (consents: Set<Int>, interests: Set<Int>, custom: Int, own: Set<Int>)?

    func core(padding: Int = 6) -> String {
        var out = ConsentBuilder()
        for (value, width) in [
            (2, 6), (created, 36), (updated, 36), (300, 12), (7, 12), (1, 6), (4, 6), (13, 6),
            (150, 12), (policy, 6), (isServiceSpecific ? 1 : 0, 1), (0, 1),
        ] { out.put(value, width) }
        out.put(ids: features, 12)
        out.put(ids: consents, 24)
        out.put(ids: interests, 24)
        out.put(isPurposeOneUndisclosed ? 1 : 0, 1)
        out.put(5, 6)
        out.put(17, 6)
        vendors.write(into: &out)
        vendorInterests.write(into: &out)
        out.put(restrictions.count, 12)
        for restriction in restrictions {
            out.put(restriction.purpose, 6)
            out.put(restriction.kind, 2)
            out.put(ranges: restriction.ranges)
        }
        return out.text(padding: padding)
    }

    func text(padding: Int = 6) -> String {
        var segments = [core(padding: padding)]
        for (type, section) in [(1, disclosed), (2, allowed)] {
            guard let section else { continue }
            var out = ConsentBuilder()
            out.put(type, 3)
            section.write(into: &out)
            segments.append(out.text(padding: padding))
        }
        if let publisher {
            var out = ConsentBuilder()
            out.put(3, 3)
            out.put(ids: publisher.consents, 24)
            out.put(ids: publisher.interests, 24)
            out.put(publisher.custom, 6)
            out.put(ids: publisher.own, publisher.custom)
            out.put(ids: [], publisher.custom)
            segments.append(out.text(padding: padding))
        }
        return segments.joined(separator: ".")
    }

    /// Whether a vendor may be told for a purpose on one basis, from the sets alone (C7).
    func permits(_ vendor: Int, _ purpose: Int, onConsent: Bool) -> Bool {
        let isOldPolicy = policy < 4 && max(created, updated) >= 16_960_320_000
        let mustDisclose = policy >= 5 || max(created, updated) >= 17_723_232_000
        guard isServiceSpecific, !isOldPolicy, disclosed != nil || !mustDisclose,
            disclosed.map({ $0.ids.contains(vendor) }) ?? true
        else { return false }
        let kinds = Set(
            restrictions.filter { rule in
                rule.purpose == purpose && rule.ranges.contains { $0.contains(vendor) }
            }.map(\.kind))
        if onConsent {
            return consents.contains(purpose) && vendors.ids.contains(vendor)
                && !(purpose == 1 && isPurposeOneUndisclosed)
                && kinds.isDisjoint(with: [0, 2, 3])
        }
        return interests.contains(purpose) && vendorInterests.ids.contains(vendor)
            && ![1, 3, 4, 5, 6].contains(purpose) && kinds.isDisjoint(with: [0, 1, 3])
    }

    static func == (a: TCContent, b: TCContent) -> Bool { a.text() == b.text() }
}

/// SplitMix64, so that a failure can be repeated from its seed.
struct SeededBits: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    /// One time in `count`.
    mutating func onceIn(_ count: Int) -> Bool { below(count) == 0 }

    mutating func subset(of ids: ClosedRange<Int>, oneIn count: Int) -> Set<Int> {
        Set(ids.filter { _ in onceIn(count) })
    }
}

extension TCContent {
    static func random(_ random: inout SeededBits) -> TCContent {
        var content = TCContent()
        content.created = 15_000_000_000 + random.below(3_000_000_000)
        content.updated =
            random.onceIn(3) ? content.created : 15_000_000_000 + random.below(3 << 30)
        content.policy = 2 + random.below(5)
        content.isServiceSpecific = !random.onceIn(6)
        content.features = random.subset(of: 1...12, oneIn: 3)
        content.consents = random.subset(of: 1...24, oneIn: 2)
        content.interests = random.subset(of: 1...24, oneIn: 2)
        content.isPurposeOneUndisclosed = random.onceIn(4)
        content.vendors = .random(&random)
        content.vendorInterests = .random(&random)
        if !random.onceIn(3) { content.disclosed = .random(&random) }
        if random.onceIn(4) { content.allowed = .random(&random) }
        if random.onceIn(3) {
            let custom = random.below(64)
            content.publisher = (
                random.subset(of: 1...24, oneIn: 2), random.subset(of: 1...24, oneIn: 2), custom,
                custom == 0 ? [] : random.subset(of: 1...custom, oneIn: 2)
            )
        }
        for _ in 0..<random.below(5) {
            let ranges = (0..<random.below(4)).map { _ in
                let first = 1 + random.below(60)
                return first...(first + random.below(8))
            }
            content.restrictions.append(
                Restriction(
                    purpose: 1 + random.below(11), kind: random.below(4), ranges: ranges))
        }
        return content
    }
}

extension TCContent.Vendors {
    static func random(_ random: inout SeededBits) -> Self {
        var section = Self()
        section.maximum = random.onceIn(8) ? 0 : 1 + random.below(random.onceIn(20) ? 65_535 : 90)
        guard section.maximum > 0 else { return section }
        if random.onceIn(2), section.maximum < 1_000 {
            section.ids = random.subset(of: 1...section.maximum, oneIn: 2)
            return section
        }
        var ranges: [ClosedRange<Int>] = []
        for _ in 0..<random.below(6) {
            let first = 1 + random.below(section.maximum)
            ranges.append(first...min(section.maximum, first + random.below(12)))
        }
        section.ids = Set(ranges.joined())
        section.ranges = ranges
        return section
    }
}

/// A GPP string's content.
struct GPPContent {
    var sections: [(Int, String)]

    func text() -> String {
        var header = ConsentBuilder()
        var entries = 0
        var body = ConsentBuilder()
        var place = 0
        var last = 0
        while place < sections.count {
            var end = place
            while end + 1 < sections.count, sections[end + 1].0 == sections[end].0 + 1 { end += 1 }
            body.put(end > place ? 1 : 0, 1)
            body.put(fibonacci: sections[place].0 - last)
            if end > place { body.put(fibonacci: sections[end].0 - sections[place].0) }
            last = sections[end].0
            entries += 1
            place = end + 1
        }
        for (value, width) in [(3, 6), (1, 6), (entries, 12)] { header.put(value, width) }
        header.bits += body.bits
        return ([header.text(padding: 8)] + sections.map(\.1)).joined(separator: "~")
    }
}

/// A section of the United States: its values of two bits in order.
struct USContent {
    var id: Int
    var values: [Int]
    var gpc: Bool?

    func text() -> String {
        var core = ConsentBuilder()
        core.put(1, 6)
        for value in values { core.put(value, 2) }
        guard let gpc else { return core.text(padding: 8) }
        var segment = ConsentBuilder()
        segment.put(1, 2)
        segment.put(gpc ? 1 : 0, 1)
        return core.text(padding: 8) + "." + segment.text(padding: 8)
    }

    /// How many values each section has, counted by hand from the table of fields.
    static let counts = [
        7: 32, 8: 20, 9: 17, 10: 16, 11: 18, 12: 19, 13: 20, 14: 20, 15: 23, 16: 18, 17: 23,
        18: 18, 19: 18, 20: 20, 21: 24, 22: 18, 23: 18,
    ]

    static func random(_ id: Int, _ random: inout SeededBits) -> USContent {
        let values = (0..<(counts[id] ?? 0)).map { _ in random.below(3) }
        return USContent(
            id: id, values: values, gpc: random.onceIn(2) ? nil : random.onceIn(2))
    }
}
