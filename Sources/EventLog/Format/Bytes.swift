#if canImport(Glibc)
    import Glibc
#endif

extension UnsafeRawBufferPointer {
    /// The little-endian integer at `position`. Traps when it does not fit: lengths come first.
    @inline(__always)
    func integer<T: FixedWidthInteger>(_ type: T.Type, at position: Int) -> T {
        precondition(position >= 0 && position <= count - MemoryLayout<T>.size)
        return T(littleEndian: loadUnaligned(fromByteOffset: position, as: T.self))
    }

    /// The bytes of `range`, with their own indices from 0.
    @inline(__always)
    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        return UnsafeRawBufferPointer(rebasing: self[range])
    }

    /// Whether both hold the same bytes.
    func isEqual(to other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        guard let own = baseAddress, let base = other.baseAddress else { return true }
        return memcmp(own, base, count) == 0
    }

    /// The first place of `byte`.
    func position(of byte: UInt8) -> Int? {
        guard let start = baseAddress, count > 0,
            let found = memchr(start, Int32(byte), count)
        else { return nil }
        return UnsafeRawPointer(found) - start
    }

    var array: [UInt8] { [UInt8](self) }
}

/// Bytes that grow, with eight readable ones past their end so that a narrow integer may be loaded
/// by a wide load.
struct GrowingBytes: ~Copyable {
    private static let slack = 8
    private var start: UnsafeMutableRawPointer
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 4096) {
        self.capacity = capacity
        start = .allocate(byteCount: capacity + Self.slack, alignment: 16)
        start.initializeMemory(as: UInt8.self, repeating: 0, count: capacity + Self.slack)
    }

    deinit { start.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

    var mutableBytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: start, count: count)
    }

    /// Room for `extra` more bytes.
    mutating func reserve(_ extra: Int) {
        guard count + extra > capacity else { return }
        let wanted = max(count + extra, capacity * 2)
        let larger = UnsafeMutableRawPointer.allocate(
            byteCount: wanted + Self.slack, alignment: 16)
        larger.copyMemory(from: start, byteCount: count)
        memset(larger + count, 0, wanted + Self.slack - count)
        start.deallocate()
        start = larger
        capacity = wanted
    }

    mutating func removeAll() { count = 0 }

    /// Makes `count` equal to `size`; new bytes have no meaning yet.
    mutating func resize(to size: Int) {
        if size > count { reserve(size - count) }
        count = size
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        (start + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

    mutating func append<T: FixedWidthInteger>(_ value: T) {
        reserve(MemoryLayout<T>.size)
        (start + count).storeBytes(of: value.littleEndian, as: T.self)
        count += MemoryLayout<T>.size
    }

    mutating func appendZeros(_ extra: Int) {
        reserve(extra)
        memset(start + count, 0, extra)
        count += extra
    }

    /// Appends the low `bits` of each value, one behind the other from the lowest bit of the first byte on; the
    /// last byte is filled up with zeros. `bits` is a multiple of 8, or at most
    /// ``ColumnView/maximumPackedBits``.
    mutating func appendPacked(_ values: some Collection<UInt64>, bits: Int) {
        let first = count
        resize(to: first + (values.count * bits + 7) / 8)
        // Each store writes eight bytes; the next overwrites what was too much, and the buffer has slack
        // for the last.
        var position = first
        var kept: UInt64 = 0
        var keptBits = 0
        for value in values {
            kept |= value &<< UInt64(keptBits)
            start.storeBytes(of: kept.littleEndian, toByteOffset: position, as: UInt64.self)
            let filled = keptBits &+ bits
            position &+= filled &>> 3
            kept = filled >= 64 ? 0 : kept &>> UInt64(filled & ~7)
            keptBits = filled & 7
        }
    }

    mutating func store<T: FixedWidthInteger>(_ value: T, at position: Int) {
        precondition(position >= 0 && position <= count - MemoryLayout<T>.size)
        (start + position).storeBytes(of: value.littleEndian, as: T.self)
    }

    mutating func store(_ bytes: [UInt8], at position: Int) {
        precondition(position >= 0 && position <= count - bytes.count)
        bytes.withUnsafeBytes { source in
            guard let from = source.baseAddress else { return }
            (start + position).copyMemory(from: from, byteCount: source.count)
        }
    }
}

/// Builds a fixed structure field by field; used for headers, never in a loop over records.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ more: [UInt8]) { bytes.append(contentsOf: more) }

    mutating func pad(to size: Int) {
        precondition(bytes.count <= size)
        bytes.append(contentsOf: [UInt8](repeating: 0, count: size - bytes.count))
    }
}
