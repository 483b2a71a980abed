/// What ``EventLog/erase(_:reference:)`` did.
public struct EraseReport: Sendable, Hashable {
    /// Lines that became tombstones now.
    public var erased = 0
    /// Segments that have a new edition.
    public var segments = 0

    public init(erased: Int = 0, segments: Int = 0) {
        self.erased = erased
        self.segments = segments
    }
}

extension EventLog {
    /// Replaces the lines at `offsets` by tombstones, which keep offset, recorded time and leaf hash: offsets
    /// stay dense and every Merkle root stays what it was (L8). Line, salt, keys, name and source are gone
    /// from the log's files when this returns, and the old files have been unlinked. Segments that are not
    /// sealed yet are sealed first. Blocks; appends and readers go on meanwhile. A reader that is inside a
    /// segment finishes it in the edition that it began.
    ///
    /// - Parameter reference: what the tombstones say of why: 1…200 printable ASCII characters without
    ///   quote and backslash, and no personal data.
    /// - Throws: ``LogError/refused(_:)`` for an offset that is not durable or holds one of the log's own
    ///   records; nothing is changed in that segment and those after it. ``LogError/damaged(_:)`` when a
    ///   segment cannot be read whole.
    /// - Crash: each segment has either edition whole; call again. Until the call returns a line may still
    ///   be there.
    @discardableResult
    public func erase(_ offsets: [Offset], reference: String) throws -> EraseReport {
        guard Tombstone.isValid(reference: reference) else {
            throw LogError.refused(
                "a tombstone's reference is 1 to \(Tombstone.maximumReferenceBytes) printable ASCII "
                    + "characters without quote and backslash")
        }
        try beginRewriting()
        defer { endRewriting() }
        var report = EraseReport()
        for (base, wanted) in try segments(of: Set(offsets.map(\.value))) {
            guard let entry = sealedEntry(base) else {
                throw LogError.refused("the segment at \(base) could not be sealed")
            }
            let writer = EditionWriter(storage: catalog.storage, configuration: configuration)
            guard
                let made = try Self.naming(
                    entry, { try writer.write(entry, erasing: wanted, reference: reference) })
            else { continue }
            try install(made.entry)
            report.erased += made.erased
            report.segments += 1
        }
        return report
    }

    /// The wanted offsets by the base of their segment, ascending; all of them sealed.
    private func segments(
        of offsets: Set<UInt64>
    ) throws -> [(base: UInt64, offsets: Set<UInt64>)] {
        var groups = try grouped(offsets)
        let unsealed = groups.contains { sealedEntry($0.base) == nil }
        if unsealed {
            try seal()
            // The roll ended the segment that was active.
            groups = try grouped(offsets)
        }
        return groups
    }

    private func grouped(
        _ offsets: Set<UInt64>
    ) throws(LogError) -> [(base: UInt64, offsets: Set<UInt64>)] {
        let end = durableEnd.value
        let handles = catalog.snapshot
        var groups: [UInt64: Set<UInt64>] = [:]
        for offset in offsets {
            let number = handles.partitioningIndex { $0.base > offset } - 1
            guard offset < end, number >= 0, offset < handles[number].end ?? end else {
                throw LogError.refused("the log has no record at offset \(offset)")
            }
            if case .lost(let damage) = handles[number].content { throw LogError.damaged(damage) }
            groups[handles[number].base, default: []].insert(offset)
        }
        return groups.sorted { $0.key < $1.key }.map { (base: $0.key, offsets: $0.value) }
    }

    private func sealedEntry(_ base: UInt64) -> Manifest.Entry? {
        for handle in catalog.snapshot where handle.base == base {
            if case .sealed(let entry) = handle.content { return entry }
        }
        return nil
    }

    // MARK: - Installing

    /// Only one rewrite at a time: two would make the same edition.
    func beginRewriting() throws {
        let began = monitor.wait(on: .progress, milliseconds: nil) {
            queue -> Result<Void, LogError>? in
            if case .failed(let error) = queue.phase { return .failure(error) }
            if queue.isEnding { return .failure(.closed) }
            guard !queue.isRewriting else { return nil }
            queue.isRewriting = true
            return .success(())
        }
        try began?.get()
    }

    func endRewriting() {
        monitor.withLock { $0.isRewriting = false }
        monitor.wake(.progress)
    }

    /// Hands a new edition to the writer's thread and waits until the manifest names it and the old file
    /// is gone.
    func install(_ entry: Manifest.Entry) throws {
        monitor.withLock { $0.finishedSeals.append(entry) }
        monitor.wake(.work)
        let done = monitor.wait(on: .progress, milliseconds: nil) {
            queue -> Result<Void, LogError>? in
            if queue.installedEditions[entry.base] == entry.edition { return .success(()) }
            if case .failed(let error) = queue.phase { return .failure(error) }
            return queue.isEnding ? .failure(.closed) : nil
        }
        try done?.get()
    }

    /// Whatever is wrong with a segment's bytes is damage of that segment.
    static func naming<R>(_ entry: Manifest.Entry, _ body: () throws -> R) throws -> R {
        do { return try body() } catch let error as FormatProblem {
            throw LogError.damaged(entry.damage(error.reason))
        } catch let error as StorageError { throw LogError.storage(error) }
    }
}
