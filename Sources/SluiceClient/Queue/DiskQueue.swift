import Glibc
import Hashing
import JSONText

/// Messages on disk, in the order of their calls, until the server has acknowledged them.
///
/// | file | holds |
/// |---|---|
/// | `<number of the first message, 16 hex digits>.queue` | messages, one ``QueueLine`` each; only the newest is written |
/// | `acknowledged` | the number below which everything was answered for, and its checksum |
/// | `person` | the standing ids and consent, as JSON |
/// | `lock` | nothing; locked while a client lives |
///
/// A message is numbered by its place, from 0, and numbers are never reused while one waits. Calls block;
/// only the queue's own thread makes them.
///
/// - Crash: whole messages up to the last written, and perhaps a torn one, which opening cuts. What was
///   acknowledged may be sent again, since that number is not synced: the server counts a message id once.
package struct DiskQueue: ~Copyable {
    package struct File {
        var first: UInt64
        /// The number after its last message.
        var end: UInt64
        var bytes: Int
    }

    /// Messages that go out together.
    package struct Batch: Sendable {
        package var messages: [[UInt8]]
        /// The number after the last one.
        var end: UInt64
        /// The bytes of their lines in the file.
        var bytes: Int
    }

    /// What waits.
    package struct Standing: Equatable, Sendable {
        var acknowledged: UInt64
        var end: UInt64
        /// Of the lines from `acknowledged` on.
        package var bytes: Int

        package var count: UInt64 { end - acknowledged }
    }

    let directory: String
    let limitBytes: Int
    let fileBytes: Int
    let sync: ClientConfiguration.SyncPolicy
    package var files: [File] = []
    package var standing = Standing(acknowledged: 0, end: 0, bytes: 0)
    /// Where `acknowledged` stands in the first file.
    var position = 0
    /// Lines that were passed over since they do not bear their checksum.
    package var damagedLines = 0
    /// Of the newest file, once this client has begun one.
    var writing: Int32?
    var lock: Int32
    var acknowledging: Int32
    /// After a failed sync or an unfinished write nobody knows what the file holds.
    var failure: ClientError?

    func path(_ file: File) -> String { directory + "/" + Self.name(file.first) }

    static func name(_ first: UInt64) -> String {
        let digits = String(first, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits + ".queue"
    }

    deinit {
        if let writing { close(writing) }
        close(acknowledging)
        close(lock)
    }

    // MARK: Writing

    /// Appends messages in one write, and syncs them by the policy.
    ///
    /// - Returns: for each whether it was taken or the queue was full.
    /// - Throws: when none was taken.
    package mutating func append(_ messages: [[UInt8]]) throws(ClientError) -> [Bool] {
        if let failure { throw failure }
        var bytes: [UInt8] = []
        var taken: [Bool] = []
        for message in messages {
            let size = message.count + QueueLine.overhead
            let fits = standing.bytes + bytes.count + size <= limitBytes
            taken.append(fits)
            if fits { QueueLine.write(message, into: &bytes) }
        }
        guard !bytes.isEmpty else { return taken }
        let descriptor = try fileToWrite()
        let place = files.count - 1
        let name = path(files[place])
        do throws(ClientError) {
            try QueueFiles.write(descriptor, name, bytes, at: files[place].bytes)
        } catch {
            // A full disk: what was written of it must not stand before the next message.
            do throws(ClientError) {
                try QueueFiles.truncate(descriptor, name, to: files[place].bytes)
            } catch let second {
                failure = second
            }
            throw error
        }
        if sync == .everyMessage {
            do throws(ClientError) {
                try QueueFiles.sync(descriptor, name)
            } catch {
                failure = error
                throw error
            }
        }
        let count = UInt64(taken.count { $0 })
        files[place].bytes += bytes.count
        files[place].end += count
        standing.end += count
        standing.bytes += bytes.count
        return taken
    }

    /// The newest file; a new one when this client has none yet or it is long enough.
    private mutating func fileToWrite() throws(ClientError) -> Int32 {
        if let writing, let last = files.last, last.bytes < fileBytes { return writing }
        let file = File(first: standing.end, end: standing.end, bytes: 0)
        let descriptor = try QueueFiles.open(path(file), O_WRONLY | O_CREAT | O_EXCL)
        if let writing { close(writing) }
        writing = descriptor
        files.append(file)
        if sync == .everyMessage { try syncDirectory() }
        return descriptor
    }

    func syncDirectory() throws(ClientError) {
        let descriptor = try QueueFiles.open(directory, O_RDONLY | O_DIRECTORY)
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw QueueFiles.fail("sync", directory) }
    }

    /// Keeps whom the client speaks for.
    func keep(_ person: Person) throws(ClientError) {
        try QueueFiles.replace(directory + "/person", with: Array(person.json.text.utf8))
        try syncDirectory()
    }

    // MARK: Sending

    /// The oldest messages that wait: of one file, at most `items` and `bytes`, but one at least.
    package mutating func next(items: Int, bytes: Int) throws(ClientError) -> Batch? {
        while let file = files.first, file.end <= standing.acknowledged, files.count > 1 {
            try dropFirst()
        }
        guard standing.count > 0, let file = files.first else { return nil }
        // Numbers that a machine's crash took from the end of an older file.
        standing.acknowledged = max(standing.acknowledged, file.first)
        let descriptor = try QueueFiles.open(path(file), O_RDONLY)
        defer { close(descriptor) }
        var room = min(bytes + items * QueueLine.overhead, file.bytes - position)
        while true {
            let text = try QueueFiles.read(descriptor, path(file), at: position, count: room)
            var batch = Batch(messages: [], end: standing.acknowledged, bytes: 0)
            var size = 0
            for end in QueueLine.ends(in: text) {
                let message = QueueLine.message(text[batch.bytes..<(end - 1)])
                let more = (message?.count ?? 0) + 1
                if batch.messages.count == items
                    || (!batch.messages.isEmpty && size + more > bytes)
                {
                    break
                }
                // Damaged lines were counted when the queue was opened.
                if let message { batch.messages.append(message) }
                size += more
                batch.end += 1
                batch.bytes = end
            }
            if batch.bytes > 0 { return batch }
            guard text.count == room, room < file.bytes - position else {
                throw .disk(operation: "read", file: path(file), code: EIO)
            }
            room = min(room * 2, file.bytes - position)
        }
    }

    /// Notes that a batch was answered for.
    package mutating func acknowledge(_ batch: Batch) throws(ClientError) {
        standing.acknowledged = batch.end
        standing.bytes -= batch.bytes
        position += batch.bytes
        try QueueFiles.write(
            acknowledging, directory + "/acknowledged", Self.mark(standing.acknowledged), at: 0)
        if let first = files.first, first.end <= standing.acknowledged,
            files.count > 1 || first.bytes >= fileBytes
        {
            try dropFirst()
        }
    }

    private mutating func dropFirst() throws(ClientError) {
        let file = files.removeFirst()
        if files.isEmpty, let last = writing {
            close(last)
            writing = nil
        }
        position = 0
        try QueueFiles.unlink(path(file))
    }

    /// 16 hex digits and their checksum: the same length always, so one write replaces it.
    static func mark(_ number: UInt64) -> [UInt8] {
        var out: [UInt8] = []
        QueueLine.write(Array(name(number).utf8.prefix(16)), into: &out)
        return out
    }
}
