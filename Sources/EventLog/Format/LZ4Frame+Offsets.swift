extension LZ4Frame {
    /// Refuses a frame in which a match points at itself. `frame` decodes.
    ///
    /// The block format has no offset of 0, and our writer makes none. liblz4 1.9.4 lets it pass and leaves
    /// in the room what stood there before: a frame that decodes to something else each time. Readers do not
    /// look, since the checksum covers what was written; whoever vouches for a frame does.
    static func checkOffsets(_ frame: UnsafeRawBufferPointer) throws(FormatProblem) {
        var position = headerBytes
        while position <= frame.count - 4 {
            let head = frame.integer(UInt32.self, at: position)
            position += 4
            if head == 0 { return }
            let length = Int(head & ~uncompressed)
            guard length <= frame.count - position else { break }
            if head & uncompressed == 0 {
                try checkBlock(frame.part(position..<position + length))
            }
            position += length
        }
        throw FormatProblem("the LZ4 frame ends early")
    }

    /// Walks the sequences: token, literals, offset, the match's length. The last has literals only.
    private static func checkBlock(_ block: UnsafeRawBufferPointer) throws(FormatProblem) {
        var position = 0
        while position < block.count {
            let token = block[position]
            position += 1
            let literals = length(token >> 4, in: block, at: &position)
            position += literals
            guard position < block.count else { break }
            guard position <= block.count - 2, block.integer(UInt16.self, at: position) != 0 else {
                throw FormatProblem("an LZ4 match points at itself")
            }
            position += 2
            _ = length(token & 15, in: block, at: &position)
        }
        guard position == block.count else { throw FormatProblem("an LZ4 block is cut") }
    }

    /// Half a token, and the bytes that go on from 15.
    private static func length(
        _ half: UInt8, in block: UnsafeRawBufferPointer, at position: inout Int
    ) -> Int {
        guard half == 15 else { return Int(half) }
        var length = 15
        while position < block.count {
            let byte = block[position]
            position += 1
            length += Int(byte)
            if byte < 255 { break }
        }
        return length
    }
}
