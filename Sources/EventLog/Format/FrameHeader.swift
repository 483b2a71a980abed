import Hashing

/// The fixed part of a companion; the layout stands in ``LogFormat``.
///
/// - Invariant: `count` is 1 or more, the lengths are within the format's limits and could stand for each
///   other, and the offsets are those of the incarnation.
/// - Crash: a companion without its whole data frame is a tear; recovery cuts it (L4).
struct FrameHeader: Equatable {
    static let encodedBytes = 80
    /// With the skippable frame's own eight bytes.
    static let prefixBytes = LogFormat.skippableHeaderBytes + encodedBytes
    static let magic = Array("SLfr".utf8)

    var isSealed = false
    var extractor: UInt16
    var incarnation: UInt64
    var base: UInt64
    /// The durable end when this frame was written: everything before its commit.
    var durableEnd: UInt64
    /// From the first byte of this pair to the end of its commit.
    var commitBytes: UInt64
    var count: UInt32
    var rawLength: UInt32
    var dataLength: UInt32
    var dataCRC: UInt32
    var columnsLength: UInt32
    var columnsCRC: UInt32
    var previousCRC: UInt32

    /// The first offset after this frame's records.
    var end: UInt64 { base + UInt64(count) }
    /// Bytes of the whole pair in the file.
    var pairBytes: Int { Self.prefixBytes + Int(columnsLength) + Int(dataLength) }

    /// The skippable frame's eight bytes and the header, with the header's CRC.
    func encoded() -> (bytes: [UInt8], crc: UInt32) {
        var payload = ByteWriter()
        payload.put(Self.magic)
        payload.put(LogFormat.version)
        payload.put(2 as UInt8)
        payload.put(extractor)
        payload.put(incarnation)
        payload.put(base)
        payload.put(durableEnd)
        payload.put(commitBytes)
        payload.put(count)
        payload.put(rawLength)
        payload.put(dataLength)
        payload.put(dataCRC)
        payload.put(columnsLength)
        payload.put(columnsCRC)
        payload.put(previousCRC)
        payload.put(UInt16(isSealed ? 1 : 0))
        payload.pad(to: 76)
        let crc = payload.bytes.withUnsafeBytes { CRC32C.of($0) }
        payload.put(crc)
        var whole = ByteWriter()
        whole.put(LogFormat.skippableMagic)
        whole.put(UInt32(Self.encodedBytes) + columnsLength)
        whole.put(payload.bytes)
        return (whole.bytes, crc)
    }

    /// Decodes the ``prefixBytes`` bytes at the front of a pair.
    static func decode(_ pair: UnsafeRawBufferPointer) throws(FormatProblem) -> (
        header: FrameHeader, crc: UInt32
    ) {
        guard pair.count >= prefixBytes else {
            throw FormatProblem("the file ends inside a frame header")
        }
        guard pair.integer(UInt32.self, at: 0) == LogFormat.skippableMagic else {
            throw FormatProblem("no frame begins here")
        }
        let payload = pair.part(LogFormat.skippableHeaderBytes..<prefixBytes)
        let crc = payload.integer(UInt32.self, at: 76)
        guard payload.part(0..<4).elementsEqual(magic), CRC32C.of(payload.part(0..<76)) == crc
        else { throw FormatProblem("the frame header's checksum is wrong") }
        guard payload[4] == LogFormat.version, payload[5] == 2 else {
            throw FormatProblem("the frame header has version \(payload[4])")
        }
        let header = FrameHeader(
            isSealed: payload.integer(UInt16.self, at: 68) & 1 == 1,
            extractor: payload.integer(UInt16.self, at: 6),
            incarnation: payload.integer(UInt64.self, at: 8),
            base: payload.integer(UInt64.self, at: 16),
            durableEnd: payload.integer(UInt64.self, at: 24),
            commitBytes: payload.integer(UInt64.self, at: 32),
            count: payload.integer(UInt32.self, at: 40),
            rawLength: payload.integer(UInt32.self, at: 44),
            dataLength: payload.integer(UInt32.self, at: 48),
            dataCRC: payload.integer(UInt32.self, at: 52),
            columnsLength: payload.integer(UInt32.self, at: 56),
            columnsCRC: payload.integer(UInt32.self, at: 60),
            previousCRC: payload.integer(UInt32.self, at: 64))
        guard
            lengthsFit(
                count: header.count, rawLength: header.rawLength, dataLength: header.dataLength),
            header.columnsLength <= LogFormat.maximumSectionBytes,
            header.base < LogFormat.offsetLimit - UInt64(header.count),
            header.incarnation == LogFormat.incarnation(of: header.base),
            header.incarnation == LogFormat.incarnation(of: header.end - 1),
            header.durableEnd <= (header.isSealed ? header.end : header.base),
            header.commitBytes >= header.pairBytes, header.commitBytes < 1 << 40,
            pair.integer(UInt32.self, at: 4) == UInt32(encodedBytes) + header.columnsLength
        else { throw FormatProblem("the frame header's lengths do not fit each other") }
        return (header, crc)
    }

