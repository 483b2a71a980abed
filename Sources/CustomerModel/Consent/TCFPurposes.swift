/// A set of the TCF's purposes, or of its special features: ids 1 to 24.
public struct TCFPurposes: OptionSet, Hashable, Sendable {
    /// Bit n - 1 stands for id n.
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue & 0xFF_FFFF }

    /// Nil when one of the ids is none.
    public init?(ids: some Sequence<Int>) {
        var mask: UInt32 = 0
        for id in ids {
            guard (1...24).contains(id) else { return nil }
            mask |= 1 << UInt32(id - 1)
        }
        rawValue = mask
    }

    /// A bit field of up to 24 bits as a number, in which the leftmost bit is id 1.
    init(bitField: UInt64, width: Int) {
        var mask: UInt32 = 0
        for place in 0..<width where bitField >> UInt64(width - 1 - place) & 1 == 1 {
            mask |= 1 << UInt32(place)
        }
        rawValue = mask
    }

    public func contains(id: Int) -> Bool {
        (1...24).contains(id) && rawValue >> UInt32(id - 1) & 1 == 1
    }

    /// Ascending.
    public var ids: [Int] { (1...24).filter(contains(id:)) }

    /// The smallest id; nil when the set is empty.
    public var first: Int? { isEmpty ? nil : rawValue.trailingZeroBitCount + 1 }

    /// Store and access information on a device: on consent only, in every country.
    public static let storage = TCFPurposes(rawValue: 1)
    /// 1 and 3 to 6: no vendor may claim a legitimate interest in these (TCF 2.2).
    public static let consentOnly = TCFPurposes(rawValue: 0b11_1101)
}
