import CLZ4
import Foundation
import Hashing

@testable import EventLog

extension Target {
    /// Decoders of single structures. What they are given stands before a page that may not be touched.
    static let decoders: [Target] = [
        Target(
            name: "segment-header", seeds: { try [front(147)] },
            repair: { bytes, _ in Checksums.segmentHeader(&bytes) },
            run: { input in
                let bytes = GuardedBytes(input)
                guard let (header, chain) = decoded({ try SegmentHeader.decode(bytes.readable) })
                else { return }
                let again = header.encoded().bytes
                require(
                    decoded({ try again.withUnsafeBytes { try SegmentHeader.decode($0).header } })
                        == header, "a segment header is what was decoded")
                require(header.base < LogFormat.offsetLimit, "a base leaves room for records")
                _ = chain
            }),
        Target(
            name: "frame-header", seeds: { try [pair(0), pair(1)] },
            repair: { bytes, _ in Checksums.frameHeader(&bytes, at: 0) },
            run: { input in
                let bytes = GuardedBytes(input)
                guard let (header, crc) = decoded({ try FrameHeader.decode(bytes.readable) }) else {
                    return
                }
                require(header.end <= LogFormat.offsetLimit, "a frame ends within the offsets")
                require(
                    Int(header.count) * LogFormat.minimumLineBytes <= Int(header.rawLength),
                    "no more lines than bytes for them")
                require(
                    Int(header.rawLength) <= Int(header.dataLength) * 255,
                    "no more raw bytes than LZ4 can make of the data")
                require(header.pairBytes > 0 && crc != 0 || true, "")
                var frame = GrowingBytes()
                let times = FrameTimes(
                    firstRecorded: 0, lastRecorded: 0, minimumOccurred: 0, maximumOccurred: 0,
                    kindBits: 0)
                let entry = FrameEntry(header: header, headerCRC: crc, position: 147, times: times)
                entry.encode(into: &frame)
                require(
                    decoded({ try FrameEntry(decoding: frame.bytes) }) == entry,
                    "what recovery takes, a frame table can hold")
            }),
        Target(name: "columns-open", seeds: { try sections(sealed: false) }, run: columns),
        Target(name: "columns-sealed", seeds: { try sections(sealed: true) }, run: columns),
        Target(
            name: "lz4-frame", seeds: lz4Seeds,
            repair: { bytes, _ in Checksums.lz4(&bytes, at: 4) }, run: lz4),
        Target(
            name: "paged-block", seeds: pagedSeeds,
            repair: { bytes, _ in
                guard bytes.count > 6 else { return }
                Checksums.pages(&bytes, 6..<bytes.count, kind: bytes[0], width: bytes[1])
            }, run: paged),
        Target(
            name: "symbols",
            seeds: {
                var table = SymbolTable()
                for name in ["web", "app", "Order Completed", "Größe", ""] {
                    _ = table.symbol(name)
                }
                return [
                    [0] + table.introduction(from: 1), [1] + SymbolTable.dictionary(table.names),
                ]
            }, run: symbols),
        Target(
            name: "frame-table", seeds: { try [block(.frameTable)] },
            run: { input in
                let bytes = GuardedBytes(input)
                let size = FrameEntry.encodedBytes
                for start in stride(from: 0, through: input.count - size, by: size) {
                    let part = bytes.readable.part(start..<start + size)
                    guard let entry = decoded({ try FrameEntry(decoding: part) }) else { continue }
                    require(entry.end <= LogFormat.offsetLimit, "an entry ends within the offsets")
                    require(entry.dataPosition < 1 << 49, "positions fit")
                    require(
                        Int(entry.rawLength) <= Int(entry.dataLength) * 255,
                        "no more raw bytes than LZ4 can make of the data")
                    var again = GrowingBytes()
                    entry.encode(into: &again)
                    require(
                        again.bytes.part(0..<96).elementsEqual(part.part(0..<96)),
                        "an entry is what was decoded")
                }
            }),
        Target(
            name: "manifest",
            seeds: {
                let log = try SmallLog.sealed().storage
                return [log.contents("manifest") ?? []]
            },
            repair: { bytes, random in
                if random.below(4) > 0, bytes.count > 16 {
                    Checksums.put(UInt32(bytes.count), &bytes, 12)
                }
                Checksums.manifest(&bytes)
            },
            run: { input in
                let bytes = GuardedBytes(input)
                guard let manifest = decoded({ try Manifest.decode(bytes.readable) }) else {
                    return
                }
                let again = manifest.encoded()
                require(
                    decoded({ try again.withUnsafeBytes { try Manifest.decode($0) } }) == manifest,
                    "a manifest is what was decoded")
                for entry in manifest.entries {
                    require(entry.base + entry.count < LogFormat.offsetLimit, "offsets fit")
                    require(!entry.fileName.contains("/"), "a name stays in its directory")
                    _ = Int(entry.fileLength) + Int(entry.rawBytes)
                }
            }),
    ]

