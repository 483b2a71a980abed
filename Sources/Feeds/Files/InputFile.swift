import Glibc

/// An open file, read from front to back, unpacked when it is gzip.
///
/// Gzip is known by its first two bytes, not by the file's name.
struct InputFile: ~Copyable {
    let path: String
    /// Size on disk; nil when it is no regular file.
    let size: Int64?
    private let descriptor: Int32
    /// What was read and not yet used, of the file as it lies on disk.
    private let pending: UnsafeMutableRawBufferPointer
    private var pendingRange = 0..<0
    private var bytesRead: Int64 = 0
    private var gzip: GzipStream?
    /// The inflater may hold more than there was room for.
    private var filledLastOutput = false

    /// Opens the file and looks at its first bytes.
    static func open(_ path: String) throws(FeedError) -> InputFile {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        var file = InputFile(path: path, descriptor: descriptor)
        // A pipe may give its first byte alone.
        while file.pendingRange.count < 2, try file.readMore() {}
        if file.pendingRange.count >= 2, file.pending[0] == 0x1F, file.pending[1] == 0x8B {
            file.gzip = GzipStream()
        }
        return file
    }

    private init(path: String, descriptor: Int32) {
        var status = stat()
        let isRegular = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        self.path = path
        self.descriptor = descriptor
        size = isRegular ? Int64(status.st_size) : nil
        pending = .allocate(byteCount: 256 << 10, alignment: 16)
        gzip = nil
    }

    deinit {
        close(descriptor)
        pending.deallocate()
    }

    /// Whether the text is the file, byte for byte.
    var isPlain: Bool { gzip == nil }

    /// Bytes of the file on disk that went into what `read` gave.
    var consumed: Int64 { bytesRead - Int64(pendingRange.count) }

    /// Fills `room` with the next bytes of the text, at least one; 0 at its end.
    mutating func read(into room: UnsafeMutableRawBufferPointer) throws(FeedError) -> Int {
        if gzip == nil { return try readPlain(into: room) }
        while true {
            if pendingRange.isEmpty, !filledLastOutput {
                guard try readMore() else {
                    guard gzip?.isWhole == true else {
                        throw .gzipTruncated(path: path, position: bytesRead)
                    }
                    return 0
                }
            }
            let produced = try unpack(into: room)
            if produced > 0 { return produced }
        }
    }

    private mutating func readPlain(
        into room: UnsafeMutableRawBufferPointer
    ) throws(FeedError) -> Int {
        guard pendingRange.isEmpty else {
            let count = min(room.count, pendingRange.count)
            let start = pendingRange.lowerBound
            room.copyMemory(from: .init(rebasing: pending[start..<start + count]))
            pendingRange = start + count..<pendingRange.upperBound
            return count
        }
        return try readFile(into: room)
    }

    private mutating func unpack(
        into room: UnsafeMutableRawBufferPointer
    ) throws(FeedError) -> Int {
        let input = UnsafeRawBufferPointer(rebasing: pending[pendingRange])
        do throws(GzipProblem) {
            guard let step = try gzip?.inflate(input, into: room) else { return 0 }
            pendingRange = pendingRange.lowerBound + step.consumed..<pendingRange.upperBound
            filledLastOutput = step.produced == room.count
            return step.produced
        } catch {
            throw .gzipCorrupt(path: path, position: consumed, reason: error.reason)
        }
    }

    /// Reads behind what is pending. False at the file's end.
    private mutating func readMore() throws(FeedError) -> Bool {
        if pendingRange.isEmpty { pendingRange = 0..<0 }
        let end = pendingRange.upperBound
        let count = try readFile(into: .init(rebasing: pending[end...]))
        pendingRange = pendingRange.lowerBound..<end + count
        return count > 0
    }

    private mutating func readFile(
        into room: UnsafeMutableRawBufferPointer
    ) throws(FeedError) -> Int {
        while true {
            let count = Glibc.read(descriptor, room.baseAddress, room.count)
            if count >= 0 {
                bytesRead += Int64(count)
                return count
            }
            guard errno == EINTR else {
                throw .cannotRead(
                    path: path, position: bytesRead, reason: String(cString: strerror(errno)))
            }
        }
    }
}
