/// Lengths of time as people write them in policies and on the command line.
///
/// A whole number and a unit, nothing between: `us`, `ms`, `s`, `m` (minutes), `h`, `d` (24 hours),
/// `w`.
public enum DurationText {
    private static let units: [(name: String, microseconds: Int64)] = [
        ("w", 604_800_000_000), ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000),
        ("s", 1_000_000), ("ms", 1_000), ("us", 1),
    ]

    /// Microseconds; nil when it is no such text or does not fit. Never negative.
    public static func parse(_ text: String) -> Int64? {
        let digits = text.utf8.prefix { $0 >= 0x30 && $0 <= 0x39 }
        let name = text.utf8.dropFirst(digits.count)
        guard let unit = units.first(where: { $0.name.utf8.elementsEqual(name) }),
            let count = Int64(String(decoding: digits, as: UTF8.self))
        else { return nil }
        let (product, overflowed) = count.multipliedReportingOverflow(by: unit.microseconds)
        return overflowed ? nil : product
    }

    /// The text in the largest unit that says it exactly: `90s`, `24h` as `1d`, `0s`. A negative
    /// length gets a minus sign, which ``parse(_:)`` refuses.
    public static func format(_ microseconds: Int64) -> String {
        guard microseconds != 0 else { return "0s" }
        for unit in units where microseconds % unit.microseconds == 0 {
            return "\(microseconds / unit.microseconds)\(unit.name)"
        }
        return "\(microseconds)us"
    }
}
