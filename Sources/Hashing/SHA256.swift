private import CCrypto

/// A SHA-256 digest (FIPS 180-4), 32 bytes.
public struct Digest256: Hashable, Sendable {
    /// Always 32 bytes.
    public let bytes: [UInt8]

    /// - Precondition: exactly 32 bytes.
    public init(bytes: [UInt8]) {
        precondition(bytes.count == 32, "a SHA-256 digest has 32 bytes")
        self.bytes = bytes
    }

    /// Lower-case hexadecimal, 64 characters.
    public var hex: String { Hexadecimal.encode(bytes) }
}

/// SHA-256 over a stream of bytes, by Debian's libcrypto.
public final class SHA256 {
    private let context: OpaquePointer

    /// Starts an empty hash.
    public init() {
        guard let made = EVP_MD_CTX_new() else { fatalError("libcrypto: out of memory") }
        context = made
        precondition(
            EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1, "libcrypto refused SHA-256")
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Feeds `bytes`.
    public func update(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        precondition(
            EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1,
            "libcrypto refused an update")
    }

    /// Feeds an array.
    public func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// Ends the hash. The object must not be fed again before ``restart()``.
    public func finish() -> Digest256 {
        var out = [UInt8](repeating: 0, count: 32)
        out.withUnsafeMutableBytes { finish(into: $0) }
        return Digest256(bytes: out)
    }

    /// As ``finish()``, into memory of the caller's.
    /// - Precondition: `room` has exactly 32 bytes.
    public func finish(into room: UnsafeMutableRawBufferPointer) {
        precondition(room.count == 32, "a SHA-256 digest has 32 bytes")
        precondition(
            EVP_DigestFinal_ex(context, room.baseAddress, nil) == 1, "libcrypto could not finish")
    }

    /// Forgets everything fed. For many short hashes: asking libcrypto for the algorithm each time
    /// costs as much as hashing some hundred bytes.
    public func restart() {
        precondition(
            EVP_DigestInit_ex(context, nil, nil) == 1, "libcrypto refused to start again")
    }

    /// The digest of `bytes` alone.
    public static func of(_ bytes: UnsafeRawBufferPointer) -> Digest256 {
        var out = [UInt8](repeating: 0, count: 32)
        var empty: UInt8 = 0
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        withUnsafePointer(to: &empty) { nothing in
            _ = CCrypto.SHA256(start ?? nothing, bytes.count, &out)
        }
        return Digest256(bytes: out)
    }

    /// The digest of an array.
    public static func of(_ bytes: [UInt8]) -> Digest256 { bytes.withUnsafeBytes { of($0) } }

    /// The digest of a text's UTF-8.
    public static func of(_ text: String) -> Digest256 { of(Array(text.utf8)) }
}

/// HMAC-SHA-256 (RFC 2104).
public enum HMACSHA256 {
    /// The 32-byte code of `message` under `key`.
    public static func code(of message: [UInt8], key: [UInt8]) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 32
        let made = HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &out, &length)
        precondition(made != nil && length == 32, "libcrypto refused HMAC-SHA-256")
        return out
    }
}

/// Bytes from the operating system's generator, and comparison that takes the same time whatever differs.
public enum Secrets {
    /// `count` unpredictable bytes.
    public static func randomBytes(_ count: Int) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: count)
        precondition(RAND_bytes(&out, Int32(count)) == 1, "libcrypto has no randomness")
        return out
    }

    /// Whether the two are equal, in constant time for equal lengths.
    public static func equal(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
    }
}