    /// What `decode` returns, or nil when it says what is wrong.
    static func decoded<R>(_ decode: () throws -> R) -> R? {
        do { return try decode() } catch let problem as FormatProblem {
            require(!problem.reason.isEmpty, "an error says what is wrong")
            return nil
        } catch { broken("a decoder throws a FormatProblem, not \(error)") }
    }

    // MARK: - Seeds

    private static func front(_ count: Int) throws -> [UInt8] {
        Array(try SmallLog.file(SmallLog.open().storage, ending: ".open.lz4").prefix(count))
    }

    /// Pair number `number` of the small open segment.
    private static func pair(_ number: Int) throws -> [UInt8] {
        let file = try SmallLog.file(SmallLog.open().storage, ending: ".open.lz4")
        var position = LogFormat.firstPairPosition
        for _ in 0..<number { position += try header(file, position).pairBytes }
        return Array(file[position..<position + (try header(file, position).pairBytes)])
    }

    private static func header(_ file: [UInt8], _ position: Int) throws -> FrameHeader {
        try file.withUnsafeBytes {
            try FrameHeader.decode($0.part(position..<position + FrameHeader.prefixBytes)).header
        }
    }

    private static func block(_ id: BlockID) throws -> [UInt8] {
        let storage = try SmallLog.sealed().storage
        guard let name = try storage.list().first(where: { $0.hasSuffix("-0000.lz4") }) else {
            stop("nothing was sealed")
        }
        let file = try storage.open(name, for: .reading)
        return try SealedSegment.whole(try SegmentFooter.read(from: file).block(id), of: file)
    }

    // MARK: - Columns

    /// The frame's count, u32, and its section.
    private static func sections(sealed: Bool) throws -> [[UInt8]] {
        if sealed {
            let table = try block(.frameTable)
            let sections = try block(.columns)
            let count = Checksums.integer(UInt32.self, table, 24) ?? 0
            let length = Checksums.integer(UInt32.self, table, 40) ?? 0
            return [word(count) + sections.prefix(Int(length))]
        }
        return try (0..<2).map { number in
            let pair = try pair(number)
            let header = try header(pair, 0)
            let start = FrameHeader.prefixBytes
            return word(header.count) + pair[start..<start + Int(header.columnsLength)]
        }
    }

    private static func word(_ value: UInt32) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    private static func columns(_ input: [UInt8]) {
        let most = LogFormat.maximumRawFrameBytes / LogFormat.minimumLineBytes
        guard let count = Checksums.integer(UInt32.self, input, 0), count > 0, count <= most else {
            return
        }
        let bytes = GuardedBytes(Array(input[4...]), slack: 8)
        guard
            let section = decoded({
                try ColumnSection(decoding: bytes.readable, count: Int(count))
            })
        else { return }
        var sum: Int64 = 0
        for row in 0..<Int(count) {
            for view in [
                section.recorded, section.occurred, section.kind, section.source, section.name,
                section.lineLength,
            ] { sum &+= view.value(row) }
            let keys = section.keyCount.value(row)
            require(keys >= 0 && keys <= Int64(LogFormat.maximumKeys), "a record's keys are few")
        }
        let total = (0..<Int(count)).reduce(0) { $0 + Int(section.keyCount.value($1)) }
        require(total == section.totalKeys, "keys add up")
        // Few bytes may stand for many equal keys: the ends tell whether they are in the section.
        for key in 0..<min(total, 10_000) { sum &+= Int64(bitPattern: section.key(key)) }
        if total > 0 { sum &+= Int64(bitPattern: section.key(total - 1)) }
        _ = section.times
        _ = section.linesFill(1 << 20)
        if let salts = section.salts { require(salts.count == Int(count) * 16, "a salt for each") }
        if let names = section.names {
            _ = decoded { try SymbolTable.introduced(by: names) }
        }
        blackHole(sum)
    }

    // MARK: - LZ4

    private static func lz4Seeds() throws -> [[UInt8]] {
        let texts: [[UInt8]] = [
            Array(repeating: 0x61, count: 300), (0..<250).map { UInt8($0) },
            Array(String(repeating: "event,log;", count: 60).utf8), [],
        ]
        return texts.map { text in
            var out = GrowingBytes()
            text.withUnsafeBytes {
                LZ4Frame.append($0, effort: .fast, with: LZ4State(), to: &out)
            }
            return word(UInt32(text.count)) + out.bytes.array
        }
    }

