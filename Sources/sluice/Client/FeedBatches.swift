internal import Dispatch
internal import Feeds

/// Reads a file's records in batches on a thread of its own, since reading blocks.
final class FeedBatches: Sendable {
    /// One record: a message, or what is wrong with it.
    struct Record: Sendable {
        var number: UInt64
        var bytes: [UInt8]
        var problem: String?
    }

    struct Batch: Sendable {
        var records: [Record] = []
        /// How much of the file is used up, 0 to 1; nil when its size is not known.
        var fraction: Double?
    }

    /// Few enough to answer soon, many enough to share one fsync; well below the largest body.
    private static let mostRecords = 1_000
    private static let mostBytes = 2 << 20

    private let queue: DispatchQueue
    // Confined to the queue.
    private nonisolated(unsafe) var feed: Feed

    /// Opens the file and steps to the first record that is wanted. Blocks.
    init(path: String, mapping: FeedMapping?, lines: FeedLines, fromRecord: Int) throws {
        queue = DispatchQueue(label: "sluice.feed")
        var feed = try Feed(path: path, mapping: mapping, lines: lines)
        if fromRecord > 1 { try feed.skip(toRecord: fromRecord) }
        self.feed = feed
    }

    /// The next batch; nil at the file's end.
    func next() async throws -> Batch? {
        try await withCheckedThrowingContinuation { continuation in
            queue.async {
                continuation.resume(with: Result { try self.read() })
            }
        }
    }

    private func read() throws -> Batch? {
        var batch = Batch()
        var bytes = 0
        while batch.records.count < Self.mostRecords, bytes < Self.mostBytes {
            let next: FeedItem?
            do {
                next = try feed.next()
            } catch {
                // What came before the error is given first; asking again gives the error again.
                guard batch.records.isEmpty else { break }
                throw error
            }
            guard let item = next else { break }
            switch item {
            case .message(let message, let record, _):
                bytes += message.count
                batch.records.append(Record(number: UInt64(record), bytes: message))
            case .reject(let reject):
                bytes += reject.bytes.count * 2
                batch.records.append(
                    Record(
                        number: UInt64(reject.record), bytes: Array(reject.bytes.prefix(64 << 10)),
                        problem: reject.reason))
            }
        }
        guard !batch.records.isEmpty else { return nil }
        let progress = feed.progress
        if let total = progress.total, total > 0 {
            batch.fraction = Double(progress.consumed) / Double(total)
        }
        return batch
    }
}
