internal import Synchronization

/// How many bytes of collecting requests the server holds at once: their bodies, what those unzip to, and
/// the lines made of them, each until its request is answered.
///
/// What does not fit is refused and told when to come back, so that neither many connections nor large
/// bodies, and no disk that is slow, make memory grow. A request alone always fits. Thread-safe.
final class Intake: Sendable {
    private let limitBytes: Int
    private let held = Atomic<Int>(0)

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    /// What is held now, in bytes.
    var heldBytes: Int { held.load(ordering: .relaxed) }

    /// Starts the part of one request. Whoever does ends it.
    func share() -> Share { Share(of: self) }

    /// The part of one request; used by one task at a time.
    final class Share: Sendable {
        private let intake: Intake
        private let own = Atomic<Int>(0)

        fileprivate init(of intake: Intake) { self.intake = intake }

        /// Whether as much more would fit now. Nothing is held by asking.
        func hasRoom(for bytes: Int) -> Bool {
            let total = intake.held.load(ordering: .relaxed)
            return total + bytes <= intake.limitBytes || total == own.load(ordering: .relaxed)
        }

        /// Holds as much more; false, and nothing more is held, when it does not fit.
        func hold(_ bytes: Int) -> Bool {
            let total = intake.held.wrappingAdd(bytes, ordering: .relaxed).newValue
            let mine = own.wrappingAdd(bytes, ordering: .relaxed).newValue
            if total <= intake.limitBytes || total == mine { return true }
            intake.held.wrappingSubtract(bytes, ordering: .relaxed)
            own.wrappingSubtract(bytes, ordering: .relaxed)
            return false
        }

        /// Gives back all that is held.
        func end() {
            let mine = own.exchange(0, ordering: .relaxed)
            intake.held.wrappingSubtract(mine, ordering: .relaxed)
        }
    }
}