    private static func lz4(_ input: [UInt8]) {
        guard let promised = Checksums.integer(UInt32.self, input, 0), promised <= 1 << 20 else {
            return
        }
        let frame = GuardedBytes(Array(input[4...]))
        let raw = GuardedBytes([UInt8](repeating: 0, count: Int(promised)))
        guard decoded({ try LZ4Frame.decode(frame.readable, into: raw.bytes) }) != nil else {
            return
        }
        guard decoded({ try LZ4Frame.checkOffsets(frame.readable) }) != nil else { return }
        // A part is the same alone and in the whole.
        let third = Int(promised) / 3
        for wanted in [0..<third, third..<2 * third, Int(promised) - third..<Int(promised)] {
            let part = GuardedBytes([UInt8](repeating: 0, count: Int(promised)))
            let isDecoded =
                decoded {
                    try LZ4Frame.decode(frame.readable, wanted: wanted, into: part.bytes)
                } != nil
            require(
                isDecoded && part.bytes[wanted].elementsEqual(raw.bytes[wanted]),
                "a part is the same")
        }
        // Whatever we decode, the reference library decodes to the same bytes.
        var context: OpaquePointer?
        require(
            LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0,
            "liblz4 has a context")
        defer { LZ4F_freeDecompressionContext(context) }
        let theirs = GuardedBytes([UInt8](repeating: 0, count: Int(promised) + 1))
        var written = 0
        var read = 0
        while read < frame.bytes.count {
            var room = theirs.bytes.count - written
            var left = frame.bytes.count - read
            let hint = LZ4F_decompress(
                context, theirs.bytes.baseAddress! + written, &room,
                frame.bytes.baseAddress! + read, &left, nil)
            // lz4 refuses what a block size forbids, which costs us nothing: the content size rules.
            if LZ4F_isError(hint) != 0 { return }
            written += room
            read += left
            if hint == 0 || (room == 0 && left == 0) { break }
        }
        require(
            written == Int(promised)
                && memcmp(theirs.bytes.baseAddress!, raw.bytes.baseAddress!, written) == 0,
            "liblz4 reads the same")
    }

    // MARK: - Pages and names

    /// Coding and width u8, count u32, and the block.
    private static func pagedSeeds() throws -> [[UInt8]] {
        let seeds: [(kind: UInt8, width: UInt8, count: Int, step: UInt64)] = [
            (1, 8, 7, .max / 7), (1, 1, 300, 0), (1, 3, 1400, 11), (1, 8, 0, 1), (2, 9, 400, 1),
            (2, 57, 3, 1 << 54), (3, 5, 9000, 17), (3, 57, 40, 1 << 50),
        ]
        return try seeds.map { kind, width, count, step in
            let coding = try PageCoding(kind: kind, width: width)
            var out = GrowingBytes()
            let values = (0..<count).map { UInt64($0) &* step }
            PagedBlock.append(values[...], coding, endsThere: true, to: &out)
            return [kind, width] + word(UInt32(count)) + out.bytes.array
        }
    }

    private static func paged(_ input: [UInt8]) {
        guard let count = Checksums.integer(UInt32.self, input, 2) else { return }
        let storage = MemoryStorage()
        storage.replace("block", with: Array(input[6...]))
        guard
            let block = decoded({
                try PagedBlock(
                    file: try storage.open("block", for: .reading), position: 0,
                    length: UInt64(input.count - 6),
                    coding: try PageCoding(kind: input[0], width: input[1]), count: Int(count))
            })
        else { return }
        let all = decoded { try block.all() }
        if let all {
            require(all.count == Int(count), "a block has as many values as it says")
            require(
                decoded({ try block.values(from: 0, count: .max) }) == all,
                "values from page to page are those of the whole")
            let isAscending = zip(all, all.dropFirst()).allSatisfy { $0 < $1 }
            for place in Set([0, all.count / 2, all.count - 1]) where all.indices.contains(place) {
                let found = decoded { try block.place(of: all[place]) }
                require(!isAscending || found == .some(place), "what is there is found")
            }
            if isAscending {
                require(
                    all.contains(77) == (decoded({ try block.place(of: 77) })! != nil),
                    "what is not there is not found")
            }
        }
        for place in [0, 1, Int(count) - 1, Int(count), -1, .max] {
            for number in [0, 1, 600, Int.max] {
                let some = decoded { try block.values(from: place, count: number) }
                require((some?.count ?? 0) <= number, "no more values than asked for")
            }
        }
        for value in [0, 1, UInt64.max, 1 << 63] { _ = decoded { try block.place(of: value) } }
    }

    private static func symbols(_ input: [UInt8]) {
        guard let first = input.first else { return }
        let bytes = GuardedBytes(Array(input.dropFirst()))
        if first & 1 == 0 {
            guard let (number, names) = decoded({ try SymbolTable.introduced(by: bytes.readable) })
            else { return }
            require(number + names.count <= Int(LogFormat.noSymbol), "every name has a number")
            let known = SegmentNames()
            known.set(names, from: number)
            require(known.count == number + (names.isEmpty ? 0 : names.count), "names have places")
            _ = SymbolTable(names: known.all)
        } else if input.count >= 5 {
            guard let names = decoded({ try SymbolTable.list(dictionary: bytes.readable) }) else {
                return
            }
            require(names.count <= Int(LogFormat.noSymbol), "every name has a number")
            require(
                SymbolTable.dictionary(names).elementsEqual(bytes.readable),
                "names are what was decoded")
        }
    }
}

/// Keeps a computation from being left out.
@inline(never) func blackHole(_ value: Int64) {}
