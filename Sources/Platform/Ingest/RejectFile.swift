private import Dispatch
private import Glibc
public import JSONText
private import Synchronization

/// What was refused at the door, with its bytes, for whoever has to repair the sender.
///
/// `rejects.ndjson` and the one before it, `rejects.1.ndjson`, each 64 MiB at most, mode 0600, since they
/// hold what clients sent. Written behind the answers by a queue of its own: a crash may lose the last
/// second's entries. When the disk cannot keep up entries are dropped, and of one request only so many are kept
/// (see ``CollectContext/listedRefusals``); both are counted. Thread-safe.
public final class RejectFile: Sendable {
    private let directory: String
    private let limitBytes: Int
    private let queue = DispatchQueue(label: "sluice.rejects")
    private let waiting = Atomic<Int>(0)
    private let dropped = Atomic<Int>(0)
    private static let mostWaitingBytes = 16 << 20

    // Confined to the queue.
    private nonisolated(unsafe) var descriptor: Int32 = -1
    private nonisolated(unsafe) var size = 0

    /// Nothing is opened before there is something to write.
    ///
    /// - Parameter directory: must exist.
    public init(directory: String, limitBytes: Int = 64 << 20) {
        self.directory = directory
        self.limitBytes = limitBytes
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Entries that are not in the file.
    public var droppedCount: Int { dropped.load(ordering: .relaxed) }

    /// - Parameter unlisted: how many more there were, of which nothing is kept.
    func add(_ entries: [RejectEntry], unlisted: Int = 0) {
        if unlisted > 0 { dropped.wrappingAdd(unlisted, ordering: .relaxed) }
        guard !entries.isEmpty else { return }
        let bytes = entries.reduce(0) { $0 + $1.line.count }
        let before = waiting.wrappingAdd(bytes, ordering: .relaxed).oldValue
        guard before < Self.mostWaitingBytes else {
            waiting.wrappingSubtract(bytes, ordering: .relaxed)
            dropped.wrappingAdd(entries.count, ordering: .relaxed)
            return
        }
        queue.async {
            for entry in entries where !self.write(entry.line) {
                self.dropped.wrappingAdd(1, ordering: .relaxed)
            }
            self.waiting.wrappingSubtract(bytes, ordering: .relaxed)
        }
    }

    /// The newest entries, newest first.
    public func recent(limit: Int) async -> [JSONValue] {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.read(limit)) }
        }
    }

    /// Returns when everything added before is in the file.
    public func flush() async {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume() }
        }
    }

    private var path: String { directory + "/rejects.ndjson" }
    private var olderPath: String { directory + "/rejects.1.ndjson" }

    private func write(_ line: [UInt8]) -> Bool {
        if size + line.count > limitBytes, descriptor >= 0 {
            close(descriptor)
            descriptor = -1
            guard rename(path, olderPath) == 0 else { return false }
        }
        if descriptor < 0 {
            descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { return false }
            size = Int(lseek(descriptor, 0, SEEK_END))
        }
        let put = Glibc.write(descriptor, line, line.count)
        if put > 0 { size += put }
        return put == line.count
    }

    private func read(_ limit: Int) -> [JSONValue] {
        var out: [JSONValue] = []
        for file in [path, olderPath] where out.count < limit {
            for line in Self.tail(of: file).split(separator: 0x0A).reversed() {
                guard out.count < limit else { break }
                // A line cut by a crash, or by where reading began, is passed over.
                do { out.append(try JSONValue(parsing: Array(line))) } catch { continue }
            }
        }
        return out
    }

    /// The last 8 MiB of a file; nothing when there is none.
    private static func tail(of path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        let end = lseek(descriptor, 0, SEEK_END)
        let start = max(0, end - (8 << 20))
        guard lseek(descriptor, start, SEEK_SET) == start else { return [] }
        var out = [UInt8](repeating: 0, count: Int(end - start))
        var got = 0
        while got < out.count {
            let count = out.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress.unsafelyUnwrapped + got, $0.count - got)
            }
            guard count > 0 else { break }
            got += count
        }
        return Array(out[..<got])
    }
}
