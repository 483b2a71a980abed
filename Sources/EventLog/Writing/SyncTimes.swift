/// How long commits took to become durable since the log was opened: each `fdatasync` of the writer's.
///
/// It answers for the disk: when clients wait long, this says whether they waited for it.
public struct SyncTimes: Sendable, Hashable {
    /// The upper bounds of the buckets, in microseconds; the last bucket has none.
    public static let boundsMicroseconds: [UInt64] = [
        500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000,
    ]

    /// How many took at most as long as the bound, and longer than the one before; one more than bounds.
    public private(set) var counts = [UInt64](repeating: 0, count: boundsMicroseconds.count + 1)
    public private(set) var totalMicroseconds: UInt64 = 0
    public private(set) var longestMicroseconds: UInt64 = 0

    public init() {}

    /// Each is one commit.
    public var count: UInt64 { counts.reduce(0, +) }

    mutating func add(microseconds: UInt64) {
        let bounds = Self.boundsMicroseconds
        counts[bounds.firstIndex { microseconds <= $0 } ?? bounds.count] += 1
        totalMicroseconds += microseconds
        longestMicroseconds = max(longestMicroseconds, microseconds)
    }
}
