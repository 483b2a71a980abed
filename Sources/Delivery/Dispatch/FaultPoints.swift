import Glibc
import Synchronization

/// Places where a crash test may kill the process.
///
/// `SLUICE_FAULT=attempt-recorded:3` makes the process send itself SIGKILL at the third passage of that
/// place. Nothing else reads it, and without it a passage costs one comparison.
public final class FaultPoints: Sendable {
    /// The environment variable.
    public static let variable = "SLUICE_FAULT"

    public enum Place: String, CaseIterable, Sendable {
        /// The attempt is durable, nothing has left.
        case attemptRecorded = "attempt-recorded"
        /// The bytes have left, the answer has not been looked at.
        case bytesSent = "bytes-sent"
        /// The answer is known, the receipt is not written.
        case receiptPending = "receipt-pending"
    }

    private let place: Place?
    private let passagesLeft: Atomic<Int>
    private let kill: @Sendable () -> Void

    /// No faults.
    public convenience init() { self.init(setting: nil) }

    /// - Parameters:
    ///   - setting: as the variable holds it; one that names none of these places is another program
    ///     part's and does nothing here.
    ///   - kill: what happens at the passage.
    public init(setting: String?, kill: @escaping @Sendable () -> Void = FaultPoints.killSelf) {
        let parts = (setting ?? "").split(separator: ":").map(String.init)
        if parts.count == 2, let place = Place(rawValue: parts[0]), let count = Int(parts[1]),
            count > 0
        {
            self.place = place
            passagesLeft = Atomic(count)
        } else {
            place = nil
            passagesLeft = Atomic(0)
        }
        self.kill = kill
    }

    /// What this process's environment asks for.
    public static func fromEnvironment() -> FaultPoints {
        FaultPoints(setting: getenv(variable).map { String(cString: $0) })
    }

    package func pass(_ place: Place) {
        guard place == self.place else { return }
        let (_, left) = passagesLeft.subtract(1, ordering: .relaxed)
        if left == 0 { kill() }
    }

    /// SIGKILL: no handler runs, no buffer is flushed.
    public static let killSelf: @Sendable () -> Void = { Glibc.kill(getpid(), SIGKILL) }
}
