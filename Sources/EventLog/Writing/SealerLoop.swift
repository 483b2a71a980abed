/// The thread that seals closed segments, oldest first.
struct SealerLoop: Sendable {
    /// How long to wait before a seal is tried again that the storage refused.
    private static let retryMilliseconds = 1000

    let storage: any LogStorage
    let configuration: LogConfiguration
    let monitor: Monitor<AppendQueue>

    func run() {
        let sealer = Sealer(storage: storage, configuration: configuration, monitor: monitor)
        while true {
            let job: SealJob
            switch next() {
            case .seal(let found): job = found
            // Nothing is done with them but to be the last who held them.
            case .letGo: continue
            case .end: return
            }
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

    private enum Work {
        case seal(SealJob)
        /// Files that were replaced.
        case letGo([any LogFile])
        /// The log closes or has failed.
        case end
    }

    private func next() -> Work {
        monitor.wait(on: .sealing, milliseconds: nil) { queue -> Work? in
            if case .failed = queue.phase { return .end }
            if queue.sealing.isStopped { return .end }
            if !queue.sealing.replaced.isEmpty {
                defer { queue.sealing.replaced = [] }
                return .letGo(queue.sealing.replaced)
            }
            guard !queue.sealing.waiting.isEmpty else { return nil }
            let job = queue.sealing.waiting.removeFirst()
            queue.sealing.current = job
            return .seal(job)
        } ?? .end
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
        _ = monitor.isSealingStopped(afterMilliseconds: Self.retryMilliseconds)
    }
}

extension Monitor<AppendQueue> {
    /// How many closed segments wait besides the one that is being sealed, and how many raw bytes were
    /// committed since the log was opened.
    var sealLoad: (waiting: Int, committedBytes: UInt64) {
        withLock { ($0.sealing.waiting.count, $0.committedBytes) }
    }

    /// Waits so long, or until the log is to be closed; whether it is.
    func isSealingStopped(afterMilliseconds milliseconds: Int) -> Bool {
        wait(on: .sealing, milliseconds: milliseconds) { $0.sealing.isStopped ? true : nil }
            ?? false
    }
}
