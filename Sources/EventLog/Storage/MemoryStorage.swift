package import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A disk in memory for tests. It keeps apart what is *live* (what a process reads back) and what is
/// *durable* (what a power cut leaves), it can crash (`MemoryStorage+Crash.swift`), and it can fail in the
/// ways that disks and operating systems fail (``MemoryStorage/State``).
package final class MemoryStorage: LogStorage {
    /// The disk and its faults. Tests set the faults while a log is running.
    package struct State: Sendable {
        package var disk = MemoryDisk()
        var isLocked = false
        /// Syncs of files and of the directory so far.
        package var syncs = 0
        /// Bytes that reads have returned.
        package var bytesRead = 0
        package var isFrozen = false

        // Faults.

        /// The sync before which everything stops, counted from 1.
        package var freezeAtSync: Int?
        /// The sync that fails with EIO, counted from 1.
        package var failSync: Int?
        /// What a process still reads of the writes that a failed sync did not bring to the disk. They are
        /// clean from then on: a later sync succeeds without them.
        package var failedSyncLeaves = MemoryDisk.Leftover.cached
        /// Bytes that may still be written before ``fullCode``. Creating and renaming need some too.
        package var space: Int?
        package var fullCode = ENOSPC
        /// At most this many bytes are taken by one write.
        package var longestWrite: Int?
        /// The write that fails with EIO, counted down.
        package var failWriteIn: Int?
        /// Asked before every operation with the file's name: the errno with which it fails, or nil.
        package var refuse: (@Sendable (StorageError.Operation, String) -> Int32?)?
        /// Positions whose reading fails with EIO, by file.
        package var unreadable: [String: Range<Int>] = [:]
        /// What reading turns over in the byte at a position, by file.
        package var flips: [String: (position: Int, mask: UInt8)] = [:]

        /// The names and the numbers of their nodes, as a process sees them.
        package var names: [String: Int] { disk.names }
    }

    package let state: Mutex<State>

    package convenience init() { self.init(MemoryDisk()) }

    /// A machine that finds this disk.
    package init(_ disk: MemoryDisk) {
        var start = State()
        start.disk = disk
        state = Mutex(start)
    }

    /// A file's live bytes, or nil when there is none.
    package func contents(_ name: String) -> [UInt8]? {
        state.withLock { $0.disk.node(named: name)?.live }
    }

    /// Puts a file there as if it had always been there; nil removes it.
    package func replace(_ name: String, with bytes: [UInt8]?) {
        state.withLock { $0.disk.replace(name, with: bytes) }
    }

    package func list() throws(StorageError) -> [String] {
        try access(.list, "") { state throws(StorageError) in state.disk.names.keys.sorted() }
    }

    package func create(_ name: String) throws(StorageError) -> any LogFile {
        let node = try access(.create, name) { state throws(StorageError) in
            guard state.disk.names[name] == nil else { throw Self.error(.create, name, EEXIST) }
            try state.needSpace(for: .create, name)
            return state.disk.create(name)
        }
        return MemoryFile(name, node, of: self)
    }

    package func open(
        _ name: String, for access: FileAccess
    ) throws(StorageError) -> any LogFile {
        let node = try self.access(.open, name) { state throws(StorageError) in
            guard let node = state.disk.names[name] else { throw Self.error(.open, name, ENOENT) }
            return node
        }
        return MemoryFile(name, node, of: self)
    }

    package func rename(_ old: String, to new: String) throws(StorageError) {
        try access(.rename, old) { state throws(StorageError) in
            guard state.disk.names[old] != nil else { throw Self.error(.rename, old, ENOENT) }
            try state.needSpace(for: .rename, old)
            state.disk.change(.rename(old, to: new))
        }
    }

    package func unlink(_ name: String) throws(StorageError) {
        try access(.unlink, name) { state throws(StorageError) in
            guard let node = state.disk.node(named: name) else {
                throw Self.error(.unlink, name, ENOENT)
            }
            state.giveBack(node.live.count)
            state.disk.change(.unlink(name))
        }
    }

    package func syncDirectory() throws(StorageError) {
        // A failed one leaves its changes where they are: a later one, or a crash, decides.
        try sync(.syncDirectory, "", failing: { _ in }, { $0.syncDirectory() })
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

    // MARK: - Faults

    func access<R: Sendable>(
        _ operation: StorageError.Operation, _ name: String,
        _ body: (inout State) throws(StorageError) -> R
    ) throws(StorageError) -> R {
        try state.withLock { state throws(StorageError) in
            guard !state.isFrozen else { throw Self.error(operation, name, 0) }
            if let code = state.refuse?(operation, name) {
                throw Self.error(operation, name, code)
            }
            return try body(&state)
        }
    }

    /// Counts a sync, and does what the faults say: nothing more ever, `failing`, or `body`.
    func sync(
        _ operation: StorageError.Operation, _ name: String,
        failing: (inout State) -> Void, _ body: (inout MemoryDisk) -> Void
    ) throws(StorageError) {
        try state.withLock { state throws(StorageError) in
            guard !state.isFrozen else { throw Self.error(operation, name, 0) }
            state.syncs += 1
            if state.syncs == state.freezeAtSync {
                state.isFrozen = true
                throw Self.error(operation, name, 0)
            }
            let code = state.syncs == state.failSync ? EIO : state.refuse?(operation, name)
            if let code {
                failing(&state)
                throw Self.error(operation, name, code)
            }
            body(&state.disk)
        }
    }

    static func error(
        _ operation: StorageError.Operation, _ name: String, _ code: Int32
    ) -> StorageError {
        let reason = code == 0 ? "the storage has crashed" : String(cString: strerror(code))
        return StorageError(operation: operation, file: name, code: code, reason: reason)
    }
}

extension MemoryStorage.State {
    /// A name needs room in the directory.
    fileprivate func needSpace(
        for operation: StorageError.Operation, _ name: String
    ) throws(StorageError) {
        if let space, space <= 0 { throw MemoryStorage.error(operation, name, fullCode) }
    }

    /// How many of `count` bytes there is room for; takes it. An error when a write that could take nothing
    /// `besides` them cannot take any.
    mutating func takeSpace(
        _ count: Int, for name: String, besides: Int
    ) throws(StorageError) -> Int {
        guard let space, count > 0 else { return count }
        guard space > 0 || besides > 0 else { throw MemoryStorage.error(.write, name, fullCode) }
        self.space = space - min(count, space)
        return min(count, space)
    }

    mutating func giveBack(_ count: Int) { if let space { self.space = space + count } }
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
