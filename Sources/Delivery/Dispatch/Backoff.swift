/// How long a lane waits after a failed try: 1 s, doubled each time up to 5 minutes, of which a random half
/// is taken off so that lanes that failed together do not come back together.
public struct Backoff: Equatable, Sendable {
    public static let standard = Backoff(firstMilliseconds: 1_000, longestMilliseconds: 300_000)

    public var firstMilliseconds: Int
    public var longestMilliseconds: Int

    public init(firstMilliseconds: Int, longestMilliseconds: Int) {
        precondition(0 < firstMilliseconds && firstMilliseconds <= longestMilliseconds)
        self.firstMilliseconds = firstMilliseconds
        self.longestMilliseconds = longestMilliseconds
    }

    /// Milliseconds to wait.
    ///
    /// - Parameters:
    ///   - failures: how many tries failed in a row, 1 or more.
    ///   - retryAfterMilliseconds: what the destination asked for; never less is waited.
    ///   - random: from 0 up to 1.
    public func delay(failures: Int, retryAfterMilliseconds: Int?, random: Double) -> Int {
        precondition(failures >= 1 && random >= 0 && random <= 1)
        let doublings = min(failures - 1, 30)
        let whole = min(longestMilliseconds, firstMilliseconds << doublings)
        let jittered = whole - Int(Double(whole) / 2 * random)
        guard let retryAfterMilliseconds else { return jittered }
        return max(jittered, retryAfterMilliseconds)
    }
}
