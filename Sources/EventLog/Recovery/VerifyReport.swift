/// Makes a record's columns from its line. The platform hands it in; the log knows no customer (L7).
public struct Extractor: Sendable {
    /// What the columns of a record must say.
    public struct Extracted: Sendable, Hashable {
        public var kind: UInt8
        public var source: String
        public var name: String
        public var occurred: Int64
        public var keys: [UInt64]

        public init(kind: UInt8, source: String, name: String, occurred: Int64, keys: [UInt64]) {
            self.kind = kind
            self.source = source
            self.name = name
            self.occurred = occurred
            self.keys = keys
        }
    }

    /// Frames that were written under another number are not checked.
    public var number: UInt16
    /// Called with a line without its line feed.
    public var extract: @Sendable (UnsafeRawBufferPointer) throws -> Extracted

    public init(
        number: UInt16, extract: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Extracted
    ) {
        self.number = number
        self.extract = extract
    }
}

/// What a verification read and what it found.
public struct VerifyReport: Sendable, Hashable {
    public struct Segment: Sendable, Hashable {
        public var file: String
        public var isSealed: Bool
        public var frames = 0
        public var records: UInt64 = 0
        public var bytes: UInt64 = 0
        /// Records whose columns the extractor made again, and found the same.
        public var extracted: UInt64 = 0
        /// Records that were written under another extractor's number: not checked.
        public var notExtracted: UInt64 = 0
        /// Recomputed from salts and lines, in lower-case hexadecimal; also for open segments.
        public var merkleRoot = ""
    }

    public var segments: [Segment] = []
    /// Everything that is bad. Empty: the log is whole.
    public var problems: [Damage] = []

    public var records: UInt64 { segments.reduce(0) { $0 + $1.records } }
    public var bytes: UInt64 { segments.reduce(0) { $0 + $1.bytes } }
    public var extracted: UInt64 { segments.reduce(0) { $0 + $1.extracted } }
    public var notExtracted: UInt64 { segments.reduce(0) { $0 + $1.notExtracted } }
}

extension EventLog {
    /// Reads every byte below the durable end and checks all that the format promises: checksums and
    /// chain, LZ4's own structure, dense offsets and times in the lines, columns against lines,
    /// footers and key indexes against the frames, Merkle roots and columns hashes.
    ///
    /// Blocks for as long as it takes; appends go on meanwhile. `progress` hears of each segment.
    public func verify(
        extractor: Extractor? = nil, progress: (VerifyReport.Segment) -> Void = { _ in }
    ) throws -> VerifyReport {
        var report = VerifyReport()
        var chainEnd: UInt32?
        for var handle in catalog.snapshot {
            if case .lost(let damage) = handle.content {
                report.problems.append(damage)
                chainEnd = nil
                continue
            }
            var verifier = SegmentVerifier(
                handle, identity: identity, extractor: extractor, previousChainEnd: chainEnd)
            let before = chainEnd
            chainEnd = try verifier.run(in: catalog)
            while !verifier.problems.isEmpty, let newer = catalog.replacement(of: handle) {
                // A rewrite took the file away meanwhile.
                handle = newer
                verifier = SegmentVerifier(
                    handle, identity: identity, extractor: extractor, previousChainEnd: before)
                chainEnd = try verifier.run(in: catalog)
            }
            report.segments.append(verifier.segment)
            report.problems += verifier.problems
            progress(verifier.segment)
        }
        return report
    }
}
