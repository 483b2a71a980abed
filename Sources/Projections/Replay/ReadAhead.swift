import EventLog
import Hashing

/// Reads the log ahead of whoever folds it, on a thread of its own.
///
/// One thread reads, checks, decompresses and parses; the other folds. Batches are handed over in the order
/// of the log, so the fold sees what it would see alone. Few batches exist, so that neither runs far ahead.
final class ReadAhead: Sendable {
    private static let batches = 4

    /// A batch between two threads.
    private final class Parcel: @unchecked Sendable {
        private var batch: RecordBatch?

        init(_ batch: consuming RecordBatch) { self.batch = consume batch }

        /// Once.
        func open() -> RecordBatch? { batch.take() }
    }

    private struct Shared {
        var full: [Parcel] = []
        var free: [Parcel]
        var policy: CompiledPolicy?
        var keepsKeys: Bool
        var isStopped = false
        /// How reading ended.
        var end: Result<Void, any Error>?
    }

    private let monitor: Monitor<Shared>
    private let thread: OwnThread

    /// Starts reading `from..<to`.
    ///
    /// - Parameters:
    ///   - policy: which is expected to govern; a wrong guess costs time and nothing else.
    ///   - keepsKeys: as ``RecordBatch/begin(policy:keepsKeys:)`` takes it.
    init(
        _ reader: LogReader, from: Offset, to: Offset, key: SipKey, policy: CompiledPolicy?,
        keepsKeys: Bool
    ) {
        let monitor = Monitor(
            Shared(
                free: (0..<Self.batches).map { _ in Parcel(RecordBatch(key: key)) }, policy: policy,
                keepsKeys: keepsKeys))
        self.monitor = monitor
        thread = OwnThread(.normal) {
            let end = Result { try Self.read(reader, from: from, to: to, into: monitor) }
            monitor.withLock { $0.end = end }
            monitor.wake(.progress)
        }
    }

    // MARK: The reading thread

    private static func read(
        _ reader: LogReader, from: Offset, to: Offset, into monitor: Monitor<Shared>
    ) throws {
        var reader = reader
        guard var batch = free(monitor) else { return }
        let end = Result {
            try reader.forEach(from: from, to: to, needs: .lines) { view in
                if batch.append(view) { return .next }
                guard var full = free(monitor) else { return .stop }
                swap(&batch, &full)
                hand(full, to: monitor)
                precondition(batch.append(view), "every record fits an empty batch")
                return .next
            }
        }
        // What was read before damage is handed over like everything else.
        if !batch.isEmpty { hand(batch, to: monitor) }
        _ = try end.get()
    }

    private static func hand(_ batch: consuming RecordBatch, to monitor: Monitor<Shared>) {
        let parcel = Parcel(batch)
        monitor.withLock { $0.full.append(parcel) }
        monitor.wake(.progress)
    }

    /// Waits for a batch to fill; nil once nobody wants any more.
    private static func free(_ monitor: Monitor<Shared>) -> RecordBatch? {
        let taken = monitor.wait(on: .work, milliseconds: nil) {
            shared -> (parcel: Parcel, policy: CompiledPolicy?, keepsKeys: Bool)?? in
            if shared.isStopped { return .some(nil) }
            return shared.free.popLast().map { ($0, shared.policy, shared.keepsKeys) }
        }
        guard let (parcel, policy, keepsKeys) = taken ?? nil else { return nil }
        var batch = parcel.open()
        batch?.begin(policy: policy, keepsKeys: keepsKeys)
        return batch
    }

    // MARK: The folding thread

    /// The next records; nil when all were handed out.
    ///
    /// - Throws: what reading failed with, after everything before it was handed out.
    func next() throws -> RecordBatch? {
        let found = monitor.wait(on: .progress, milliseconds: nil) {
            shared -> Result<Parcel?, any Error>? in
            if !shared.full.isEmpty { return .success(shared.full.removeFirst()) }
            return shared.end.map { $0.map { nil } }
        }
        guard let found else { preconditionFailure("a wait without an end ends with something") }
        return try found.get()?.open()
    }

    /// Gives a batch back to be filled again, and says which policy governs by now.
    func giveBack(_ batch: consuming RecordBatch, policy: CompiledPolicy?) {
        let parcel = Parcel(batch)
        monitor.withLock { shared in
            shared.free.append(parcel)
            shared.policy = policy
        }
        monitor.wake(.work)
    }

    /// Ends the thread; once.
    func stop() {
        monitor.withLock { $0.isStopped = true }
        monitor.wake(.work)
        thread.join()
    }
}
