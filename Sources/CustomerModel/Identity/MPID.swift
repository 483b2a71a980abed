public import Hashing

/// A person's id as one 64-bit number, as mParticle has them: a keyed permutation of ``ProfileID`` (I6).
///
/// Different people have different numbers, the number says nothing of when a person was first seen, and
/// whoever holds the key finds the person again. Four rounds of a Feistel network over SipHash.
///
/// ```
/// 63                              6 5       0
/// | offset                         | ordinal |      what is permuted
/// ```
///
/// - Bounds: offsets below 2⁵⁸, which is 16,384 incarnations of a log, and ordinals below 64, where a
///   message has at most 46 identifiers. Past them there is no such number.
public struct MPID: Hashable, Sendable, CustomStringConvertible {
    /// Signed, as mParticle's are.
    public var value: Int64

    public init(_ value: Int64) { self.value = value }

    /// nil past the bounds.
    public init?(_ profile: ProfileID, key: SipKey) {
        guard profile.offset < 1 << 58, profile.ordinal < 64 else { return nil }
        let packed = profile.offset << 6 | UInt64(profile.ordinal)
        var (left, right) = (UInt32(packed >> 32), UInt32(truncatingIfNeeded: packed))
        for round in 0..<Self.rounds {
            (left, right) = (right, left ^ Self.mix(right, round, key))
        }
        value = Int64(bitPattern: UInt64(left) << 32 | UInt64(right))
    }

    /// The person whose number this is. Every number has one, whether anybody has that id or not.
    public func profile(key: SipKey) -> ProfileID {
        let bits = UInt64(bitPattern: value)
        var (left, right) = (UInt32(bits >> 32), UInt32(truncatingIfNeeded: bits))
        for round in (0..<Self.rounds).reversed() {
            (left, right) = (right ^ Self.mix(left, round, key), left)
        }
        let packed = UInt64(left) << 32 | UInt64(right)
        return ProfileID(offset: packed >> 6, ordinal: UInt16(packed & 63))
    }

    private static let rounds: UInt8 = 4

    private static func mix(_ half: UInt32, _ round: UInt8, _ key: SipKey) -> UInt32 {
        // The first bytes keep these hashes apart from every other use of the log's key.
        var input: [UInt8] = [0x6D, 0x70, 0x69, 0x64, round]
        withUnsafeBytes(of: half.littleEndian) { input.append(contentsOf: $0) }
        return UInt32(truncatingIfNeeded: input.withUnsafeBytes { SipHash.hash($0, key: key) })
    }

    public var description: String { "\(value)" }
}
