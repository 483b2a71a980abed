import Dispatch
import Synchronization

/// Bytes from a thread that blocks to a task that awaits, a bounded number of pieces ahead: an answer of any
/// length is never held in memory.
public struct LineChannel: Sendable {
    /// The reader has gone.
    struct Closed: Error {}

    private static let piecesAhead = 16

    /// The writing end, for one thread.
    final class Writer: Sendable {
        fileprivate let room = DispatchSemaphore(value: LineChannel.piecesAhead)
        private let continuation: AsyncThrowingStream<[UInt8], any Error>.Continuation
        private let isClosed = Atomic(false)

        fileprivate init(_ continuation: AsyncThrowingStream<[UInt8], any Error>.Continuation) {
            self.continuation = continuation
            continuation.onTermination = { [weak self] _ in self?.close() }
        }

        private func close() {
            isClosed.store(true, ordering: .relaxed)
            // Whoever waits for room sees that nobody reads.
            room.signal()
        }

        /// Blocks until there is room.
        ///
        /// - Throws: ``Closed`` once nobody reads any more.
        func send(_ piece: [UInt8]) throws {
            room.wait()
            guard !isClosed.load(ordering: .relaxed) else {
                room.signal()
                throw Closed()
            }
            continuation.yield(piece)
        }

        func finish(throwing error: (any Error)? = nil) { continuation.finish(throwing: error) }
    }

    /// To be read once; each piece is followed by ``taken()``.
    public let pieces: AsyncThrowingStream<[UInt8], any Error>
    private let writer: Writer

    static func make() -> (channel: LineChannel, writer: Writer) {
        let (stream, continuation) = AsyncThrowingStream<[UInt8], any Error>.makeStream()
        let writer = Writer(continuation)
        return (LineChannel(pieces: stream, writer: writer), writer)
    }

    /// Makes room for another piece.
    public func taken() { writer.room.signal() }
}