    /// Whether so many lines fit the raw bytes, and these the compressed ones: nothing is allocated and
    /// no row is visited for which the file has no bytes.
    static func lengthsFit(count: UInt32, rawLength: UInt32, dataLength: UInt32) -> Bool {
        count > 0 && Int(count) * LogFormat.minimumLineBytes <= Int(rawLength)
            && rawLength <= LogFormat.maximumRawFrameBytes
            && dataLength <= LZ4Frame.bound(Int(rawLength))
            && Int(rawLength) <= Int(dataLength) * LogFormat.maximumRatio
    }
}

/// Where one frame's parts stand in its file. What readers and the footer's frame table know of it.
struct FrameEntry: Equatable, Sendable {
    static let encodedBytes = 104

    var base: UInt64
    /// Of the pair's first byte.
    var position: UInt64
    /// Of the columns section: in the companion, or in the footer once sealed.
    var columnsPosition: UInt64
    var count: UInt32
    var rawLength: UInt32
    var dataLength: UInt32
    var dataCRC: UInt32
    var columnsLength: UInt32
    var columnsCRC: UInt32
    /// Of the companion's own columns section.
    var companionLength: UInt32
    var headerCRC: UInt32
    var firstRecorded: Int64
    var lastRecorded: Int64
    var minimumOccurred: Int64
    var maximumOccurred: Int64
    /// Bit `kind & 63` is set for each kind in the frame.
    var kindBits: UInt64
    /// The number of the extractor that made the columns (L7).
    var extractor: UInt16

    var end: UInt64 { base + UInt64(count) }
    var dataPosition: UInt64 {
        position + UInt64(FrameHeader.prefixBytes) + UInt64(companionLength)
    }

    func encode(into out: inout GrowingBytes) {
        out.append(base)
        out.append(position)
        out.append(columnsPosition)
        for field in [
            count, rawLength, dataLength, dataCRC, columnsLength, columnsCRC, companionLength,
            headerCRC,
        ] { out.append(field) }
        for field in [firstRecorded, lastRecorded, minimumOccurred, maximumOccurred] {
            out.append(field)
        }
        out.append(kindBits)
        out.append(UInt64(extractor))
    }

    init(
        header: FrameHeader, headerCRC: UInt32, position: UInt64, times: FrameTimes
    ) {
        base = header.base
        self.position = position
        columnsPosition = position + UInt64(FrameHeader.prefixBytes)
        count = header.count
        rawLength = header.rawLength
        dataLength = header.dataLength
        dataCRC = header.dataCRC
        columnsLength = header.columnsLength
        columnsCRC = header.columnsCRC
        companionLength = header.columnsLength
        self.headerCRC = headerCRC
        firstRecorded = times.firstRecorded
        lastRecorded = times.lastRecorded
        minimumOccurred = times.minimumOccurred
        maximumOccurred = times.maximumOccurred
        kindBits = times.kindBits
        extractor = header.extractor
    }

    /// Decodes one entry; `bytes` holds exactly ``encodedBytes``.
    init(decoding bytes: UnsafeRawBufferPointer) throws(FormatProblem) {
        base = bytes.integer(UInt64.self, at: 0)
        position = bytes.integer(UInt64.self, at: 8)
        columnsPosition = bytes.integer(UInt64.self, at: 16)
        count = bytes.integer(UInt32.self, at: 24)
        rawLength = bytes.integer(UInt32.self, at: 28)
        dataLength = bytes.integer(UInt32.self, at: 32)
        dataCRC = bytes.integer(UInt32.self, at: 36)
        columnsLength = bytes.integer(UInt32.self, at: 40)
        columnsCRC = bytes.integer(UInt32.self, at: 44)
        companionLength = bytes.integer(UInt32.self, at: 48)
        headerCRC = bytes.integer(UInt32.self, at: 52)
        firstRecorded = bytes.integer(Int64.self, at: 56)
        lastRecorded = bytes.integer(Int64.self, at: 64)
        minimumOccurred = bytes.integer(Int64.self, at: 72)
        maximumOccurred = bytes.integer(Int64.self, at: 80)
        kindBits = bytes.integer(UInt64.self, at: 88)
        extractor = bytes.integer(UInt16.self, at: 96)
        guard
            FrameHeader.lengthsFit(count: count, rawLength: rawLength, dataLength: dataLength),
            base < LogFormat.offsetLimit - UInt64(count), position < LogFormat.fileLimit,
            columnsPosition < LogFormat.fileLimit,
            columnsLength <= LogFormat.maximumSectionBytes,
            companionLength <= LogFormat.maximumSectionBytes
        else { throw FormatProblem("an entry of the frame table is out of range") }
    }
}

/// What a frame's columns say in short.
struct FrameTimes: Equatable {
    var firstRecorded: Int64
    var lastRecorded: Int64
    var minimumOccurred: Int64
    var maximumOccurred: Int64
    var kindBits: UInt64
}
