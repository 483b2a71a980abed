import EventLog
public import Hashing

extension FoldState {
    /// Restores a state from bytes that came with their SHA-256.
    ///
    /// Both are work for a second at hundreds of mebibytes, so one thread hashes while the other reads.
    ///
    /// - Throws: ``CanonicalError`` when the bytes have another digest, are not whole, or are of another code
    ///   version; then the log is folded from further back.
    public init(canonicalBytes bytes: [UInt8], digest: Digest256, key: SipKey) throws {
        let found = Monitor<Digest256?>(nil)
        let hashing = OwnThread(.normal) {
            let digest = SHA256.of(bytes)
            found.withLock { $0 = digest }
        }
        let state = Result { try FoldState(canonicalBytes: bytes, key: key) }
        hashing.join()
        guard found.withLock({ $0 }) == digest else {
            throw CanonicalError(position: 0, expected: "bytes of the digest beside them")
        }
        self = try state.get()
    }
}
