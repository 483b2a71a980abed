/// A stretch of a file in memory, so that neighbouring frames cost one read.
struct FileWindow: ~Copyable {
    private var file: (any LogFile)?
    private var start = 0
    private var area = GrowingBytes()

    /// The `count` bytes at `position`, with eight readable bytes after them. Reads ahead up to
    /// `readAhead` bytes, but not past `limit`: what lies behind it is not durable and may change.
    ///
    /// The bytes are valid until the next call.
    mutating func bytes(
        of file: any LogFile, at position: Int, count: Int, readAhead: Int, limit: Int
    ) throws -> UnsafeRawBufferPointer {
        guard position >= 0, count >= 0, position <= limit, count <= limit - position else {
            throw FormatProblem("the file ends inside a frame")
        }
        if self.file !== file || position < start || position + count > start + area.count {
            let wanted = min(max(count, readAhead), limit - position)
            self.file = nil
            area.resize(to: wanted)
            try file.readAll(into: area.mutableBytes, at: position)
            self.file = file
            start = position
        }
        return area.bytes.part(position - start..<position - start + count)
    }

    /// All bytes from `position` on that are in memory, `minimum` or more: for whoever looks at each and comes
    /// back for what is behind the place where it stopped, which must not cost another read.
    mutating func stretch(
        of file: any LogFile, at position: Int, minimum: Int, readAhead: Int, limit: Int
    ) throws -> UnsafeRawBufferPointer {
        _ = try bytes(
            of: file, at: position, count: minimum, readAhead: readAhead, limit: limit)
        return area.bytes.part(position - start..<min(area.count, limit - start))
    }
}
