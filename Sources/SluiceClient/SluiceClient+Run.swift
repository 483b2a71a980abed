import Synchronization

extension SluiceClient {
    /// Sends what is queued until ``shutdown()`` or until its task is cancelled. One call at a time; after a
    /// cancellation it may be called again.
    ///
    /// - Returns: normally when cancelled; what was under way is sent again by the next run.
    /// - Throws: ``ClientError/alreadyRunning``, or a disk error that keeps the queue from being read.
    public func run() async throws {
        try state.withLock { state throws(ClientError) in
            guard !state.isRunning else { throw .alreadyRunning }
            state.isRunning = true
        }
        defer {
            let flushes = state.withLock { state in
                state.isRunning = false
                return state.flushes
            }
            for flush in flushes { flush.set() }
        }
        do {
            try await send()
        } catch is CancellationError {}  // an orderly end
    }

    private enum Due {
        case now
        case later(ContinuousClock.Instant?)
        case end
    }

    private func send() async throws {
        let transport = Transport(configuration: configuration)
        var pace = Pace(first: configuration.firstRetry, longest: configuration.longestRetry)
        // Smaller after a whole batch was refused, to find the message that did it.
        var items = configuration.batchItems
        var oldest: ContinuousClock.Instant?
        while true {
            try Task.checkCancellation()
            if queue.standing.count == 0 { oldest = nil } else { oldest = oldest ?? .now }
            switch due(oldest: oldest, notBefore: pace.notBefore) {
            case .end: return
            case .later(let instant):
                await work.wait(until: instant)
                continue
            case .now: break
            }
            let (most, bytes) = (items, configuration.batchBytes - Transport.envelopeBytes)
            let next = try await queue.withDisk { disk throws(ClientError) in
                try disk.next(items: most, bytes: bytes)
            }
            guard let batch = next else { continue }
            // Only damaged lines: nothing to ask the server for.
            let outcome =
                batch.messages.isEmpty
                ? .taken(refused: []) : try await transport.send(batch.messages)
            switch outcome {
            case .taken(let refused):
                for refusal in refused where batch.messages.indices.contains(refusal.index) {
                    report(batch.messages[refusal.index], refusal.code, refusal.message)
                }
                pace.succeeded()
                items = configuration.batchItems
                try await settle(batch)
                oldest = nil
            case .refused(let code, let message):
                // Never the same body again. One bad message must not cost the others, so halves are sent.
                pace.succeeded()
                guard batch.messages.count == 1 else {
                    items = batch.messages.count / 2
                    continue
                }
                report(batch.messages[0], code, message)
                items = configuration.batchItems
                try await settle(batch)
            case .unauthorized(let message):
                _ = pace.failed(
                    at: .now, retryAfter: configuration.longestRetry, chance: .random(in: 0..<1))
                onReport(.unauthorized(message: message))
            case .failed(let reason, let retryAfter):
                let pause = pace.failed(
                    at: .now, retryAfter: retryAfter, chance: .random(in: 0..<1))
                onReport(.retrying(reason: reason, pause: pause))
            }
        }
    }

    private func due(
        oldest: ContinuousClock.Instant?, notBefore: ContinuousClock.Instant?
    ) -> Due {
        let (end, isFlushing) = state.withLock { ($0.stopsAt, !$0.flushes.isEmpty) }
        let standing = queue.standing
        var at: ContinuousClock.Instant?
        if let oldest {
            let isFull =
                standing.count >= configuration.batchItems
                || standing.bytes >= configuration.batchBytes
            at =
                isFull || isFlushing || end != nil ? oldest : oldest + configuration.interval
        }
        if let notBefore, let due = at { at = max(due, notBefore) }
        if let end {
            guard at != nil, ContinuousClock.now < end else { return .end }
            at = at.map { min($0, end) }
        }
        guard let at, at <= .now else { return .later(at) }
        return .now
    }

    private func settle(_ batch: DiskQueue.Batch) async throws {
        try await queue.withDisk { disk throws(ClientError) in try disk.acknowledge(batch) }
        for flush in state.withLock({ $0.flushes }) { flush.set() }
    }

    private func report(_ message: [UInt8], _ code: String, _ reason: String) {
        let id = Message.id(of: message)
        onReport(.refused(messageID: id, code: code, message: reason))
    }
}
