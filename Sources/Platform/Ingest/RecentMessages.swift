/// The message ids of what was appended last, by value: those in flight, whose records nobody may read yet
/// (L5), and the latest durable ones, since a client's retry comes soon.
struct RecentMessages {
    /// What one append wrote.
    struct Batch {
        let source: String
        let first: UInt64
        let count: Int
        /// Which id stands at `first + n`: `items[n]`, or -1 for a tick. Empty when it is simply n.
        let items: [Int32]
        let ids: MessageIDs
        let places: MessageIDs
        /// CRC-32C of the bodies, by item.
        let sums: [UInt32]

        var end: UInt64 { first + UInt64(count) }
        var size: Int { ids.bytes.count + places.bytes.count + sums.count * 4 }
    }

    private var batches: [Batch] = []
    /// Batches before this are gone; the array is cut when half of it is.
    private var head = 0
    private var bytes = 0
    /// Durable ids are kept up to this many bytes.
    private let limitBytes: Int

    init(limitBytes: Int = 8 << 20) { self.limitBytes = limitBytes }

    mutating func append(_ batch: Batch, durableEnd: UInt64) {
        batches.append(batch)
        bytes += batch.size
        while bytes > limitBytes, head < batches.count, batches[head].end <= durableEnd {
            bytes -= batches[head].size
            head += 1
        }
        if head > 64, head * 2 > batches.count {
            batches.removeFirst(head)
            head = 0
        }
    }

    /// Whether the record at `offset` holds this message id, or place, of this source, and what else it
    /// says; nil when it is not among the recent ones.
    func holds(
        _ id: UnsafeRawBufferPointer, _ sort: MessageIDs.Sort, source: String, at offset: UInt64,
        sum: UInt32
    ) -> RecordedMessages.Answer? {
        var low = head
        var high = batches.count
        while low < high {
            let middle = (low + high) / 2
            if batches[middle].end <= offset { low = middle + 1 } else { high = middle }
        }
        guard low < batches.count, batches[low].first <= offset else { return nil }
        let batch = batches[low]
        let place = Int(offset - batch.first)
        let item = batch.items.isEmpty ? place : Int(batch.items[place])
        guard item >= 0, batch.source == source else { return .other }
        let isSame =
            switch sort {
            case .message: batch.ids.equals(id, at: item)
            case .place: item < batch.places.count && batch.places.equals(id, at: item)
            }
        guard isSame else { return .other }
        return batch.sums[item] == sum ? .same : .conflict
    }
}

/// The message ids of one request, one after the other in one buffer.
struct MessageIDs: Sendable {
    /// By what an event is known when it comes again.
    enum Sort: Hashable, Sendable {
        case message
        /// Its place in a request that names itself (see ``MParticleMarks/place``).
        case place

        /// Which of a record's keys is its hash.
        var key: Int { self == .message ? 0 : 1 }
    }

    private(set) var bytes: [UInt8] = []
    private var ends: [Int] = []

    var count: Int { ends.count }

    mutating func reserve(_ items: Int) {
        bytes.reserveCapacity(items * 40)
        ends.reserveCapacity(items)
    }

    mutating func append(_ id: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: id)
        ends.append(bytes.count)
    }

    func range(_ index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }

    @inline(__always)
    func withID<R>(_ index: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        let range = range(index)
        return bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    func equals(_ id: UnsafeRawBufferPointer, at index: Int) -> Bool {
        withID(index) { $0.count == id.count && $0.elementsEqual(id) }
    }

    func equal(_ a: Int, _ b: Int) -> Bool { withID(a) { equals($0, at: b) } }
}
