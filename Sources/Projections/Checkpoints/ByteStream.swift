import EventLog

/// Bytes that one thread brings, block by block, and another reads.
///
/// Blocks go round, so that hundreds of mebibytes pass through few. They are as many as let the one who brings go
/// on while the other builds its tables.
///
/// Unchecked only for its blocks: each belongs to one thread at a time.
final class ByteStream: @unchecked Sendable {
    private typealias Block = UnsafeMutableRawBufferPointer

    private struct Blocks {
        var free: [Block] = []
        var full: [UnsafeRawBufferPointer] = []
        /// Nothing more comes.
        var isOver = false
    }

    static let blockBytes = 1 << 20
    private static let blocks = 128

    /// How many bytes there are in all, if they come.
    let count: Int
    private let all: [Block]
    private let monitor: Monitor<Blocks>

    /// `count` bytes, which ``bring(_:)`` brings.
    init(count: Int) {
        self.count = count
        let size = min(count, Self.blockBytes)
        // What is never filled takes no memory.
        all = (0..<min(Self.blocks, count / max(size, 1) + 1)).map { _ in
            Block.allocate(byteCount: size, alignment: 16)
        }
        monitor = Monitor(Blocks(free: all))
    }

    /// Bytes that are there already.
    init(_ bytes: [UInt8]) {
        count = bytes.count
        let block = Block.allocate(byteCount: bytes.count, alignment: 16)
        block.copyBytes(from: bytes)
        all = [block]
        monitor = Monitor(Blocks(full: [UnsafeRawBufferPointer(block)], isOver: true))
    }

    deinit { for block in all { block.deallocate() } }

    /// Brings all of them, in order; `fill` fills the block that begins at a position. Blocking.
    ///
    /// Whatever comes of it, nobody waits any more when it returns.
    func bring(_ fill: (UnsafeMutableRawBufferPointer, Int) throws -> Void) throws {
        defer {
            monitor.withLock { $0.isOver = true }
            monitor.wake(.progress)
        }
        var position = 0
        while position < count {
            let free = monitor.wait(on: .work, milliseconds: nil) { $0.free.popLast() }
            guard let free else { preconditionFailure("a wait without an end ends with something") }
            let block = Block(rebasing: free[..<min(free.count, count - position)])
            try fill(block, position)
            monitor.withLock { $0.full.append(UnsafeRawBufferPointer(block)) }
            monitor.wake(.progress)
            position += block.count
        }
    }

    /// The next block, in place of one that was read; nil when nothing more comes.
    func next(after read: UnsafeRawBufferPointer?) -> UnsafeRawBufferPointer? {
        if let read {
            // A last block may be short; its memory is not.
            monitor.withLock { blocks in
                if let block = all.first(where: {
                    UnsafeRawPointer($0.baseAddress) == read.baseAddress
                }) {
                    blocks.free.append(block)
                }
            }
            monitor.wake(.work)
        }
        let found = monitor.wait(on: .progress, milliseconds: nil) {
            blocks -> UnsafeRawBufferPointer?? in
            if !blocks.full.isEmpty { return .some(blocks.full.removeFirst()) }
            return blocks.isOver ? .some(nil) : nil
        }
        return found ?? nil
    }

    /// Lets go by what still comes.
    func drain() {
        var block = next(after: nil)
        while let read = block { block = next(after: read) }
    }
}
