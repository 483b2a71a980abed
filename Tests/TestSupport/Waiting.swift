/// What a test waited for did not happen.
public struct NeverHappened: Error, CustomStringConvertible {
    public var description: String

    public init(description: String) { self.description = description }
}

/// Asks again and again until the answer is yes.
///
/// - Parameter what: completes "in … seconds … not".
/// - Throws: ``NeverHappened`` at the deadline, or what the question throws.
public func eventually(
    _ what: String, within limit: Duration = .seconds(30),
    _ question: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if try await question() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    throw NeverHappened(description: "in \(limit) not: \(what)")
}

/// SplitMix64, for tests that print their seed.
public struct SeededRandom: Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// From 0 up to `bound`, which is above 0.
    public mutating func below(_ bound: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }
}
