/// Finds frame headers where nothing says that there is one: after damage.
enum HeaderSearch {
    private static let windowBytes = 1 << 20

    /// The first good frame header at `position` or later that `isWanted`; nil when there is none.
    ///
    /// Slow: it looks at every byte. A header is good only with its own checksum.
    static func next(
        in file: any LogFile, size: Int, from position: Int, window: inout FileWindow,
        where isWanted: (FrameHeader) -> Bool
    ) throws -> (position: Int, header: FrameHeader)? {
        var place = position
        while size - place >= FrameHeader.prefixBytes {
            // A window that overlaps the next one by a header, so that none is cut in two.
            let bytes = try window.stretch(
                of: file, at: place, minimum: FrameHeader.prefixBytes, readAhead: windowBytes,
                limit: size)
            if let (found, header) = first(in: bytes, where: isWanted) {
                return (place + found, header)
            }
            place += bytes.count - FrameHeader.prefixBytes + 1
        }
        return nil
    }

    private static func first(
        in bytes: UnsafeRawBufferPointer, where isWanted: (FrameHeader) -> Bool
    ) -> (position: Int, header: FrameHeader)? {
        let last = bytes.count - FrameHeader.prefixBytes
        var start = 0
        while start <= last {
            guard
                let hit = bytes.part(start..<bytes.count).position(
                    of: UInt8(truncatingIfNeeded: LogFormat.skippableMagic))
            else { return nil }
            start += hit
            guard start <= last else { return nil }
            if bytes.integer(UInt32.self, at: start) == LogFormat.skippableMagic,
                let header = header(bytes.part(start..<start + FrameHeader.prefixBytes)),
                isWanted(header)
            {
                return (start, header)
            }
            start += 1
        }
        return nil
    }

    private static func header(_ bytes: UnsafeRawBufferPointer) -> FrameHeader? {
        do throws(FormatProblem) { return try FrameHeader.decode(bytes).header } catch {
            return nil
        }
    }
}
