/// A closed segment to be sealed.
struct SealJob: Sendable {
    var live: LiveSegment
    var entry: Manifest.Entry
}

/// Re-frames a closed segment into its sealed form: larger frames, all columns in a footer, an index
/// of keys, a Merkle root. Runs on a thread of its own while appends go on.
struct Sealer {
    let storage: any LogStorage
    let configuration: LogConfiguration
    /// Says what waits and what is appended meanwhile, and when to stop.
    let monitor: Monitor<AppendQueue>

    /// Writes the sealed file and makes it durable under its name; nil when told to stop.
    ///
    /// - Crash: the open file is still what the manifest names; a sealed file that it does not name is
    ///   removed at open and made again.
    func seal(_ job: SealJob) throws -> Manifest.Entry? {
        try SealedFile.make(base: job.entry.base, edition: job.entry.edition, in: storage) { file in
            try write(job, to: file)
        }
    }

    private func write(_ job: SealJob, to file: any LogFile) throws -> Manifest.Entry? {
        let workspace = ReaderWorkspace()
        let handle = SegmentHandle(
            base: job.entry.base, end: job.entry.offsets.upperBound, content: .live(job.live))
        let walk = SegmentWalk(
            source: SegmentSource.ofLive(job.live, handle), workspace: workspace)
        let output = try SealedWriter(
            file: file, header: try sealedHeader(job), frameBytes: configuration.sealedFrameBytes,
            hashes: try walk.distinctHashes(), keyCount: job.live.withState { $0.keyCount })
        var clock = SealClock(committedBytes: monitor.sealLoad.committedBytes)
        for frame in walk.source.frames {
            let load = monitor.sealLoad
            clock.note(committedBytes: load.committedBytes)
            let pace = SealPace(waiting: load.waiting, bytesPerSecond: clock.bytesPerSecond)
            output.effort = pace.effort
            let start = ContinuousClock.now
            try walk.forEachRecord(of: frame) { _, record, keys in
                try output.add(record, keys: keys, extractor: frame.extractor)
            }
            let rest = clock.rest(after: .now - start, share: pace.restShare)
            if monitor.isSealingStopped(afterMilliseconds: rest) { return nil }
        }
        let sealed = try output.finish(job.entry, names: job.live.names.all)
        guard sealed.rawBytes == job.entry.rawBytes else {
            throw FormatProblem("the closed segment does not hold what the manifest says")
        }
        return sealed
    }

    private func sealedHeader(_ job: SealJob) throws -> SegmentHeader {
        var header = try SegmentHeader.read(from: job.live.file)
        header.isSealed = true
        header.edition = job.entry.edition
        return header
    }
}
