public import Hashing

#if canImport(Glibc)
    import Glibc
#endif

/// How a log behaves. The defaults are for production.
public struct LogConfiguration: Sendable {
    /// Whether closed segments are sealed by a thread of the log.
    public enum Sealing: Sendable { case background, off }

    /// The number of the extractor that makes the columns' source, name, occurred and keys (L7).
    public var extractor: UInt16 = 0
    /// Appends are refused while more bytes than this wait for the disk: a commit that is written, and as
    /// much again for the next.
    public var queueBytes = 16 << 20
    /// Lines are gathered into frames of about this many raw bytes when much is queued.
    public var frameBytes = 256 << 10
    /// One write and one fdatasync cover at most about this many raw bytes.
    public var commitBytes = 8 << 20
    /// The active segment is closed and a new one begun when it stores this many bytes: what keeps the
    /// memory of its key index, and of its sealing, small at any size of the log…
    public var rollStoredBytes = 40 << 20
    /// … or holds this many raw bytes…
    public var rollRawBytes = 128 << 20
    /// … or when its first record is this old.
    public var rollAgeSeconds = 24 * 3600
    /// Raw bytes of a frame in a sealed segment.
    public var sealedFrameBytes = 256 << 10
    public var sealing = Sealing.background
    /// How long to wait before writing again on a full disk.
    public var fullDiskRetryMilliseconds = 200
    /// The wall clock, in microseconds since 1970.
    public var clock: @Sendable () -> Int64 = LogConfiguration.wallClock
    /// Where salts, the log's id and its key come from. Tests pin it.
    package var randomBytes: @Sendable (Int) -> [UInt8] = { Secrets.randomBytes($0) }

    public init() {}

    /// `CLOCK_REALTIME` in microseconds.
    public static let wallClock: @Sendable () -> Int64 = {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
    }
}

/// Who a log is: two logs, or a log before and after a restore, never compare equal.
public struct LogIdentity: Hashable, Sendable {
    /// 16 random bytes.
    public var id: [UInt8]
    /// Goes up by one when a backup is restored.
    public var incarnation: UInt64
    /// The key of the log's key hashes.
    public var key: SipKey

    /// `id` in lower-case hexadecimal, 32 characters.
    public var hex: String { Hexadecimal.encode(id) }
}
