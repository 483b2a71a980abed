/// When the next request may be made. Pure: time and chance are handed in.
///
/// | after | the next pause |
/// |---|---|
/// | an answer that takes messages | none |
/// | the n-th failure in a row | `first` · 2ⁿ⁻¹, `longest` at most, of which the upper half is by chance |
/// | a failure with `Retry-After` | that long at least, an hour at most |
package struct Pace: Equatable, Sendable {
    let first: Duration
    let longest: Duration
    package private(set) var failures = 0
    package private(set) var notBefore: ContinuousClock.Instant?

    static let longestRetryAfter = Duration.seconds(3_600)

    package init(first: Duration, longest: Duration) {
        self.first = first
        self.longest = longest
    }

    package mutating func succeeded() {
        failures = 0
        notBefore = nil
    }

    /// - Parameter chance: from 0 up to 1.
    /// - Returns: the pause.
    package mutating func failed(
        at now: ContinuousClock.Instant, retryAfter: Duration?, chance: Double
    ) -> Duration {
        let doubled = first * Double(UInt64(1) << UInt64(min(failures, 30)))
        let most = min(doubled, longest)
        failures += 1
        let pause = max(
            most * (0.5 + chance / 2),
            min(retryAfter ?? .zero, Self.longestRetryAfter))
        notBefore = now + pause
        return pause
    }
}
