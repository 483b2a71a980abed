import Hashing

/// Makes a manifest from the segments' files, when the old one is gone.
struct ManifestRebuilder {
    let storage: any LogStorage
    let configuration: LogConfiguration

    func rebuild() throws -> Manifest {
        let files = SegmentFiles.choose(from: try usable(), manifest: nil)
        guard !files.isEmpty else { throw LogError.manifest("there are no segments either") }
        var entries: [Manifest.Entry] = []
        var identity: LogIdentity?
        for name in files {
            let (entry, header) = try entry(name)
            if let identity, identity.id != header.logID {
                throw LogError.manifest("\(name) belongs to another log than the others")
            }
            var known = identity ?? newIdentity(header)
            known.incarnation = max(known.incarnation, header.incarnation)
            identity = known
            entries.append(entry)
        }
        guard var identity else { preconditionFailure("there are files") }
        if entries[entries.count - 1].state == .sealed {
            let last = entries[entries.count - 1]
            // The open file is gone: nothing says how far it went, so the log goes on elsewhere.
            identity.incarnation += 1
            guard identity.incarnation <= LogFormat.maximumIncarnation else {
                throw LogError.manifest("the active segment is missing and no incarnation is left")
            }
            let base = LogFormat.offsets(ofIncarnation: identity.incarnation).lowerBound
            let header = SegmentHeader(
                isSealed: false, logID: identity.id, incarnation: identity.incarnation, base: base,
                created: configuration.clock(), chainSeed: last.chainEnd, edition: 0)
            _ = try OpenSegmentFile.create(header, in: storage)
            entries.append(Manifest.Entry(base: base, state: .active))
        } else {
            entries[entries.count - 1] = Manifest.Entry(
                base: entries[entries.count - 1].base, state: .active)
        }
        let manifest = Manifest(identity: identity, generation: 0, entries: entries)
        // Headers and trailers that are each good may still not fit together.
        do throws(FormatProblem) { try manifest.check() } catch {
            throw LogError.manifest(
                "the segments do not make one: \(error.reason); "
                    + "`sluice log salvage` copies out what is whole")
        }
        return manifest
    }

    /// A sealed file beside the open one counts only when it is whole to its end: a seal ends with its name.
    private func usable() throws -> [String] {
        let names = try storage.list()
        return try names.filter { name in
            guard let base = UInt64(name.prefix(20)),
                LogFormat.edition(of: name, base: base) != nil,
                names.contains(LogFormat.openName(base: base))
            else { return true }
            do {
                _ = try SegmentFooter.read(from: try storage.open(name, for: .reading))
                return true
            } catch is FormatProblem { return false }
        }
    }

    private func newIdentity(_ header: SegmentHeader) -> LogIdentity {
        let random = configuration.randomBytes(16)
        let (low, high) = random.withUnsafeBytes {
            ($0.integer(UInt64.self, at: 0), $0.integer(UInt64.self, at: 8))
        }
        return LogIdentity(
            id: header.logID, incarnation: header.incarnation, key: SipKey(low: low, high: high))
    }

    private func entry(_ name: String) throws -> (Manifest.Entry, SegmentHeader) {
        let file = try storage.open(name, for: .reading)
        var frames = try LooseFrames(file)
        guard let header = frames.segment,
            name
                == (header.isSealed
                    ? LogFormat.sealedName(base: header.base, edition: header.edition)
                    : LogFormat.openName(base: header.base))
        else {
            throw LogError.manifest(
                "the segment header of \(name) is damaged; `sluice log salvage` copies out what is whole"
            )
        }
        var entry = Manifest.Entry(
            base: header.base, edition: header.edition, state: header.isSealed ? .sealed : .closed)
        var end = header.base
        var first: Int64?
        while let next = try frames.next() {
            guard case .frame(let frame) = next else { continue }
            let opening = try RecordLine.opening(of: frames.lines.bytes)
            if first == nil { first = opening.recorded }
            entry.lastRecorded = max(entry.lastRecorded, opening.recorded)
            entry.rawBytes += UInt64(frame.header.rawLength)
            end = max(end, frame.header.end)
            entry.chainEnd = frame.headerCRC
        }
        entry.count = end - header.base
        entry.firstRecorded = first ?? 0
        entry.fileLength = UInt64(frames.size)
        if header.isSealed {
            do {
                let trailer = try SegmentFooter.read(from: file).trailer
                entry.count = trailer.count
                entry.merkleRoot = trailer.merkleRoot
                entry.columnsHash = trailer.columnsHash
                entry.chainEnd = trailer.openChainEnd
            } catch let error as FormatProblem {
                throw LogError.manifest(
                    "\(error.reason) in \(name), and no manifest holds its root; "
                        + "`sluice log salvage` copies out what is whole")
            }
        }
        return (entry, header)
    }
}
