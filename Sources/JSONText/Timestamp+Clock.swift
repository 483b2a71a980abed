import Glibc

extension Timestamp {
    /// The wall clock. For callers outside any fold: projections read no clock.
    public static func now() -> Timestamp {
        var time = timespec()
        let status = clock_gettime(CLOCK_REALTIME, &time)
        precondition(status == 0, "the real-time clock cannot be read")
        return Timestamp(
            microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }
}
