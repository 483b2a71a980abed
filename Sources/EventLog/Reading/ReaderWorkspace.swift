import Hashing

#if canImport(Glibc)
    import Glibc
#endif

/// The buffers of one reader.
///
/// `@unchecked Sendable`: ``LogReader`` never uses one that another reader may hold.
final class ReaderWorkspace: @unchecked Sendable {
    static let scanReadAhead = 1 << 20
    private static let cachedFrames = 4

    private struct FrameKey: Equatable {
        var file: String
        var base: UInt64
    }

    private final class CachedFrame {
        let key: FrameKey
        var lines: GrowingBytes
        /// So many bytes of the lines are there.
        var decoded = 0

        init(_ key: FrameKey, rawLength: Int) {
            self.key = key
            lines = GrowingBytes(capacity: rawLength)
        }
    }

    private var columnsWindow = FileWindow()
    private var dataWindow = FileWindow()
    private var lines = GrowingBytes()
    /// The frames of open segments as far as they were seen, by base.
    private var liveFrames: [UInt64: [FrameEntry]] = [:]
    /// For batches of columns.
    let decoded = DecodedColumns()
    let places = KeyPlaces()
    private var hashes: (file: String, values: [UInt64])?
    /// The most recent first.
    private var recent: [CachedFrame] = []

    /// A segment made ready to be read.
    func source(_ handle: SegmentHandle, in catalog: LogCatalog) throws(LogError) -> SegmentSource {
        switch handle.content {
        case .lost(let damage): throw LogError.damaged(damage)
        case .live(let live):
            // Taken out and put back, so that the array is grown in place.
            var frames = liveFrames.removeValue(forKey: live.base) ?? []
            let length = live.catchUp(&frames)
            if liveFrames.count > 4 { liveFrames.removeAll() }
            liveFrames[live.base] = frames
            return SegmentSource(
                handle: handle, file: live.file, frames: frames, names: live.names,
                limit: Int(length), sealed: nil, live: live)
        case .sealed(let entry):
            liveFrames[entry.base] = nil
            let sealed = try catalog.sealed(entry)
            return try SegmentSource.ofSealed(sealed, handle)
        }
    }

    /// Calls `body` with a frame's columns and, when needed, its lines.
    func withFrame<R>(
        _ frame: FrameEntry, of source: SegmentSource, needs: ReadNeeds, readAhead: Int,
        _ body: (UnsafePointer<ColumnSection>, UnsafeRawBufferPointer?) throws -> R
    ) throws -> R {
        var columns = try section(frame, of: source, readAhead: readAhead)
        if needs.contains(.columns), columns.keysAreReferences, let sealed = source.sealed {
            try loadHashes(of: sealed)
        }
        var text: UnsafeRawBufferPointer?
        if needs.contains(.lines) {
            try decode(frame, of: source, readAhead: readAhead, into: &lines)
            guard columns.linesFill(Int(frame.rawLength)) else {
                throw source.damage(
                    frame, at: frame.columnsPosition, "line lengths do not add up to the frame")
            }
            text = lines.bytes
        }
        guard needs.contains(.columns), columns.keysAreReferences, let hashes else {
            return try withUnsafePointer(to: &columns) { try body($0, text) }
        }
        return try hashes.values.withUnsafeBufferPointer { values in
            columns.hashes = values.baseAddress
            columns.hashCount = values.count
            return try withUnsafePointer(to: &columns) { try body($0, text) }
        }
    }

    /// The salts of a frame's records, 16 bytes each: in the companion, sealed or not.
    func salts(_ frame: FrameEntry, of source: SegmentSource) throws -> [UInt8] {
        let position = frame.position + UInt64(FrameHeader.prefixBytes)
        do {
            // The companion's header says its checksum; the frame table does not.
            let pair = try columnsWindow.bytes(
                of: source.file, at: Int(frame.position),
                count: FrameHeader.prefixBytes + Int(frame.companionLength), readAhead: 0,
                limit: source.limit)
            let (header, crc) = try FrameHeader.decode(pair)
            let companion = pair.part(FrameHeader.prefixBytes..<pair.count)
            guard crc == frame.headerCRC, header.count == frame.count,
                header.columnsLength == frame.companionLength,
                CRC32C.of(companion) == header.columnsCRC
            else { throw FormatProblem("the companion is not the frame's") }
            guard let salts = try ColumnSection(decoding: companion, count: Int(frame.count)).salts
            else { throw FormatProblem("the frame has no salts") }
            return salts.array
        } catch { throw Self.named(error, frame, at: position, in: source) }
    }

