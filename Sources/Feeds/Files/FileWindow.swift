import Glibc

/// A moving view of a file's text: what was read and not yet taken.
///
/// It grows while somebody asks for more without taking any, up to a bound, and is filled whole
/// each time; so who starts over on the larger window does work in proportion to the bytes.
struct FileWindow: ~Copyable {
    private var file: InputFile
    private var room: UnsafeMutableRawBufferPointer
    private var range = 0..<0
    /// Bytes of the text before the window.
    private(set) var position: Int64 = 0
    private(set) var isAtEnd = false
    private let maximumBytes: Int

    /// Opens the file, reads its beginning and drops a byte order mark.
    /// - Parameter maximumBytes: how large the window may grow.
    static func open(_ path: String, maximumBytes: Int) throws(FeedError) -> FileWindow {
        var window = FileWindow(file: try InputFile.open(path), maximumBytes: maximumBytes)
        _ = try window.more()
        if window.bytes.starts(with: [0xEF, 0xBB, 0xBF]) { window.take(3) }
        return window
    }

    private init(file: consuming InputFile, maximumBytes: Int) {
        self.file = file
        self.maximumBytes = maximumBytes
        room = .allocate(byteCount: min(256 << 10, maximumBytes), alignment: 16)
    }

    deinit { room.deallocate() }

    var path: String { file.path }
    var size: Int64? { file.size }

    /// Bytes on disk that were used up. Of a plain file, those before the window; of a gzip file,
    /// those that were unpacked.
    var consumed: Int64 { file.isPlain ? file.consumed - Int64(range.count) : file.consumed }

    /// Valid until the next call that changes the window.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: room[range])
    }

    /// Steps over the first bytes.
    mutating func take(_ count: Int) {
        range = range.lowerBound + count..<range.upperBound
        position += Int64(count)
    }

    /// Reads behind what is there, to the window's end or the file's. False when there was nothing,
    /// or when the window is as large as it may become.
    ///
    /// An error is thrown only once everything before it was given; asking again gives it again.
    mutating func more() throws(FeedError) -> Bool {
        guard !isAtEnd else { return false }
        makeRoom()
        let before = range.count
        while range.upperBound < room.count {
            do throws(FeedError) {
                let count = try file.read(into: .init(rebasing: room[range.upperBound...]))
                isAtEnd = count == 0
                guard count > 0 else { break }
                range = range.lowerBound..<range.upperBound + count
            } catch {
                guard range.count > before else { throw error }
                break
            }
        }
        return range.count > before
    }

    private mutating func makeRoom() {
        let kept = range.count
        if kept > room.count / 2, room.count < maximumBytes {
            let larger = UnsafeMutableRawBufferPointer.allocate(
                byteCount: min(room.count * 2, maximumBytes), alignment: 16)
            larger.copyMemory(from: bytes)
            room.deallocate()
            room = larger
        } else if range.lowerBound > 0, let base = room.baseAddress {
            memmove(base, base + range.lowerBound, kept)
        }
        range = 0..<kept
    }
}
