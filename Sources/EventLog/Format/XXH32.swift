/// XXH32 with seed 0, which the LZ4 frame format prescribes for its checksums.
enum XXH32 {
    private static let prime1: UInt32 = 2_654_435_761
    private static let prime2: UInt32 = 2_246_822_519
    private static let prime3: UInt32 = 3_266_489_917
    private static let prime4: UInt32 = 668_265_263
    private static let prime5: UInt32 = 374_761_393

    static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var position = 0
        var hash: UInt32
        if bytes.count >= 16 {
            var a = prime1 &+ prime2
            var b = prime2
            var c: UInt32 = 0
            var d = 0 &- prime1
            while position <= bytes.count - 16 {
                a = round(a, word(bytes, position))
                b = round(b, word(bytes, position &+ 4))
                c = round(c, word(bytes, position &+ 8))
                d = round(d, word(bytes, position &+ 12))
                position &+= 16
            }
            hash = rotated(a, 1) &+ rotated(b, 7) &+ rotated(c, 12) &+ rotated(d, 18)
        } else {
            hash = prime5
        }
        hash &+= UInt32(truncatingIfNeeded: bytes.count)
        while position <= bytes.count - 4 {
            hash = rotated(hash &+ word(bytes, position) &* prime3, 17) &* prime4
            position &+= 4
        }
        while position < bytes.count {
            hash = rotated(hash &+ UInt32(bytes[position]) &* prime5, 11) &* prime1
            position &+= 1
        }
        hash = (hash ^ (hash &>> 15)) &* prime2
        hash = (hash ^ (hash &>> 13)) &* prime3
        return hash ^ (hash &>> 16)
    }

    @inline(__always)
    private static func word(_ bytes: UnsafeRawBufferPointer, _ position: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
    }

    @inline(__always)
    private static func round(_ lane: UInt32, _ word: UInt32) -> UInt32 {
        rotated(lane &+ word &* prime2, 13) &* prime1
    }

    @inline(__always)
    private static func rotated(_ value: UInt32, _ by: UInt32) -> UInt32 {
        (value &<< by) | (value &>> (32 &- by))
    }
}
