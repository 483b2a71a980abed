import EventLog
public import Hashing
import Synchronization

extension FoldState {
    /// Restores a state from bytes that came with their SHA-256. Blocking.
    ///
    /// Reading, hashing and understanding them are work for a second at hundreds of mebibytes: a thread of its own
    /// reads and hashes, and this one follows it.
    ///
    /// - Parameters:
    ///   - count: how many bytes there are.
    ///   - read: fills the memory with the bytes from a position on; called on another thread, piece by piece.
    /// - Throws: what `read` throws; ``CanonicalError`` when the bytes have another digest, are not whole, or are
    ///   of another code version; then the log is folded from further back.
    public init(
        canonicalBytes count: Int, digest: Digest256, key: SipKey,
        read: @escaping @Sendable (UnsafeMutableRawBufferPointer, Int) throws -> Void
    ) throws {
        let bytes = ByteStream(count: count)
        let found = Mutex<Result<Digest256, any Error>?>(nil)
        let reading = OwnThread(.normal) {
            let result = Result {
                let hash = SHA256()
                try bytes.bring { block, position in
                    try read(block, position)
                    hash.update(UnsafeRawBufferPointer(block))
                }
                return hash.finish()
            }
            found.withLock { $0 = result }
        }
        let state = Result { try FoldState(bytes, key: key) }
        // What is wrong with the bytes is told by their digest first.
        bytes.drain()
        reading.join()
        guard try found.withLock({ $0 })?.get() == digest else {
            throw CanonicalError(position: 0, expected: "bytes of the digest beside them")
        }
        self = try state.get()
    }
}