    private func section(
        _ frame: FrameEntry, of source: SegmentSource, readAhead: Int
    ) throws -> ColumnSection {
        do {
            let bytes = try columnsWindow.bytes(
                of: source.file, at: Int(frame.columnsPosition), count: Int(frame.columnsLength),
                readAhead: readAhead, limit: source.limit)
            guard CRC32C.of(bytes) == frame.columnsCRC else {
                throw FormatProblem("the columns' checksum is wrong")
            }
            let section = try ColumnSection(decoding: bytes, count: Int(frame.count))
            guard section.isComplete else { throw FormatProblem("the frame lacks columns") }
            return section
        } catch { throw Self.named(error, frame, at: frame.columnsPosition, in: source) }
    }

    private func decode(
        _ frame: FrameEntry, of source: SegmentSource, readAhead: Int, wanted: Range<Int>? = nil,
        into out: inout GrowingBytes
    ) throws {
        do {
            let bytes = try dataWindow.bytes(
                of: source.file, at: Int(frame.dataPosition), count: Int(frame.dataLength),
                readAhead: readAhead, limit: source.limit)
            guard CRC32C.of(bytes) == frame.dataCRC else {
                throw FormatProblem("the data's checksum is wrong")
            }
            out.resize(to: Int(frame.rawLength))
            try LZ4Frame.decode(
                bytes, wanted: wanted ?? 0..<Int(frame.rawLength), into: out.mutableBytes)
        } catch { throw Self.named(error, frame, at: frame.dataPosition, in: source) }
    }

    /// The line in row `row` of a frame, by way of the few frames that are kept.
    ///
    /// The first line that is asked of a frame is decoded up to its end and no further: one record here and
    /// one there is what a key's look-up asks for. The second brings the whole frame.
    func line(_ row: Int, of frame: FrameEntry, in source: SegmentSource) throws -> [UInt8] {
        let key = FrameKey(file: source.file.name, base: frame.base)
        let whole = Int(frame.rawLength)
        let place = range(ofLine: row, of: frame, in: source)
        let cached: CachedFrame
        if let number = recent.firstIndex(where: { $0.key == key }) {
            cached = recent.remove(at: number)
            if cached.decoded < place?.upperBound ?? whole {
                try fill(cached, to: whole, frame, source)
            }
        } else {
            cached = CachedFrame(key, rawLength: whole)
            try fill(cached, to: place?.upperBound ?? whole, frame, source)
            if recent.count >= Self.cachedFrames { recent.removeLast() }
        }
        recent.insert(cached, at: 0)
        let bytes = cached.lines.bytes
        if let place, bytes[place.upperBound - 1] == 0x0A {
            return bytes.part(place.lowerBound..<place.upperBound - 1).array
        }
        if cached.decoded < whole { try fill(cached, to: whole, frame, source) }
        guard let line = Self.line(row, in: cached.lines.bytes) else {
            throw source.damage(frame, at: frame.dataPosition, "the frame has too few lines")
        }
        return line.array
    }

    private func fill(
        _ cached: CachedFrame, to end: Int, _ frame: FrameEntry, _ source: SegmentSource
    ) throws {
        try decode(frame, of: source, readAhead: 0, wanted: 0..<end, into: &cached.lines)
        cached.decoded = end
    }

    /// Where the line of a row stands among the frame's, with its line feed; nil when the columns do not say:
    /// lines outlive their damage.
    private func range(
        ofLine row: Int, of frame: FrameEntry, in source: SegmentSource
    ) -> Range<Int>? {
        do {
            let lengths = try section(frame, of: source, readAhead: 0).lineLength
            var range: Range<Int64> = 0..<0
            for row in 0...row {
                let length = lengths.value(row)
                guard length > 1, length <= Int64(frame.rawLength) - range.upperBound else {
                    return nil
                }
                range = range.upperBound..<range.upperBound + length
            }
            return Int(range.lowerBound)..<Int(range.upperBound)
        } catch { return nil }
    }

    private static func line(_ row: Int, in bytes: UnsafeRawBufferPointer)
        -> UnsafeRawBufferPointer?
    {
        var rest = bytes
        for _ in 0..<row {
            guard let end = rest.position(of: 0x0A) else { return nil }
            rest = rest.part(end + 1..<rest.count)
        }
        return rest.position(of: 0x0A).map { rest.part(0..<$0) }
    }

    private func loadHashes(of sealed: SealedSegment) throws(LogError) {
        let file = sealed.entry.fileName
        if hashes?.file == file { return }
        hashes = nil
        hashes = (file, try sealed.keyHashes())
    }

    /// An operating system's error stays one; anything else is damage of this frame.
    private static func named(
        _ error: any Error, _ frame: FrameEntry, at position: UInt64, in source: SegmentSource
    ) -> LogError {
        switch error {
        case let error as StorageError where error.code != 0: .storage(error)
        case let error as FormatProblem: source.damage(frame, at: position, error.reason)
        default: source.damage(frame, at: position, "\(error)")
        }
    }
}
