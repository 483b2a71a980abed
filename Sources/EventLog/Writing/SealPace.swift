/// How hard sealing works while appends go on: they come first.
///
/// A low priority alone does not do it: a thread that waits for one processor does not move to the other while
/// that one runs something of a lower priority, so sealing has to rest by itself. What waits costs disk space
/// and longer reads, so the more of it there is, the less sealing rests. Without rest it takes what its priority
/// gets, and may still fall behind appends that leave no processor time at all.
package struct SealPace {
    /// Below this rate of appended lines nobody is disturbed.
    package static let quietBytesPerSecond = 8 << 20

    /// Whether size matters more than speed.
    package let isThorough: Bool
    /// Rest, as a multiple of the work before it; of one core, 3 leaves sealing a quarter.
    package let restShare: Int
    var effort: LZ4Effort { isThorough ? .high(3) : .fast }

    /// The pace while so many closed segments wait and lines are appended at that rate.
    package init(waiting: Int, bytesPerSecond: Int) {
        let isQuiet = bytesPerSecond < Self.quietBytesPerSecond
        isThorough = waiting <= 8
        restShare =
            switch waiting {
            case _ where isQuiet: 0
            case ...16: 3
            case ...32: 1
            default: 0
            }
    }
}

/// Measures work and appends, and says when to rest.
struct SealClock {
    /// Shorter rests would mostly be waking up.
    private static let leastWork = Duration.milliseconds(5)
    /// Over how long the rate of appends is taken, at least.
    private static let window = Duration.milliseconds(100)

    private var worked = Duration.zero
    private var since = ContinuousClock.now
    private var bytesAtStart: UInt64
    private(set) var bytesPerSecond = 0

    init(committedBytes: UInt64) { bytesAtStart = committedBytes }

    /// Takes note of what was committed since the log was opened.
    mutating func note(committedBytes: UInt64) {
        let now = ContinuousClock.now
        let passed = now - since
        guard passed >= Self.window else { return }
        bytesPerSecond = Int(Double(committedBytes - bytesAtStart) / passed.seconds)
        since = now
        bytesAtStart = committedBytes
    }

    /// Counts work; the milliseconds to rest now, or 0.
    mutating func rest(after work: Duration, share: Int) -> Int {
        worked += work
        guard worked >= Self.leastWork else { return 0 }
        defer { worked = .zero }
        return Int(worked.seconds * 1000) * share
    }
}

extension Duration {
    fileprivate var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
