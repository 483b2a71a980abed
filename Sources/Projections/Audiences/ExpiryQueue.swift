import CustomerModel

/// When windows pass: a heap of moments, earliest first, so that a tick touches only whom it concerns.
///
/// Derived from the contributions and never written. Entries are totally ordered, so that the order in
/// which they leave does not depend on the heap's shape.
struct ExpiryQueue {
    struct Entry: Comparable {
        var time: Int64
        var identifier: UInt32
        var metric: Int
        var amount: Amount
        static func < (a: Entry, b: Entry) -> Bool {
            (a.time, a.identifier, a.metric, a.amount)
                < (b.time, b.identifier, b.metric, b.amount)
        }
    }

    private var heap: [Entry] = []

    mutating func push(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child] < heap[parent] else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the earliest entry out if its moment is `now` or earlier.
    mutating func pop(upTo now: Int64) -> Entry? {
        guard let first = heap.first, first.time <= now else { return nil }
        let last = heap.removeLast()
        if heap.isEmpty { return first }
        heap[0] = last
        var parent = 0
        while true {
            var smallest = parent
            for child in [parent * 2 + 1, parent * 2 + 2]
            where child < heap.count && heap[child] < heap[smallest] { smallest = child }
            guard smallest != parent else { return first }
            heap.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
