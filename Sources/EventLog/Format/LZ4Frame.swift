private import CLZ4

/// How hard to compress. All are decoded the same way.
enum LZ4Effort: Sendable {
    /// An acceleration of 4: a fifth faster than ``fast`` and 5 % larger on event lines. For the append
    /// path, whose segments are compressed anew when they are sealed.
    case light
    /// `LZ4_compress_default`: for sealing when it lags.
    case fast
    /// LZ4HC at this level.
    case high(Int32)
}

/// Writes and reads LZ4 frames (lz4_Frame_format.md 1.6.4): independent blocks, the content size, no
/// checksums, no dictionary.
///
/// No block checksums: the companion's CRC-32C covers the whole frame, and lz4 1.9.4, which Debian 12
/// ships, loses its place after a large block that carries one (its own `lz4 -BX` files too).
enum LZ4Frame {
    private static let magic: UInt32 = 0x184D_2204
    private static let flags: UInt8 = 0b0110_1000  // version 01, independent, content size
    static let headerBytes = 15
    static let uncompressed: UInt32 = 0x8000_0000

    /// The block sizes of the format and their codes.
    private static let blockSizes: [(code: UInt8, bytes: Int)] = [
        (4, 64 << 10), (5, 256 << 10), (6, 1 << 20), (7, 4 << 20),
    ]

    /// No frame of `rawLength` bytes is longer than this.
    static func bound(_ rawLength: Int) -> Int {
        let blocks = rawLength / (64 << 10) + 1
        return headerBytes + rawLength + blocks * 4 + 4
    }

    /// Appends one frame that holds `raw`.
    static func append(
        _ raw: UnsafeRawBufferPointer, effort: LZ4Effort, with state: LZ4State,
        to out: inout GrowingBytes
    ) {
        let size = blockSizes.first { $0.bytes >= raw.count } ?? blockSizes[3]
        let start = out.count
        out.append(magic)
        out.append(flags)
        out.append(size.code << 4)
        out.append(UInt64(raw.count))
        let descriptor = out.bytes.part(start + 4..<out.count)
        out.append(UInt8(truncatingIfNeeded: XXH32.of(descriptor) >> 8))
        var position = 0
        while position < raw.count {
            let block = raw.part(position..<min(position + size.bytes, raw.count))
            appendBlock(block, effort: effort, with: state, to: &out)
            position += block.count
        }
        out.append(0 as UInt32)
    }

    private static func appendBlock(
        _ block: UnsafeRawBufferPointer, effort: LZ4Effort, with state: LZ4State,
        to out: inout GrowingBytes
    ) {
        let start = out.count
        // Room for one byte less than the block: a block that does not shrink is stored as it is.
        out.resize(to: start + 4 + block.count)
        let written = state.compress(
            block, effort: effort,
            into: UnsafeMutableRawBufferPointer(
                rebasing: out.mutableBytes[start + 4..<start + 4 + block.count - 1]))
        if written > 0 {
            out.resize(to: start + 4 + written)
            out.store(UInt32(written), at: start)
        } else {
            out.resize(to: start + 4)
            out.append(block)
            out.store(UInt32(block.count) | uncompressed, at: start)
        }
    }

    /// Decodes `frame` into `raw`, whose size is the content size that the companion promised.
    static func decode(
        _ frame: UnsafeRawBufferPointer, into raw: UnsafeMutableRawBufferPointer
    ) throws(FormatProblem) {
        try decode(frame, wanted: 0..<raw.count, into: raw)
    }

