/// One segment as its lines and salts say it, on its way into a new sealed file.
struct LineSource {
    let file: any LogFile
    let entry: Manifest.Entry
    let extractor: Extractor
    let randomBytes: @Sendable (Int) -> [UInt8]

    /// - Throws: ``LogError/damaged(_:)`` where a line is not whole, or a sealed segment's salts are not.
    mutating func write(
        in storage: any LogStorage, frameBytes: Int
    ) throws -> Manifest.Entry? {
        guard var header = try LooseFrames(file).segment else {
            throw damage(0, entry.offsets, "its segment header is damaged")
        }
        header.isSealed = true
        header.edition = entry.state == .sealed ? entry.edition + 1 : 0
        var hashes: Set<UInt64> = []
        try forEachRecord { _, extracted in hashes.formUnion(extracted.keys) }
        return try SealedFile.make(
            base: entry.base, edition: header.edition, in: storage
        ) { file in
            let output = try SealedWriter(
                file: file, header: header, frameBytes: frameBytes, hashes: hashes.sorted())
            var symbols = SymbolTable()
            try forEachRecord { record, extracted in
                var record = record
                record.source = symbols.symbol(extracted.source)
                record.name = symbols.symbol(extracted.name)
                try output.add(record, keys: extracted.keys, extractor: extractor.number)
            }
            let made = try output.finish(entry, names: symbols.names)
            guard entry.state != .sealed || made.merkleRoot == entry.merkleRoot else {
                throw FormatProblem("the lines do not give the Merkle root of the segment")
            }
            return made
        }
    }

    private func forEachRecord(
        _ body: (SealedRecord, Extractor.Extracted) throws -> Void
    ) throws {
        var frames = try LooseFrames(file)
        var expected = entry.base
        while let next = try frames.next() {
            switch next {
            case .bad(let position, let offsets, let reason):
                throw damage(
                    position,
                    offsets.isEmpty
                        ? min(expected, entry.offsets.upperBound)..<entry.offsets.upperBound
                        : offsets,
                    reason)
            case .frame(let frame):
                guard frame.header.base == expected else {
                    throw damage(
                        frame.position, expected..<max(expected, frame.header.base),
                        "no frame holds these offsets")
                }
                try visit(frame, frames.lines.bytes, body)
                expected = frame.header.end
            }
        }
        guard expected == entry.offsets.upperBound else {
            throw damage(
                0, min(expected, entry.offsets.upperBound)..<entry.offsets.upperBound,
                "the segment ends early")
        }
    }

    private func visit(
        _ frame: LooseFrames.Frame, _ lines: UnsafeRawBufferPointer,
        _ body: (SealedRecord, Extractor.Extracted) throws -> Void
    ) throws {
        guard let salts = frame.salts ?? freshSalts(frame) else {
            throw damage(
                frame.position, frame.header.base..<frame.header.end,
                "the salts are damaged, and with them the Merkle root")
        }
        var rest = lines
        try salts.withUnsafeBytes { salts in
            for row in 0..<Int(frame.header.count) {
                guard let end = rest.position(of: 0x0A) else {
                    preconditionFailure("the frame's lines were counted")
                }
                let line = rest.part(0..<end)
                let offset = frame.header.base + UInt64(row)
                let recorded = try RecordLine.opening(of: line).recorded
                let extracted = try extract(line, at: offset)
                try body(
                    SealedRecord(
                        line: line, salt: salts.part(row * 16..<row * 16 + 16),
                        leaf: try Tombstone.leaf(
                            of: line, kind: extracted.kind, offset: offset, recorded: recorded),
                        recorded: recorded, occurred: extracted.occurred, kind: extracted.kind,
                        source: 0, name: 0), extracted)
                rest = rest.part(end + 1..<rest.count)
            }
        }
    }

    private func extract(
        _ line: UnsafeRawBufferPointer, at offset: UInt64
    ) throws -> Extractor.Extracted {
        do {
            if let own = try OwnRecord.columns(of: line) { return own }
            let extracted = try extractor.extract(line)
            guard extracted.keys.count <= LogFormat.maximumKeys else {
                throw FormatProblem("it has \(extracted.keys.count) keys")
            }
            return extracted
        } catch {
            let reason = (error as? FormatProblem)?.reason ?? "\(error)"
            throw damage(
                0, offset..<offset + 1, "the extractor cannot read the line: \(reason)")
        }
    }

    /// Of an open segment no root was ever announced, so that new salts break no promise.
    private func freshSalts(_ frame: LooseFrames.Frame) -> [UInt8]? {
        entry.state == .sealed ? nil : randomBytes(Int(frame.header.count) * 16)
    }

    private func damage(_ position: Int, _ offsets: Range<UInt64>, _ reason: String) -> LogError {
        .damaged(
            Damage(
                file: file.name, position: UInt64(position), offsets: offsets, reason: reason))
    }
}
