package import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A disk in memory that keeps what is *live* and what is *durable* apart, and that can crash at the
/// n-th sync, fail a sync, fill up, and write less than asked. For tests.
package final class MemoryStorage: LogStorage {
    /// One file's bytes. The node stays when its name goes, like an inode.
    package struct Node: Sendable {
        package var live: [UInt8] = []
        package var durable: [UInt8] = []
    }

    package struct State: Sendable {
        package var nodes: [Int: Node] = [:]
        package var names: [String: Int] = [:]
        package var durableNames: [String: Int] = [:]
        var nextNode = 0
        var isLocked = false
        package var syncs = 0
        package var bytesRead = 0
        package var isFrozen = false
        /// The sync before which everything stops, counted from 1.
        package var freezeAtSync: Int?
        /// The file sync that fails with EIO, counted from 1 over all syncs.
        package var failSync: Int?
        /// Bytes that may still be written before ENOSPC.
        package var space: Int?
        /// At most this many bytes are taken by one write.
        package var longestWrite: Int?
        /// The write that fails with EIO, counted down.
        package var failWriteIn: Int?
    }

    package let state: Mutex<State>

    package init() { state = Mutex(State()) }

    private init(_ start: sending State) { state = Mutex(start) }

    /// What a machine finds after a power cut now, when nothing that was not synced survived.
    package func afterPowerCut() -> MemoryStorage {
        restart { name, state in state.durableNames[name].flatMap { state.nodes[$0] }?.durable }
    }

    /// What is found after a power cut when everything that was written had reached the disk.
    package func afterLuckyPowerCut() -> MemoryStorage {
        restart { name, state in state.names[name].flatMap { state.nodes[$0] }?.live }
    }

    /// What is found when the synced part of each file and then `portion` (0…1) of the rest survived.
    package func afterPartialPowerCut(portion: Double) -> MemoryStorage {
        restart { name, state in
            guard let node = state.names[name].flatMap({ state.nodes[$0] }) else { return nil }
            let kept = node.durable.count
            guard node.live.count > kept else { return node.live }
            return Array(node.live.prefix(kept + Int(Double(node.live.count - kept) * portion)))
        }
    }

    private func restart(_ content: (String, State) -> [UInt8]?) -> MemoryStorage {
        let image = state.withLock { old -> State in
            var new = State()
            for name in Set(old.names.keys).union(old.durableNames.keys).sorted() {
                guard let bytes = content(name, old) else { continue }
                new.nodes[new.nextNode] = Node(live: bytes, durable: bytes)
                new.names[name] = new.nextNode
                new.durableNames[name] = new.nextNode
                new.nextNode += 1
            }
            return new
        }
        return MemoryStorage(image)
    }

    /// A file's live bytes, or nil when there is none.
    package func contents(_ name: String) -> [UInt8]? {
        state.withLock { state in state.names[name].flatMap { state.nodes[$0] }?.live }
    }

    /// Puts a file there as if it had always been there; nil removes it.
    package func replace(_ name: String, with bytes: [UInt8]?) {
        state.withLock { state in
            guard let bytes else {
                state.names[name] = nil
                state.durableNames[name] = nil
                return
            }
            state.nodes[state.nextNode] = Node(live: bytes, durable: bytes)
            state.names[name] = state.nextNode
            state.durableNames[name] = state.nextNode
            state.nextNode += 1
        }
    }

    package func list() throws(StorageError) -> [String] {
        try access(.list, "") { state throws(StorageError) in state.names.keys.sorted() }
    }

    package func create(_ name: String) throws(StorageError) -> any LogFile {
        let node = try access(.create, name) { state throws(StorageError) in
            guard state.names[name] == nil else { throw Self.error(.create, name, EEXIST) }
            if let space = state.space, space <= 0 { throw Self.error(.create, name, ENOSPC) }
            let node = state.nextNode
            state.nextNode += 1
            state.nodes[node] = Node()
            state.names[name] = node
            return node
        }
        return MemoryFile(name, node, of: self)
    }

    package func open(
        _ name: String, for access: FileAccess
    ) throws(StorageError) -> any LogFile {
        let node = try self.access(.open, name) { state throws(StorageError) in
            guard let node = state.names[name] else { throw Self.error(.open, name, ENOENT) }
            return node
        }
        return MemoryFile(name, node, of: self)
    }

    package func rename(_ old: String, to new: String) throws(StorageError) {
        try access(.rename, old) { state throws(StorageError) in
            guard let node = state.names.removeValue(forKey: old) else {
                throw Self.error(.rename, old, ENOENT)
            }
            state.names[new] = node
        }
    }

    package func unlink(_ name: String) throws(StorageError) {
        try access(.unlink, name) { state throws(StorageError) in
            guard state.names.removeValue(forKey: name) != nil else {
                throw Self.error(.unlink, name, ENOENT)
            }
        }
    }

    package func syncDirectory() throws(StorageError) {
        try countSync(.syncDirectory, "") { state in state.durableNames = state.names }
    }

    package func lock(_ name: String) throws(LogError) -> any LogLock {
        let taken = state.withLock { state -> Bool in
            if state.isLocked { return false }
            state.isLocked = true
            return true
        }
        guard taken else { throw LogError.locked(holder: nil) }
        return MemoryLock(self)
    }

    fileprivate func access<R: Sendable>(
        _ operation: StorageError.Operation, _ name: String,
        _ body: (inout State) throws(StorageError) -> R
    ) throws(StorageError) -> R {
        try state.withLock { state throws(StorageError) in
            guard !state.isFrozen else { throw Self.error(operation, name, 0) }
            return try body(&state)
        }
    }

    fileprivate func countSync(
        _ operation: StorageError.Operation, _ name: String, _ body: (inout State) -> Void
    ) throws(StorageError) {
        try access(operation, name) { state throws(StorageError) in
            state.syncs += 1
            if state.syncs == state.freezeAtSync {
                state.isFrozen = true
                throw Self.error(operation, name, 0)
            }
            if state.syncs == state.failSync { throw Self.error(operation, name, EIO) }
            body(&state)
        }
    }

    fileprivate static func error(
        _ operation: StorageError.Operation, _ name: String, _ code: Int32
    ) -> StorageError {
        let reason = code == 0 ? "the storage has crashed" : String(cString: strerror(code))
        return StorageError(operation: operation, file: name, code: code, reason: reason)
    }
}