    /// As ``decode(_:into:)``, but only `wanted` of `raw` is sure to be filled: blocks before it are passed
    /// over, and what follows on it is not decoded.
    static func decode(
        _ frame: UnsafeRawBufferPointer, wanted: Range<Int>, into raw: UnsafeMutableRawBufferPointer
    ) throws(FormatProblem) {
        guard frame.count >= headerBytes + 4, frame.integer(UInt32.self, at: 0) == magic,
            frame[4] == flags, frame.integer(UInt64.self, at: 6) == UInt64(raw.count),
            UInt8(truncatingIfNeeded: XXH32.of(frame.part(4..<14)) >> 8) == frame[14],
            let size = blockSizes.first(where: { $0.code << 4 == frame[5] })?.bytes
        else { throw FormatProblem("the LZ4 frame header is not ours") }
        var position = headerBytes
        var filled = 0
        while true {
            guard position <= frame.count - 4 else {
                throw FormatProblem("the LZ4 frame ends early")
            }
            let head = frame.integer(UInt32.self, at: position)
            position += 4
            if head == 0 { break }
            let length = Int(head & ~uncompressed)
            guard length <= frame.count - position else {
                throw FormatProblem("an LZ4 block is longer than its frame")
            }
            let block = frame.part(position..<position + length)
            // A block holds as much as it can, but for the last.
            let whole = min(size, raw.count - filled)
            guard whole > 0 else { throw FormatProblem("the LZ4 frame holds more than it says") }
            let part = wanted.clamped(to: filled..<filled + whole)
            if !part.isEmpty {
                let room = UnsafeMutableRawBufferPointer(rebasing: raw[filled..<filled + whole])
                try decodeBlock(
                    block, isStored: head & uncompressed != 0, wanted: part.upperBound - filled,
                    into: room)
            }
            filled += whole
            position += length
        }
        guard position == frame.count, filled == raw.count else {
            throw FormatProblem("the LZ4 frame holds \(filled) bytes instead of \(raw.count)")
        }
    }

    /// Decodes the first `wanted` bytes of a block that holds as many as `room`.
    private static func decodeBlock(
        _ block: UnsafeRawBufferPointer, isStored: Bool, wanted: Int,
        into room: UnsafeMutableRawBufferPointer
    ) throws(FormatProblem) {
        if isStored {
            guard block.count == room.count else {
                throw FormatProblem("an LZ4 block has not the length of its content")
            }
            room.copyMemory(from: block)
            return
        }
        let from = block.baseAddress?.assumingMemoryBound(to: CChar.self)
        let to = room.baseAddress?.assumingMemoryBound(to: CChar.self)
        let size = Int32(room.count)
        let written =
            wanted == room.count
            ? LZ4_decompress_safe(from, to, Int32(block.count), size)
            : LZ4_decompress_safe_partial(from, to, Int32(block.count), Int32(wanted), size)
        guard wanted == room.count ? written == size : written >= Int32(wanted) else {
            throw FormatProblem("an LZ4 block cannot be decoded")
        }
    }
}

/// The compressor's working memory; one per thread.
final class LZ4State {
    private let fast = UnsafeMutableRawPointer.allocate(
        byteCount: Int(LZ4_sizeofState()), alignment: 16)
    private var high: UnsafeMutableRawPointer?

    deinit {
        fast.deallocate()
        high?.deallocate()
    }

    /// Compresses into `room`; 0 when it does not fit there.
    fileprivate func compress(
        _ block: UnsafeRawBufferPointer, effort: LZ4Effort, into room: UnsafeMutableRawBufferPointer
    ) -> Int {
        let from = block.baseAddress?.assumingMemoryBound(to: CChar.self)
        let to = room.baseAddress?.assumingMemoryBound(to: CChar.self)
        switch effort {
        case .light, .fast:
            let acceleration: Int32 = if case .light = effort { 4 } else { 1 }
            return Int(
                LZ4_compress_fast_extState(
                    fast, from, to, Int32(block.count), Int32(room.count), acceleration))
        case .high(let level):
            let state =
                high ?? .allocate(byteCount: Int(LZ4_sizeofStateHC()), alignment: 16)
            high = state
            return Int(
                LZ4_compress_HC_extStateHC(
                    state, from, to, Int32(block.count), Int32(room.count), level))
        }
    }
}
