private import Synchronization

/// How fast each source may send: a bucket a source, filled at its rate, one second deep.
///
/// A batch is taken whole while the bucket holds anything, and may leave it in debt; the next waits until that
/// is paid. So no batch is too large to ever pass, and over time nobody exceeds the rate. Sources without a
/// rate cost nothing. Thread-safe.
public final class SourceRates: Sendable {
    private struct Bucket {
        var events: Double
        var at: ContinuousClock.Instant
    }

    private let buckets = Mutex<[String: Bucket]>([:])

    init() {}

    /// Takes `count` events of a source that may send `rate` a second.
    ///
    /// - Returns: nil when they may pass; otherwise the whole seconds after which to come back.
    public func take(
        _ count: Int, of source: String, rate: Int?, now: ContinuousClock.Instant = .now
    ) -> Int? {
        guard let rate else { return nil }
        let perSecond = Double(rate)
        return buckets.withLock { buckets in
            var bucket = buckets[source] ?? Bucket(events: perSecond, at: now)
            let passed = bucket.at.duration(to: now)
            bucket.events = min(
                perSecond, bucket.events + perSecond * (passed / .seconds(1)))
            bucket.at = now
            defer { buckets[source] = bucket }
            guard bucket.events > 0 else {
                return max(1, Int((-bucket.events / perSecond).rounded(.up)))
            }
            bucket.events -= Double(count)
            return nil
        }
    }
}
