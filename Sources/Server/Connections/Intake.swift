internal import NIOCore
internal import Synchronization

/// How many bytes of collecting requests the server holds at once: their bodies, what those unzip to, and
/// the lines made of them, each until its request is answered.
///
/// What does not fit is refused and told when to come back, so that neither many connections nor large
/// bodies, and no disk that is slow, make memory grow. Before that, room is made where it is wasted: of the
/// bodies that have been arriving for longer than ``slowAfter``, the slowest are cut with their connections,
/// one after the other, until what arrived fits. So senders that stall cannot keep others out. A request
/// alone always fits. Thread-safe.
final class Intake: Sendable {
    private let limitBytes: Int
    private let slowAfter: Duration
    private let held = Atomic<Int>(0)
    /// Those whose bodies are arriving.
    private let readers = Mutex<[ObjectIdentifier: Share]>([:])

    /// - Parameter slowAfter: how long a body may take, whatever others need.
    init(limitBytes: Int, slowAfter: Duration) {
        self.limitBytes = limitBytes
        self.slowAfter = slowAfter
    }

    /// What is held now, in bytes.
    var heldBytes: Int { held.load(ordering: .relaxed) }

    /// Where the requests of one connection come in.
    struct Entrance: Sendable {
        let intake: Intake
        let connection: any Channel

        /// Starts the part of one request. Whoever does ends it.
        func share() -> Share { Share(of: intake, connection) }
    }

    /// Cuts the slowest until `bytes` more fit; false when they cannot.
    private func makeRoom(for bytes: Int, of asking: Share) -> Bool {
        let now = ContinuousClock.now
        var cut: [Share] = []
        let fits = readers.withLock { readers in
            let slow = readers.values
                .filter { $0 !== asking && $0.began.duration(to: now) > slowAfter }
                .sorted { $0.pace(at: now) < $1.pace(at: now) }
            for share in slow where heldBytes + bytes > limitBytes {
                readers[ObjectIdentifier(share)] = nil
                share.giveUp()
                cut.append(share)
            }
            return heldBytes + bytes <= limitBytes
        }
        for share in cut { share.connection.close(promise: nil) }
        return fits
    }

    /// What the slow hold.
    private var wastedBytes: Int {
        let now = ContinuousClock.now
        return readers.withLock { readers in
            readers.values.reduce(0) { sum, share in
                share.began.duration(to: now) > slowAfter ? sum + share.bytes : sum
            }
        }
    }

    /// The part of one request; used by one task at a time, and cut by any.
    final class Share: Sendable {
        private let intake: Intake
        fileprivate let connection: any Channel
        fileprivate let began = ContinuousClock.now
        private let own = Atomic<Int>(0)
        private let isCut = Atomic<Bool>(false)

        /// Whether it lost its room to others, and its connection with it.
        var wasCut: Bool { isCut.load(ordering: .acquiring) }

        fileprivate init(of intake: Intake, _ connection: any Channel) {
            self.intake = intake
            self.connection = connection
        }

        fileprivate var bytes: Int { own.load(ordering: .relaxed) }

        /// Bytes a second since it began.
        fileprivate func pace(at now: ContinuousClock.Instant) -> Double {
            Double(bytes) / max(began.duration(to: now) / .seconds(1), 1e-3)
        }

        /// Whether as much more would fit, once those who waste room have lost it. Nothing is held by asking,
        /// and nobody is cut: who only announces a body takes no room from others.
        func hasRoom(for bytes: Int) -> Bool {
            let total = intake.heldBytes
            if total + bytes <= intake.limitBytes || total == self.bytes { return true }
            return total - intake.wastedBytes + bytes <= intake.limitBytes
        }

        /// Says that a body arrives from now on; ends with ``hasArrived()``.
        func arrives() { intake.readers.withLock { $0[ObjectIdentifier(self)] = self } }

        /// The body is there, or will never be.
        func hasArrived() { intake.readers.withLock { $0[ObjectIdentifier(self)] = nil } }

        /// Holds as much more; false, and nothing more is held, when it does not fit.
        func hold(_ bytes: Int) -> Bool {
            if add(bytes) { return true }
            guard !wasCut, intake.makeRoom(for: bytes, of: self) else {
                return false
            }
            return add(bytes)
        }

        private func add(_ bytes: Int) -> Bool {
            guard !wasCut else { return false }
            let total = intake.held.wrappingAdd(bytes, ordering: .relaxed).newValue
            let mine = own.wrappingAdd(bytes, ordering: .relaxed).newValue
            if total <= intake.limitBytes || total == mine { return true }
            intake.held.wrappingSubtract(bytes, ordering: .relaxed)
            own.wrappingSubtract(bytes, ordering: .relaxed)
            return false
        }

        /// Holds nothing more, from now on. What a task adds at the same moment ``end()`` gives back.
        fileprivate func giveUp() {
            isCut.store(true, ordering: .releasing)
            end()
        }

        /// Gives back all that is held.
        func end() {
            let mine = own.exchange(0, ordering: .relaxed)
            intake.held.wrappingSubtract(mine, ordering: .relaxed)
        }
    }
}
