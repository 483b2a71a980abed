/// The thread that seals closed segments, oldest first.
struct SealerLoop: Sendable {
    /// How long to wait before a seal is tried again that the storage refused.
    private static let retryMilliseconds = 1000

    let storage: any LogStorage
    let configuration: LogConfiguration
    let monitor: Monitor<AppendQueue>

    func run() {
        let sealer = Sealer(
            storage: storage, configuration: configuration,
            isLagging: { monitor.withLock { !$0.sealing.waiting.isEmpty } },
            isStopping: { monitor.withLock { $0.sealing.isStopped } })
        while let job = next() {
            do {
                guard let sealed = try sealer.seal(job) else { return }
                monitor.withLock { queue in
                    queue.finishedSeals.append(sealed)
                    queue.sealing.current = nil
                    queue.sealing.failure = nil
                }
                monitor.wake(.work)
            } catch { put(job, back: error) }
        }
    }

    /// Nil when the log closes or has failed.
    private func next() -> SealJob? {
        monitor.wait(on: .sealing, milliseconds: nil) { queue -> SealJob?? in
            if case .failed = queue.phase { return .some(nil) }
            if queue.sealing.isStopped { return .some(nil) }
            guard !queue.sealing.waiting.isEmpty else { return nil }
            let job = queue.sealing.waiting.removeFirst()
            queue.sealing.current = job
            return .some(job)
        } ?? nil
    }

    /// A storage error may pass (a full disk): the job waits. Bad bytes do not: the segment stays open
    /// and readable, and is not tried again before the next open.
    private func put(_ job: SealJob, back error: any Error) {
        let reason: LogError
        switch error {
        case let error as StorageError: reason = .storage(error)
        case let error as LogError: reason = error
        default:
            reason = .damaged(
                Damage(
                    file: job.live.file.name, position: 0,
                    offsets: job.entry.base..<job.entry.base + job.entry.count, reason: "\(error)"))
        }
        monitor.withLock { queue in
            queue.sealing.current = nil
            queue.sealing.failure = reason
            if case .storage = reason { queue.sealing.waiting.insert(job, at: 0) }
        }
        _ = monitor.wait(on: .sealing, milliseconds: Self.retryMilliseconds) { queue -> Bool? in
            queue.sealing.isStopped ? true : nil
        }
    }
}
