import Hashing

/// What a log consists of, for people and health checks.
public struct LogStat: Sendable, Hashable {
    public struct Segment: Sendable, Hashable {
        public enum State: String, Sendable { case active, closed, sealed, lost }
        public var file: String
        public var state: State
        public var base: Offset
        public var count: UInt64
        public var edition: UInt32
        /// Bytes of the file.
        public var storedBytes: UInt64
        /// Bytes of its lines.
        public var rawBytes: UInt64
        /// Lower-case hexadecimal; nil until sealed.
        public var merkleRoot: String?
        public var columnsHash: String?
    }

    public var segments: [Segment] = []
    public var durableEnd: Offset
    /// The next offset to be given out; what lies between is on its way to the disk.
    public var nextOffset: Offset
    public var queuedBytes: Int
    public var syncs = SyncTimes()
    /// Closed segments that are not sealed yet.
    public var sealBacklog: Int
    /// What stopped the last seal, until one succeeds.
    public var sealFailure: LogError?
    public var isDiskFull: Bool

    public var storedBytes: UInt64 { segments.reduce(0) { $0 + $1.storedBytes } }
    public var rawBytes: UInt64 { segments.reduce(0) { $0 + $1.rawBytes } }
}

extension EventLog {
    /// The segments and the queue now. Reads no file.
    public func stat() -> LogStat {
        var stat = monitor.withLock { queue in
            LogStat(
                durableEnd: Offset(queue.durableEnd), nextOffset: Offset(queue.nextOffset),
                queuedBytes: queue.queuedBytes, syncs: queue.syncs,
                sealBacklog: queue.sealing.count,
                sealFailure: queue.sealing.failure, isDiskFull: queue.phase == .diskFull)
        }
        stat.segments = catalog.snapshot.map { handle in
            switch handle.content {
            case .lost:
                LogStat.Segment(
                    file: handle.fileName, state: .lost, base: Offset(handle.base),
                    count: (handle.end ?? handle.base) - handle.base, edition: 0, storedBytes: 0,
                    rawBytes: 0)
            case .sealed(let entry):
                LogStat.Segment(
                    file: handle.fileName, state: .sealed, base: Offset(handle.base),
                    count: entry.count, edition: entry.edition, storedBytes: entry.fileLength,
                    rawBytes: entry.rawBytes, merkleRoot: Hexadecimal.encode(entry.merkleRoot),
                    columnsHash: Hexadecimal.encode(entry.columnsHash))
            case .live(let live): Self.live(live, handle, durableEnd: stat.durableEnd)
            }
        }
        return stat
    }

    private static func live(
        _ live: LiveSegment, _ handle: SegmentHandle, durableEnd: Offset
    ) -> LogStat.Segment {
        let (end, length, raw) = live.withState { state in
            (state.frames.last?.end, state.fileLength, state.rawBytes)
        }
        return LogStat.Segment(
            file: handle.fileName, state: handle.end == nil ? .active : .closed,
            base: Offset(handle.base), count: (handle.end ?? end ?? handle.base) - handle.base,
            edition: 0, storedBytes: length, rawBytes: raw)
    }
}

extension EventLog {
    /// Closes the active segment now and waits until everything closed is sealed. An active segment
    /// without records stays. Blocks; appends go on meanwhile, into the next segment.
    ///
    /// - Throws: what stopped the sealer, or ``LogError/closed``.
    public func seal() throws {
        guard configuration.sealing == .background else {
            throw LogError.refused("this log was opened without sealing")
        }
        let mine = monitor.withLock { queue in
            queue.rollsAsked += 1
            return queue.rollsAsked
        }
        monitor.wake(.work)
        while true {
            let done = monitor.wait(on: .progress, milliseconds: 20) {
                queue -> Result<Void, LogError>? in
                if case .failed(let error) = queue.phase { return .failure(error) }
                if queue.isEnding { return .failure(.closed) }
                if let failure = queue.sealing.failure { return .failure(failure) }
                guard queue.rollsAnswered >= mine || queue.phase == .diskFull else { return nil }
                if let postponed = queue.postponed { return .failure(postponed) }
                guard queue.sealing.count == 0, queue.finishedSeals.isEmpty else { return nil }
                // The writer puts finished seals into the manifest after it took them: the catalog says
                // when.
                return self.catalog.snapshot.contains { $0.waitsForSeal } ? nil : .success(())
            }
            if let done { return try done.get() }
        }
    }
}
