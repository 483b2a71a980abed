/// Comparing and appending runs of bytes.
@usableFromInline
enum Bytes {
    /// Whether `count` bytes at both places are equal. Names are short: a call into the C library
    /// would cost more than the comparison.
    @inline(__always)
    static func equal(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, count: Int) -> Bool {
        var at = 0
        while at &+ 8 <= count {
            guard
                a.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                    == b.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            else { return false }
            at &+= 8
        }
        if at &+ 4 <= count {
            guard
                a.loadUnaligned(fromByteOffset: at, as: UInt32.self)
                    == b.loadUnaligned(fromByteOffset: at, as: UInt32.self)
            else { return false }
            at &+= 4
        }
        while at < count {
            guard
                a.load(fromByteOffset: at, as: UInt8.self)
                    == b.load(fromByteOffset: at, as: UInt8.self)
            else { return false }
            at &+= 1
        }
        return true
    }
}
