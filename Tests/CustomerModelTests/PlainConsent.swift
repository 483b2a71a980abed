/// A TC string read again without regard to speed: a string of zeros and ones, walked field by field.
/// Reading past the end gives nothing but ends in ``isBroken``; it grants nothing then.
struct PlainTC {
    private(set) var isBroken = false
    private var consents: Set<Int> = []
    private var interests: Set<Int> = []
    private var vendors: Set<Int> = []
    private var vendorInterests: Set<Int> = []
    private var disclosed: Set<Int>?
    private var barred: [(purpose: Int, kind: Int, vendors: Set<Int>)] = []
    private var isServiceSpecific = false
    private var isPurposeOneUndisclosed = false
    private var policy = 0
    private var made = 0

    init(_ text: String) {
        let segments = text.split(separator: ".", omittingEmptySubsequences: false)
        var core = PlainBits(segments[0])
        if core.number(6) != 2 { isBroken = true }
        made = max(core.number(36), core.number(36))
        _ = core.number(12 + 12 + 6 + 12 + 12)
        policy = core.number(6)
        isServiceSpecific = core.number(1) == 1
        _ = core.number(1 + 12)
        consents = core.ids(24)
        interests = core.ids(24)
        isPurposeOneUndisclosed = core.number(1) == 1
        _ = core.number(12)
        vendors = core.vendors()
        vendorInterests = core.vendors()
        for _ in 0..<core.number(12) where !core.isBroken {
            let purpose = core.number(6)
            let kind = core.number(2)
            barred.append((purpose, kind, core.entries(maximum: 65_535)))
        }
        isBroken = isBroken || core.isBroken
        for segment in segments.dropFirst() {
            var bits = PlainBits(segment)
            if bits.number(3) == 1 { disclosed = bits.vendors() }
            isBroken = isBroken || bits.isBroken
        }
    }

    func permitted(_ vendor: Int, onConsent: Bool) -> [Int] {
        guard !isBroken, isServiceSpecific, policy >= 4 || made < 16_960_320_000 else { return [] }
        if let disclosed {
            guard disclosed.contains(vendor) else { return [] }
        } else if policy >= 5 || made >= 17_723_232_000 {
            return []
        }
        return (1...24).filter { purpose in
            let kinds = barred.filter { $0.purpose == purpose && $0.vendors.contains(vendor) }
                .map(\.kind)
            if onConsent {
                return consents.contains(purpose) && vendors.contains(vendor)
                    && !(purpose == 1 && isPurposeOneUndisclosed) && kinds.allSatisfy { $0 == 1 }
            }
            return interests.contains(purpose) && vendorInterests.contains(vendor)
                && ![1, 3, 4, 5, 6].contains(purpose) && kinds.allSatisfy { $0 == 2 }
        }
    }
}

/// Zeros and ones, from the front.
struct PlainBits {
    private var bits: Substring
    private(set) var isBroken = false

    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

    init(_ text: Substring) {
        var text = text
        for _ in 0..<2 where text.last == "=" { text.removeLast() }
        var digits = ""
        for letter in text {
            guard let value = Self.alphabet.firstIndex(of: letter) else {
                isBroken = true
                continue
            }
            let binary = String(value, radix: 2)
            digits += String(repeating: "0", count: 6 - binary.count) + binary
        }
        bits = digits[...]
    }

    mutating func number(_ width: Int) -> Int {
        guard let taken = take(width) else { return 0 }
        // Fields that nobody looks at may be wider than a number.
        return Int(taken.suffix(62), radix: 2) ?? 0
    }

    mutating func ids(_ width: Int) -> Set<Int> {
        guard let taken = take(width) else { return [] }
        return Set(taken.enumerated().filter { $0.element == "1" }.map { $0.offset + 1 })
    }

    mutating func vendors() -> Set<Int> {
        let maximum = number(16)
        if number(1) == 0 { return ids(maximum) }
        return entries(maximum: maximum)
    }

    mutating func entries(maximum: Int) -> Set<Int> {
        var found: Set<Int> = []
        for _ in 0..<number(12) where !isBroken {
            let isRange = number(1) == 1
            let first = number(16)
            let last = isRange ? number(16) : first
            guard first >= 1, first <= last, last <= maximum else {
                isBroken = true
                return []
            }
            found.formUnion(first...last)
        }
        return found
    }

    private mutating func take(_ width: Int) -> Substring? {
        let taken = bits.prefix(width)
        guard taken.count == width else {
            isBroken = true
            return nil
        }
        bits = bits.dropFirst(width)
        return taken
    }
}

enum PlainGPP {
    /// Where each section's opt-out of sale stands, counted in values of two bits after the version.
    private static let sale = [
        7: 6, 8: 3, 9: 3, 10: 3, 11: 4, 12: 3, 13: 3, 14: 3, 15: 3, 16: 3, 17: 3, 18: 4, 19: 3,
        20: 3, 21: 3, 22: 3, 23: 3,
    ]

    /// Whether one of the sections, whose ids are given, opts out of sale.
    static func optedOutOfSale(_ text: String, ids: [Int]) -> Bool {
        let sections = text.split(separator: "~", omittingEmptySubsequences: false).dropFirst()
        return zip(ids, sections).contains { id, section in
            if id == 6 { return section.dropFirst(2).first == "Y" }
            guard let place = sale[id] else { return false }
            let segments = section.split(separator: ".", omittingEmptySubsequences: false)
            var core = PlainBits(segments[0])
            _ = core.number(6 + 2 * place)
            if core.number(2) == 1 { return true }
            return segments.dropFirst().contains {
                var bits = PlainBits($0)
                return bits.number(2) == 1 && bits.number(1) == 1
            }
        }
    }
}
