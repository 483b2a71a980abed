import Hashing

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
    /// Whether more segments wait: then speed matters more than size.
    let isLagging: () -> Bool
    let isStopping: () -> Bool

    /// Writes the sealed file and makes it durable under its name; nil when told to stop.
    ///
    /// - Crash: the open file is still what the manifest names; a sealed file that it does not name is
    ///   removed at open and made again.
    func seal(_ job: SealJob) throws -> Manifest.Entry? {
        let sealedName = LogFormat.sealedName(base: job.entry.base, edition: job.entry.edition)
        let temporary = sealedName + ".tmp"
        for name in try storage.list() where name == temporary { try storage.unlink(name) }
        do {
            let file = try storage.create(temporary)
            guard let sealed = try write(job, to: file) else {
                try storage.unlink(temporary)
                return nil
            }
            // Read back what is about to be the only copy.
            let check = try SegmentFooter.read(from: file)
            guard check.trailer.merkleRoot == sealed.merkleRoot else {
                throw FormatProblem("the sealed file does not read back as it was written")
            }
            try storage.rename(temporary, to: sealedName)
            try storage.syncDirectory()
            return sealed
        } catch {
            // On a full disk the half-written file stands in the way of everything else.
            do throws(StorageError) { try storage.unlink(temporary) } catch {
                // Not there, or to be removed at the next open.
            }
            throw error
        }
    }

    private func write(_ job: SealJob, to file: any LogFile) throws -> Manifest.Entry? {
        let workspace = ReaderWorkspace()
        var frames: [FrameEntry] = []
        let length = job.live.catchUp(&frames)
        let source = SegmentSource(
            handle: SegmentHandle(
                base: job.entry.base, end: job.entry.base + job.entry.count,
                content: .live(job.live)),
            file: job.live.file, frames: frames, names: job.live.names, limit: Int(length),
            sealed: nil, live: job.live)
        let hashes = try distinctHashes(source, workspace)
        let output = try SealedWriter(
            file: file, header: try sealedHeader(job),
            frameBytes: configuration.sealedFrameBytes, hashes: hashes)
        for frame in frames {
            if isStopping() { return nil }
            output.effort = isLagging() ? .fast : .high(3)
            try workspace.withFrame(
                frame, of: source, needs: .lines, readAhead: ReaderWorkspace.scanReadAhead
            ) { columns, lines in
                guard let lines else { preconditionFailure("lines were asked for") }
                try output.add(frame, columns.pointee, lines)
            }
        }
        return try output.finish(job.entry, names: job.live.names.all)
    }

    private func distinctHashes(
        _ source: SegmentSource, _ workspace: ReaderWorkspace
    ) throws -> [UInt64] {
        var all: [UInt64] = []
        for frame in source.frames {
            try workspace.withFrame(
                frame, of: source, needs: .columns, readAhead: ReaderWorkspace.scanReadAhead
            ) { columns, _ in
                for key in 0..<columns.pointee.totalKeys { all.append(columns.pointee.key(key)) }
            }
        }
        all.sort()
        var distinct: [UInt64] = []
        for hash in all where hash != distinct.last { distinct.append(hash) }
        return distinct
    }

    private func sealedHeader(_ job: SealJob) throws -> SegmentHeader {
        let bytes = try job.live.file.bytes(at: 0, count: LogFormat.firstPairPosition)
        var (header, _) = try bytes.withUnsafeBytes { try SegmentHeader.decode($0) }
        header.isSealed = true
        header.edition = job.entry.edition
        return header
    }
}
