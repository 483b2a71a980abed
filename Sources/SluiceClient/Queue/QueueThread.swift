import Dispatch
import Synchronization

/// The one thread that touches a client's files.
///
/// Callers hand messages over and wait; the thread takes all that wait, writes them at once, syncs once and
/// wakes everybody. So a hundred callers share one sync.
final class QueueThread: Sendable {
    private struct Waiting: Sendable {
        var message: [UInt8]
        var person: Person?
        var caller: CheckedContinuation<Void, any Error>
    }

    private struct Inbox: Sendable {
        var waiting: [Waiting] = []
        var isDraining = false
        var standing: DiskQueue.Standing
    }

    private let thread = DispatchQueue(label: "sluice.client.queue")
    /// Only `thread` takes it, so nobody ever waits for it while a file is written.
    private let disk: Mutex<DiskQueue>
    private let inbox: Mutex<Inbox>
    /// Set when messages were written.
    let written = Wakeup()

    init(_ queue: consuming DiskQueue) {
        inbox = Mutex(Inbox(standing: queue.standing))
        disk = Mutex(queue)
    }

    /// What waits on disk, as of the last write.
    var standing: DiskQueue.Standing { inbox.withLock { $0.standing } }

    /// Hands a message over, and whom the client speaks for from then on if that changed. Does not block; the
    /// order of calls is the order of messages. The caller is resumed once they are written.
    func enqueue(
        _ message: [UInt8], keeping person: Person?, _ caller: CheckedContinuation<Void, any Error>
    ) {
        let begins = inbox.withLock { inbox in
            inbox.waiting.append(Waiting(message: message, person: person, caller: caller))
            defer { inbox.isDraining = true }
            return !inbox.isDraining
        }
        if begins { thread.async { self.drain() } }
    }

    /// Works on the files, on their thread.
    func withDisk<R: Sendable>(
        _ body: @escaping @Sendable (inout DiskQueue) throws(ClientError) -> R
    ) async throws -> R {
        try await withCheckedThrowingContinuation { caller in
            thread.async {
                let result = self.disk.withLock { disk -> Result<R, ClientError> in
                    let result = Result { () throws(ClientError) in try body(&disk) }
                    let standing = disk.standing
                    self.inbox.withLock { $0.standing = standing }
                    return result
                }
                caller.resume(with: result.mapError { $0 as any Error })
            }
        }
    }

    private func drain() {
        while true {
            let batch = inbox.withLock { inbox -> [Waiting] in
                defer { inbox.waiting = [] }
                if inbox.waiting.isEmpty { inbox.isDraining = false }
                return inbox.waiting
            }
            if batch.isEmpty { return }
            let results = disk.withLock { disk -> [Result<Void, ClientError>] in
                let results = Self.write(batch, to: &disk)
                let standing = disk.standing
                inbox.withLock { $0.standing = standing }
                return results
            }
            written.set()
            for (one, result) in zip(batch, results) {
                one.caller.resume(with: result.mapError { $0 as any Error })
            }
        }
    }

    private static func write(
        _ batch: [Waiting], to disk: inout DiskQueue
    ) -> [Result<Void, ClientError>] {
        do throws(ClientError) {
            // Consent must stand before anything is said under it.
            if let person = batch.last(where: { $0.person != nil })?.person {
                try disk.keep(person)
            }
            return try disk.append(batch.map(\.message)).map { isTaken in
                isTaken ? .success(()) : .failure(.queueFull)
            }
        } catch {
            return batch.map { _ in .failure(error) }
        }
    }
}
