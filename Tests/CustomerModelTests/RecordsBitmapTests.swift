import CustomerModel
import Testing

@Suite struct `A bitmap of offsets` {
    /// Lengths around the borders of bytes and words.
    static let lengths: [UInt64] = [0, 1, 7, 8, 9, 63, 64, 65, 127, 128, 200]

    @Test(arguments: lengths)
    func `comes back from bytes and from Base64`(_ length: UInt64) throws {
        var bitmap = OffsetBitmap(from: 1000, to: 1000 + length)
        for offset in bitmap.from..<bitmap.to where offset % 3 == 0 { bitmap.set(offset) }
        #expect(bitmap.bytes.count == Int(length + 7) / 8)
        let range = (from: bitmap.from, to: bitmap.to)
        #expect(OffsetBitmap(from: range.from, to: range.to, bytes: bitmap.bytes) == bitmap)
        #expect(OffsetBitmap(from: range.from, to: range.to, base64: bitmap.base64) == bitmap)
        var seen: [UInt64] = []
        // A bitmap is no Sequence.
        // swift-format-ignore: ReplaceForEachWithForLoop
        bitmap.forEach { seen.append($0) }
        #expect(seen == (bitmap.from..<bitmap.to).filter { $0 % 3 == 0 })
        #expect(bitmap.count == seen.count)
        #expect(seen.allSatisfy(bitmap.contains))
    }

    @Test func `is bit by bit, least significant first`() throws {
        var bitmap = OffsetBitmap(from: 5, to: 17)
        for offset: UInt64 in [5, 7, 16] { bitmap.set(offset) }
        #expect(bitmap.bytes == [0b0000_0101, 0b0000_1000])
    }

    @Test func `does not hold what is outside its range`() {
        var bitmap = OffsetBitmap(from: 64, to: 128)
        for offset: UInt64 in 64..<128 { bitmap.set(offset) }
        #expect(!bitmap.contains(63))
        #expect(!bitmap.contains(128))
        #expect(!bitmap.contains(.max))
    }

    @Test(arguments: lengths)
    func `refuses every other number of bytes`(_ length: UInt64) {
        let right = Int(length + 7) / 8
        for count in 0...(right + 2) where count != right {
            let bytes = [UInt8](repeating: 0, count: count)
            #expect(OffsetBitmap(from: 9, to: 9 + length, bytes: bytes) == nil)
        }
    }

    @Test func `refuses a bit past its end`() {
        #expect(OffsetBitmap(from: 0, to: 12, bytes: [0xFF, 0x0F]) != nil)
        #expect(OffsetBitmap(from: 0, to: 12, bytes: [0xFF, 0x10]) == nil)
    }

    @Test func `refuses a range that no bytes could fill, without allocating for it`() {
        #expect(OffsetBitmap(from: 0, to: .max, bytes: [0]) == nil)
        #expect(OffsetBitmap(from: 2, to: 1, bytes: []) == nil)
        #expect(OffsetBitmap(from: 0, to: 8, base64: "?") == nil)
    }
}