private final class MemoryLock: LogLock {
    private let storage: MemoryStorage
    private let isHeld = Mutex(true)
    init(_ storage: MemoryStorage) { self.storage = storage }
    deinit { release() }
    func release() {
        let wasHeld = isHeld.withLock { held in
            defer { held = false }
            return held
        }
        if wasHeld { storage.state.withLock { $0.isLocked = false } }
    }
}

private final class MemoryFile: LogFile {
    let name: String
    private let node: Int
    private let storage: MemoryStorage

    init(_ name: String, _ node: Int, of storage: MemoryStorage) {
        self.name = name
        self.node = node
        self.storage = storage
    }

    func size() throws(StorageError) -> Int {
        try storage.access(.read, name) { state throws(StorageError) in bytes(state).count }
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
            var count = min(wanted.count, state.longestWrite ?? wanted.count)
            if let space = state.space {
                count = min(count, space)
                if count <= 0, !wanted.isEmpty { throw MemoryStorage.error(.write, name, ENOSPC) }
                state.space = space - count
            }
            guard state.nodes[node] != nil else { return 0 }
            var live = state.nodes[node]!.live
            state.nodes[node]!.live = []
            if live.count < position + count {
                live.append(contentsOf: [UInt8](repeating: 0, count: position + count - live.count))
            }
            live.replaceSubrange(position..<position + count, with: wanted[..<count])
            state.nodes[node]!.live = live
            return count
        }
    }

    func read(
        into room: UnsafeMutableRawBufferPointer, at position: Int
    ) throws(StorageError) -> Int {
        let found = try storage.access(.read, name) { state throws(StorageError) in
            let bytes = bytes(state)
            let from = min(position, bytes.count)
            state.bytesRead += min(bytes.count, from + room.count) - from
            return Array(bytes[from..<min(bytes.count, from + room.count)])
        }
        room.copyBytes(from: found)
        return found.count
    }

    func truncate(to size: Int) throws(StorageError) {
        try storage.access(.truncate, name) { state throws(StorageError) in
            guard let count = state.nodes[node]?.live.count, count > size else { return }
            state.nodes[node]?.live.removeLast(count - size)
            if let space = state.space { state.space = space + count - size }
        }
    }

    func sync() throws(StorageError) {
        try storage.countSync(.sync, name) { state in
            guard let live = state.nodes[node]?.live else { return }
            state.nodes[node]?.durable = live
        }
    }

    private func bytes(_ state: MemoryStorage.State) -> [UInt8] {
        guard let node = state.nodes[node] else { return [] }
        return node.live
    }
}
