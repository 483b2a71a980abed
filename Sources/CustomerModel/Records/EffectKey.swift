import Hashing

/// What one effect does at a destination.
public enum EffectAction: String, CaseIterable, Hashable, Sendable {
    /// Hands over an event.
    case deliver
    /// Says that somebody entered an audience.
    case entered
    /// Says that somebody left an audience.
    case exited
    /// Puts another body in the place of one that was delivered (E3).
    case amend
    /// Asks to delete what was delivered (E3).
    case retract

    /// What it corrects with; nil for what is told for the first time.
    public var correction: Correction? {
        switch self {
        case .deliver, .entered, .exited: nil
        case .amend: .amend
        case .retract: .retract
        }
    }
}

/// What a destination is asked to do with an event that it was told (E3). Only a plan corrects.
public enum Correction: String, CaseIterable, Hashable, Sendable {
    /// To take another body for it.
    case amend
    /// To delete it.
    case retract

    public var action: EffectAction {
        switch self {
        case .amend: .amend
        case .retract: .retract
        }
    }
}

/// A change of somebody's membership in an audience.
public enum MembershipChange: String, CaseIterable, Hashable, Sendable {
    case entered
    case exited

    /// The action that tells a destination of it.
    public var action: EffectAction {
        switch self {
        case .entered: .entered
        case .exited: .exited
        }
    }
}

/// The name of one effect, the same on every try and in every generation (E1): what destinations dedupe by.
///
/// It is the first 16 bytes of SHA-256 over destination, epoch, source, message id, slot and action, each
/// but the last followed by a NUL; for a correction, a NUL and the plan's id come after (E3). None of them can
/// hold a NUL (L2). The policy version is not in it, so a changed rule does not make an old event new.
public struct EffectKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The key of one effect.
    ///
    /// - Parameters:
    ///   - messageID: the event's message id as recorded.
    ///   - plan: the plan's id, of a correction.
    public static func make(
        destination: String, epoch: Int, source: String, messageID: String, slot: String,
        action: EffectAction, plan: String? = nil
    ) -> EffectKey {
        var text: [UInt8] = []
        text.reserveCapacity(128)
        for part in [destination, String(epoch), source, messageID, slot] {
            text.append(contentsOf: part.utf8)
            text.append(0)
        }
        text.append(contentsOf: action.rawValue.utf8)
        if let plan {
            text.append(0)
            text.append(contentsOf: plan.utf8)
        }
        let digest = Hashing.SHA256.of(text)
        return EffectKey(
            high: word(digest.bytes[0..<8]), low: word(digest.bytes[8..<16]))
    }

    /// The key that 32 hexadecimal digits name, or nil.
    public init?(hex: String) {
        var hex = hex
        guard let key = hex.withUTF8({ EffectKey(hexUTF8: UnsafeRawBufferPointer($0)) }) else {
            return nil
        }
        self = key
    }

    /// The same of a text's UTF-8.
    init?(hexUTF8 hex: UnsafeRawBufferPointer) {
        guard hex.count == 32,
            let high = Hexadecimal.word(utf8: UnsafeRawBufferPointer(rebasing: hex[..<16])),
            let low = Hexadecimal.word(utf8: UnsafeRawBufferPointer(rebasing: hex[16...]))
        else { return nil }
        self.high = high
        self.low = low
    }

    private static func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// 32 lower-case hexadecimal digits.
    public var hex: String { HexWord.encode(high) + HexWord.encode(low) }

    public var description: String { hex }

    public static func < (a: EffectKey, b: EffectKey) -> Bool {
        (a.high, a.low) < (b.high, b.low)
    }

}

/// A 64-bit hash as 16 hexadecimal digits.
enum HexWord {
    static func encode(_ word: UInt64) -> String {
        Hexadecimal.encode((0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) })
    }

    static func decode(_ text: String) -> UInt64? {
        var text = text
        return text.withUTF8 { Hexadecimal.word(utf8: UnsafeRawBufferPointer($0)) }
    }
}
