/// The bytes and names of a ``MemoryStorage``: live, durable, and every change between the two.
package struct MemoryDisk: Sendable {
    /// A change to a file that no sync has covered yet.
    enum Change: Sendable {
        case write([UInt8], at: Int)
        case truncate(to: Int)
    }

    /// A change to the directory that no sync has covered yet.
    enum DirectoryChange: Sendable {
        case create(String, node: Int)
        case rename(String, to: String)
        case unlink(String)
    }

    /// One file's bytes. The node stays when its name goes, like an inode.
    struct Node: Sendable {
        var live: [UInt8] = []
        var durable: [UInt8] = []
        /// What makes `live` of `durable`, in order; less after a failed sync.
        var unsynced: [Change] = []
    }

    /// What the page cache keeps of writes whose sync failed.
    package enum Leftover: Sendable {
        /// They can still be read, until the machine stops.
        case cached
        /// They were dropped: what is read is what is on the disk.
        case dropped
    }

    var nodes: [Node] = []
    private(set) var names: [String: Int] = [:]
    private(set) var durableNames: [String: Int] = [:]
    private(set) var unsyncedNames: [DirectoryChange] = []
    /// The node that was written last.
    private(set) var lastWritten: Int?

    package init() {}

    /// A disk that holds these files, durably.
    init(files: [String: [UInt8]]) {
        for (name, bytes) in files.sorted(by: { $0.key < $1.key }) { replace(name, with: bytes) }
    }

    func node(named name: String) -> Node? { names[name].map { nodes[$0] } }

    mutating func replace(_ name: String, with bytes: [UInt8]?) {
        names[name] = nil
        durableNames[name] = nil
        guard let bytes else { return }
        names[name] = nodes.count
        durableNames[name] = nodes.count
        nodes.append(Node(live: bytes, durable: bytes))
    }

    // MARK: - The directory

    mutating func create(_ name: String) -> Int {
        nodes.append(Node())
        change(.create(name, node: nodes.count - 1))
        return nodes.count - 1
    }

    mutating func change(_ change: DirectoryChange) {
        Self.apply(change, to: &names)
        unsyncedNames.append(change)
    }

    mutating func syncDirectory() {
        for change in unsyncedNames { Self.apply(change, to: &durableNames) }
        unsyncedNames = []
    }

    static func apply(_ change: DirectoryChange, to names: inout [String: Int]) {
        switch change {
        case .create(let name, let node): names[name] = node
        case .rename(let old, let new): names[new] = names.removeValue(forKey: old) ?? names[new]
        case .unlink(let name): names[name] = nil
        }
    }

    // MARK: - Files

    mutating func write(_ bytes: [UInt8], at position: Int, to node: Int) {
        lastWritten = node
        change(node, .write(bytes, at: position))
    }

    mutating func truncate(_ node: Int, to size: Int) { change(node, .truncate(to: size)) }

    private mutating func change(_ node: Int, _ change: Change) {
        Self.apply(change, to: &nodes[node].live)
        nodes[node].unsynced.append(change)
    }

    mutating func sync(_ node: Int) {
        for change in nodes[node].unsynced { Self.apply(change, to: &nodes[node].durable) }
        nodes[node].unsynced = []
    }

    /// The writes are lost to the disk for good, and nobody will be told again.
    mutating func failSync(of node: Int, leaving: Leftover) {
        nodes[node].unsynced = []
        if leaving == .dropped { nodes[node].live = nodes[node].durable }
    }

    static func apply(_ change: Change, to file: inout [UInt8]) {
        switch change {
        case .truncate(let size):
            if file.count > size { file.removeLast(file.count - size) }
        case .write(let bytes, let position):
            let end = position + bytes.count
            if file.count < end {
                file.append(contentsOf: repeatElement(0, count: end - file.count))
            }
            file.replaceSubrange(position..<end, with: bytes)
        }
    }
}
