import Synchronization

/// Hands out the numbers of events, each once.
final class Numbers: Sendable {
    private let next = Atomic(0)

    /// The first of `count` numbers in a row.
    func take(_ count: Int) -> Int {
        next.wrappingAdd(count, ordering: .relaxed).oldValue
    }
}
