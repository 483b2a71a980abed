public import JSONText

/// The wall clock, the wait and the dice of a dispatcher, handed in so that tests need not wait.
public struct LaneClock: Sendable {
    public var now: @Sendable () -> Timestamp
    /// Waits; throws `CancellationError` when the task is cancelled meanwhile.
    public var sleep: @Sendable (_ milliseconds: Int) async throws -> Void
    /// From 0 up to 1.
    public var random: @Sendable () -> Double

    public init(
        now: @escaping @Sendable () -> Timestamp,
        sleep: @escaping @Sendable (_ milliseconds: Int) async throws -> Void,
        random: @escaping @Sendable () -> Double
    ) {
        self.now = now
        self.sleep = sleep
        self.random = random
    }

    /// The machine's own.
    public static let system = LaneClock(
        now: { Timestamp.now() },
        sleep: { try await Task.sleep(for: .milliseconds($0)) },
        random: { Double.random(in: 0...1) })
}
