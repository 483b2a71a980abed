/// What a salvage copied out and what it could not.
public struct SalvageReport: Sendable, Hashable {
    public struct File: Sendable, Hashable {
        /// The segment that was read, and the file that was written; nil when nothing in it is whole.
        public var segment: String
        public var output: String?
        public var records: UInt64
    }

    public var files: [File] = []
    /// What is bad, and where.
    public var problems: [Damage] = []
    /// Offsets below the last one that was found, or that the manifest names, which no file gave.
    public var lost: [Range<UInt64>] = []
    public var records: UInt64 { files.reduce(0) { $0 + $1.records } }
    public var lostRecords: UInt64 { lost.reduce(0) { $0 + UInt64($1.count) } }
}

extension EventLog {
    /// Copies every whole line of the log's directory at `directory`, which is only read, into `output`
    /// (absent or empty): one `<base>.ndjson.lz4` for each segment, plain LZ4 frames that `lz4 -dc` reads.
    ///
    /// Needs neither manifest nor footers. A segment that exists in several editions is read in the one
    /// that the manifest names, else in the newest. A tear at the end of the open segment is a problem
    /// here like any other: nothing says whether it was ever acknowledged.
    public static func salvage(
        from directory: String, to output: String, progress: (String) -> Void = { _ in }
    ) throws -> SalvageReport {
        do {
            return try salvage(
                from: try PosixStorage(existing: directory),
                to: try PosixStorage(directory: output), progress: progress)
        } catch let error as StorageError { throw LogError.storage(error) }
    }

    package static func salvage(
        from source: any LogStorage, to target: any LogStorage,
        progress: (String) -> Void = { _ in }
    ) throws -> SalvageReport {
        guard try target.list().isEmpty else {
            throw LogError.refused("the directory to salvage into is not empty; choose another")
        }
        var salvage = Salvage(source: source, target: target)
        try salvage.run(progress)
        try target.syncDirectory()
        return salvage.report
    }
}

private struct Salvage {
    let source: any LogStorage
    let target: any LogStorage
    private let lz4 = LZ4State()
    var report = SalvageReport()
    /// The offsets that were copied out, ascending and apart.
    private var found: [Range<UInt64>] = []

    init(source: any LogStorage, target: any LogStorage) {
        self.source = source
        self.target = target
    }

    mutating func run(_ progress: (String) -> Void) throws {
        var manifest: Manifest?
        do throws(LogError) {
            manifest = try ManifestStore(storage: source).read()
            if manifest == nil { note(Manifest.fileName, "it is missing") }
        } catch {
            guard case .manifest(let reason) = error else { throw error }
            note(Manifest.fileName, reason)
        }
        let names = try source.list()
        let files = SegmentFiles.choose(from: names, manifest: manifest)
        for entry in manifest?.entries ?? [] where !files.contains(entry.fileName) {
            note(entry.fileName, "the file is missing")
        }
        for name in files {
            progress(name)
            try copy(name)
        }
        report.lost = lost(expecting: manifest)
    }

    private mutating func note(_ file: String, _ reason: String) {
        report.problems.append(Damage(file: file, position: 0, offsets: 0..<0, reason: reason))
    }

    private mutating func copy(_ name: String) throws {
        var frames = try LooseFrames(try source.open(name, for: .reading))
        if frames.segment == nil { note(name, "its segment header is damaged") }
        var written = SalvageReport.File(segment: name, output: nil, records: 0)
        var output: (any LogFile)?
        var position = 0
        var out = GrowingBytes(capacity: 1 << 20)
        while let next = try frames.next() {
            switch next {
            case .bad(let position, let offsets, let reason):
                report.problems.append(
                    Damage(
                        file: name, position: UInt64(position), offsets: offsets, reason: reason))
            case .frame(let frame):
                guard add(frame.header.base..<frame.header.end) else {
                    report.problems.append(
                        Damage(
                            file: name, position: UInt64(frame.position),
                            offsets: frame.header.base..<frame.header.end,
                            reason: "the offsets were found before"))
                    continue
                }
                out.removeAll()
                LZ4Frame.append(frames.lines.bytes, effort: .fast, with: lz4, to: &out)
                let outputName = "\(name.prefix(20)).ndjson.lz4"
                let file = try output ?? target.create(outputName)
                try file.writeAll(out.bytes, at: position)
                position += out.count
                output = file
                written.output = outputName
                written.records += UInt64(frame.header.count)
            }
        }
        try output?.sync()
        report.files.append(written)
    }

    /// Notes offsets; false when some of them are there already, or before others.
    private mutating func add(_ offsets: Range<UInt64>) -> Bool {
        guard let last = found.last else {
            found.append(offsets)
            return true
        }
        guard offsets.lowerBound >= last.upperBound else { return false }
        if offsets.lowerBound == last.upperBound {
            found[found.count - 1] = last.lowerBound..<offsets.upperBound
        } else {
            found.append(offsets)
        }
        return true
    }

    /// What is not among the found: inside the segments that a manifest names, or, without one, below the
    /// last offset found of each incarnation.
    private func lost(expecting manifest: Manifest?) -> [Range<UInt64>] {
        var expected: [Range<UInt64>] = []
        if let manifest {
            for entry in manifest.entries {
                let end = max(
                    entry.base + entry.count,
                    entry.state == .active ? found.last?.upperBound ?? 0 : 0)
                if end > entry.base { expected.append(entry.base..<end) }
            }
        } else {
            for range in found {
                let first = range.lowerBound / LogFormat.offsetsPerIncarnation
                let start = first * LogFormat.offsetsPerIncarnation
                if let last = expected.last, last.upperBound > start {
                    expected[expected.count - 1] = last.lowerBound..<range.upperBound
                } else {
                    expected.append(start..<range.upperBound)
                }
            }
        }
        return expected.flatMap { missing(in: $0) }
    }

    private func missing(in range: Range<UInt64>) -> [Range<UInt64>] {
        var holes: [Range<UInt64>] = []
        var next = range.lowerBound
        for known in found where known.overlaps(range) {
            if known.lowerBound > next { holes.append(next..<known.lowerBound) }
            next = max(next, known.upperBound)
        }
        if next < range.upperBound { holes.append(next..<range.upperBound) }
        return holes
    }
}

/// Which of a directory's files hold the segments.
enum SegmentFiles {
    /// One file a base, ascending: the one that the manifest names, else the newest edition, else the open one.
    static func choose(from names: [String], manifest: Manifest?) -> [String] {
        let named = Set(manifest?.entries.map(\.fileName) ?? [])
        var best: [UInt64: (rank: Int64, name: String)] = [:]
        for name in names {
            guard let base = UInt64(name.prefix(20)), name.utf8.count > 20 else { continue }
            let rank: Int64
            if named.contains(name) {
                rank = .max
            } else if name == LogFormat.openName(base: base) {
                rank = -1
            } else if let edition = LogFormat.edition(of: name, base: base) {
                rank = Int64(edition)
            } else {
                continue
            }
            if best[base].map({ rank > $0.rank }) ?? true { best[base] = (rank, name) }
        }
        return best.sorted { $0.key < $1.key }.map(\.value.name)
    }
}
