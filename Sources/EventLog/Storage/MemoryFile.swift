#if canImport(Glibc)
    import Glibc
#endif

/// An open file of a ``MemoryStorage``.
final class MemoryFile: LogFile {
    let name: String
    private let node: Int
    private let storage: MemoryStorage

    init(_ name: String, _ node: Int, of storage: MemoryStorage) {
        self.name = name
        self.node = node
        self.storage = storage
    }

    func size() throws(StorageError) -> Int {
        try storage.access(.read, name) { state throws(StorageError) in
            state.disk.nodes[node].live.count
        }
    }

    func write(
        _ bytes: UnsafeRawBufferPointer, at position: Int
    ) throws(StorageError) -> Int {
        let wanted = Array(bytes)
        return try storage.access(.write, name) { state throws(StorageError) in
            if let left = state.failWriteIn {
                state.failWriteIn = left - 1
                if left <= 1 { throw MemoryStorage.error(.write, name, EIO) }
            }
            let taken = min(wanted.count, state.longestWrite ?? wanted.count)
            // Only growing needs space.
            let inside = min(taken, max(0, state.disk.nodes[node].live.count - position))
            let count = inside + (try state.takeSpace(taken - inside, for: name, besides: inside))
            state.disk.write(Array(wanted[..<count]), at: position, to: node)
            return count
        }
    }

    func read(
        into room: UnsafeMutableRawBufferPointer, at position: Int
    ) throws(StorageError) -> Int {
        let found = try storage.access(.read, name) { state throws(StorageError) in
            let bytes = state.disk.nodes[node].live
            let from = min(position, bytes.count)
            var range = from..<min(bytes.count, from + room.count)
            if let bad = state.unreadable[name], bad.overlaps(range) {
                guard bad.lowerBound > from else {
                    throw MemoryStorage.error(.read, name, EIO)
                }
                // As the kernel does: what stands before the bad place is read.
                range = from..<bad.lowerBound
            }
            state.bytesRead += range.count
            var found = Array(bytes[range])
            if let flip = state.flips[name], range.contains(flip.position) {
                found[flip.position - from] ^= flip.mask
            }
            return found
        }
        room.copyBytes(from: found)
        return found.count
    }

    func truncate(to size: Int) throws(StorageError) {
        try storage.access(.truncate, name) { state throws(StorageError) in
            let count = state.disk.nodes[node].live.count
            guard count > size else { return }
            state.giveBack(count - size)
            state.disk.truncate(node, to: size)
        }
    }

    func sync() throws(StorageError) {
        try storage.sync(
            .sync, name, failing: { $0.disk.failSync(of: node, leaving: $0.failedSyncLeaves) },
            { $0.sync(node) })
    }
}
