/// Whether a person opted out of one use, as a signal states it.
///
/// In the order in which they outweigh each other: joining two takes the larger one.
public enum OptOut: UInt8, Comparable, Sendable {
    /// Nothing is said, or the person was not told that they could.
    case notStated = 0
    /// Told that they could, the person did not.
    case notOptedOut = 1
    /// Something is said that cannot be read.
    case unreadable = 2
    case optedOut = 3

    public static func < (a: OptOut, b: OptOut) -> Bool { a.rawValue < b.rawValue }
}

/// What the signals of the United States can take away. None of them is ever a grant.
public struct OptOuts: Equatable, Sendable {
    public var sale: OptOut
    /// For cross-context behavioural advertising.
    public var sharing: OptOut
    public var targetedAdvertising: OptOut

    public init(
        sale: OptOut = .notStated, sharing: OptOut = .notStated,
        targetedAdvertising: OptOut = .notStated
    ) {
        self.sale = sale
        self.sharing = sharing
        self.targetedAdvertising = targetedAdvertising
    }

    /// All three the same.
    public init(all answer: OptOut) {
        self.init(sale: answer, sharing: answer, targetedAdvertising: answer)
    }

    /// Takes in what another signal of the same event says: what takes most away holds.
    public mutating func join(_ other: OptOuts) {
        sale = max(sale, other.sale)
        sharing = max(sharing, other.sharing)
        targetedAdvertising = max(targetedAdvertising, other.targetedAdvertising)
    }
}

/// The Global Privacy Control request header, `Sec-GPC`.
public enum GlobalPrivacyControl {
    /// Whether a header's value is the signal: `1`, but for white space around it. Every other value
    /// means nothing, and so does its absence.
    public static func isRaised(by value: some Collection<UInt8>) -> Bool {
        var rest = value[...]
        while let first = rest.first, isSpace(first) { rest = rest.dropFirst() }
        guard rest.first == UInt8(ascii: "1") else { return false }
        return rest.dropFirst().allSatisfy(isSpace)
    }

    /// What it takes away: sale, sharing and advertising across contexts.
    public static let optOuts = OptOuts(all: .optedOut)

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
