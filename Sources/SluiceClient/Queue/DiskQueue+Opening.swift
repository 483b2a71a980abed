import Glibc
import JSONText

extension DiskQueue {
    /// Opens a directory's queue, cutting what a crash left unfinished.
    ///
    /// - Throws: ``ClientError/directoryInUse(_:)`` while another client lives on it.
    package static func open(_ configuration: ClientConfiguration) throws(ClientError) -> DiskQueue
    {
        let directory = configuration.directory
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
            throw QueueFiles.fail("create", directory)
        }
        let lock = try QueueFiles.open(directory + "/lock", O_RDWR | O_CREAT)
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw .directoryInUse(directory)
        }
        let acknowledging: Int32
        do throws(ClientError) {
            acknowledging = try QueueFiles.open(directory + "/acknowledged", O_RDWR | O_CREAT)
        } catch {
            close(lock)
            throw error
        }
        var queue = DiskQueue(
            directory: directory, limitBytes: configuration.queueBytes,
            fileBytes: configuration.queueBytes / 8, sync: configuration.sync, lock: lock,
            acknowledging: acknowledging)
        try queue.recover()
        return queue
    }

    /// The standing person; nil when there is none or it cannot be read.
    func person() throws(ClientError) -> Person? {
        let path = directory + "/person"
        guard access(path, F_OK) == 0 else { return nil }
        let descriptor = try QueueFiles.open(path, O_RDONLY)
        defer { close(descriptor) }
        let bytes = try QueueFiles.read(descriptor, path, at: 0, count: 1 << 20)
        do {
            return Person(try JSONValue(parsing: bytes))
        } catch {
            return nil
        }
    }

    private mutating func recover() throws(ClientError) {
        let mark = try QueueFiles.read(
            acknowledging, directory + "/acknowledged", at: 0, count: 64)
        // Without a readable number everything that is there is sent again.
        var acknowledged: UInt64 = 0
        if mark.last == 0x0A, let text = QueueLine.message(mark.dropLast()) {
            acknowledged = UInt64(String(decoding: text, as: UTF8.self), radix: 16) ?? 0
        }
        for name in try QueueFiles.names(in: directory) where name.hasSuffix(".queue") {
            guard let first = UInt64(name.dropLast(6), radix: 16), Self.name(first) == name else {
                continue
            }
            try recover(first, acknowledged)
        }
        let end = max(files.last?.end ?? 0, acknowledged)
        standing.acknowledged = min(max(acknowledged, files.first?.first ?? end), end)
        standing.end = end
    }

    /// Takes in one file: cuts its end down to the last whole line that bears its checksum.
    private mutating func recover(_ first: UInt64, _ acknowledged: UInt64) throws(ClientError) {
        var file = File(first: first, end: first, bytes: 0)
        let path = path(file)
        let descriptor = try QueueFiles.open(path, O_RDWR)
        defer { close(descriptor) }
        let size = try QueueFiles.size(descriptor, path)
        let text = try QueueFiles.read(descriptor, path, at: 0, count: size)
        var lines: [(end: Int, isWhole: Bool)] = []
        for end in QueueLine.ends(in: text) {
            let line = text[(lines.last?.end ?? 0)..<(end - 1)]
            lines.append((end, QueueLine.message(line) != nil))
        }
        while let last = lines.last, !last.isWhole { lines.removeLast() }
        file.bytes = lines.last?.end ?? 0
        file.end = first + UInt64(lines.count)
        if file.bytes < size { try QueueFiles.truncate(descriptor, path, to: file.bytes) }
        guard file.end > acknowledged, file.end > first else {
            try QueueFiles.unlink(path)
            return
        }
        let done = acknowledged > first ? Int(acknowledged - first) : 0
        let start = done > 0 ? lines[done - 1].end : 0
        if files.isEmpty { position = start }
        damagedLines += lines[done...].count { !$0.isWhole }
        standing.bytes += file.bytes - start
        files.append(file)
    }
}
