/// The columns of a frame; the layout stands in ``LogFormat``.
enum ColumnID: UInt8 {
    case recorded = 1
    case occurred, kind, source, name, lineLength, keyCount, keys, salts, names, keyReferences

    /// Whether it is values of some width above a base.
    var holdsIntegers: Bool { self != .salts && self != .names }
}

/// One column's values, base + an unsigned integer of `bits` bits each.
///
/// - Invariant: eight bytes may be read from the byte in which any of its rows begins; its buffer has that
///   slack. `bits` is a multiple of 8, or at most ``maximumPackedBits``, so that those hold the whole value.
struct ColumnView {
    /// Eight bytes from the one in which a value begins hold so many bits of it.
    static let maximumPackedBits = 57

    var base: Int64 = 0
    var bits = 0
    var mask: UInt64 = 0
    var data: UnsafeRawPointer

    @inline(__always)
    func value(_ row: Int) -> Int64 { base &+ Int64(bitPattern: stored(row)) }

    @inline(__always)
    private func stored(_ row: Int) -> UInt64 {
        let bit = row &* bits
        let wide = data.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self)
        return (UInt64(littleEndian: wide) &>> UInt64(bit & 7)) & mask
    }

    /// Decodes `rows` into the front of `out`, truncating to its type.
    func decode<T: FixedWidthInteger>(_ rows: Range<Int>, into out: UnsafeMutableBufferPointer<T>) {
        precondition(out.count >= rows.count)
        switch bits {
        case 0:
            let value = T(truncatingIfNeeded: base)
            for row in 0..<rows.count { out[row] = value }
        case 8: decode(UInt8.self, rows, into: out)
        case 16: decode(UInt16.self, rows, into: out)
        case 32: decode(UInt32.self, rows, into: out)
        case 64: decode(UInt64.self, rows, into: out)
        default:
            let base = T(truncatingIfNeeded: base)
            for row in 0..<rows.count {
                out[row] = base &+ T(truncatingIfNeeded: stored(rows.lowerBound &+ row))
            }
        }
    }

    /// A loop for one width, which the compiler makes wide.
    @inline(__always)
    private func decode<Stored: FixedWidthInteger, T: FixedWidthInteger>(
        _ stored: Stored.Type, _ rows: Range<Int>, into out: UnsafeMutableBufferPointer<T>
    ) {
        let base = T(truncatingIfNeeded: base)
        let start = data + rows.lowerBound &* MemoryLayout<Stored>.size
        for row in 0..<rows.count {
            let value = start.loadUnaligned(
                fromByteOffset: row &* MemoryLayout<Stored>.size, as: Stored.self)
            out[row] = base &+ T(truncatingIfNeeded: Stored(littleEndian: value))
        }
    }

    /// The first of `rows` that holds `wanted`.
    func firstIndex(of wanted: Int64, in rows: Range<Int>) -> Int? {
        // Compared as it is stored. What the width cannot hold is not there.
        let looked = UInt64(bitPattern: wanted &- base)
        guard looked & ~mask == 0 else { return nil }
        // Blocks without a branch inside, so that several values are compared at once.
        var row = rows.lowerBound
        while row < rows.upperBound {
            let end = min(row &+ 64, rows.upperBound)
            var hits: UInt64 = 0
            for place in row..<end { hits &+= stored(place) == looked ? 1 : 0 }
            if hits > 0 {
                for place in row..<end where stored(place) == looked { return place }
            }
            row = end
        }
        return nil
    }
}

/// How wide the values of a column are.
struct ColumnWidth {
    private static let packed: UInt8 = 0x80

    var bits: Int

    /// As many whole bytes as `largest` needs, or as many bits.
    init(for largest: UInt64, packing: ColumnPacking) {
        bits = 64 - largest.leadingZeroBitCount
        if packing == .bytes || bits > ColumnView.maximumPackedBits { bits = (bits + 7) / 8 * 8 }
    }

    /// What the directory says: a number of bytes up to 8, or 80 (hexadecimal) and a number of bits.
    init(code: UInt8) throws(FormatProblem) {
        bits = code & Self.packed == 0 ? Int(code) * 8 : Int(code & ~Self.packed)
        guard bits <= (code & Self.packed == 0 ? 64 : ColumnView.maximumPackedBits) else {
            throw FormatProblem("a column's width is \(code)")
        }
    }

    var code: UInt8 { bits % 8 == 0 ? UInt8(bits / 8) : Self.packed | UInt8(bits) }
    /// What `count` values take.
    func bytes(_ count: Int) -> Int { (count * bits + 7) / 8 }
}

/// Whole bytes are made faster; bits take less room.
enum ColumnPacking { case bytes, bits }
