/// The log's format, version 1, byte by byte; what it promises; what it assumes of disk and OS.
///
/// ## Files of a log's directory
/// ```
/// manifest                          which segments there are; replaced by rename
/// LOCK                              flock(2) by the one writer; holds its pid in decimal
/// <base, 20 digits>.open.lz4        a segment being written, or closed and waiting to be sealed
/// <base, 20 digits>-<edition, 4 digits>.lz4     a sealed segment
/// *.tmp                             the unfinished work of a crash; removed at open
/// ```
/// All integers are little-endian. `base` is the offset of a segment's first record.
///
/// Incarnation k (from 1) owns the offsets (k−1)·2⁴⁴ ..< k·2⁴⁴. A restored backup goes on in the next
/// incarnation, at an offset that the old one cannot have reached; its first record, kind 241, names the
/// offsets that were skipped. 2⁴⁴ records are 15 PB of lines, and 512 incarnations keep offsets below 2⁵³.
///
/// ## A segment is a valid `.lz4` file whose content is NDJSON
/// ```
/// empty LZ4 frame, 11 bytes | skippable: segment header | pair | pair | … | skippable: footer
///                                                                           (sealed only)
/// pair = skippable: companion | LZ4 frame: the lines, each with its LF
/// ```
/// Every skippable frame is `184D2A5C` (u32), the size of what follows (u32), and the payload. The
/// data frame has independent blocks, the content size, and no LZ4 checksums (lz4 1.9.4 misreads large
/// blocks that have one): our own CRC-32C over the whole frame stands in the companion. `lz4 -dc segment | jq`
/// reads the lines with no tool of ours (lz4 before 1.9.4 cannot skip frames from a pipe).
///
/// ## Segment header, 128 bytes (``SegmentHeader``)
/// ```
/// 0 "SLsg" | 4 version u8 | 5 kind=1 u8 | 6 flags u16, bit 0 sealed | 8 log id, 16 bytes
/// 24 incarnation u64 | 32 base u64 | 40 created, µs i64 | 48 chain seed u32 | 52 edition u32
/// 56 zeros | 124 CRC-32C of 0..<124
/// ```
/// The chain seed is the header CRC of the last companion of the segment before (0 in the first).
///
/// ## Companion header, 80 bytes (``FrameHeader``)
/// ```
/// 0 "SLfr" | 4 version u8 | 5 kind=2 u8 | 6 extractor u16 | 8 incarnation u64 | 16 base u64
/// 24 durable end u64 | 32 bytes from this skippable frame to the end of its commit, u64
/// 40 count u32 | 44 raw length u32 | 48 data length u32 | 52 data CRC u32
/// 56 columns length u32 | 60 columns CRC u32 | 64 CRC of the header before u32
/// 68 flags u16, bit 0 sealed | 70 zeros | 76 CRC-32C of 0..<76
/// ```
/// The header has its own CRC so that its lengths can be trusted before they are followed. It covers
/// the CRCs of columns and data and the header before it: a chain, in which a stale or foreign frame
/// that is whole in itself is still refused. The first companion's "header before" is the segment
/// header. The columns section follows at once.
///
/// ## Columns section (``ColumnSection``)
/// ```
/// u32 number of columns | per column: id u8, width u8, base i64 | the columns' bytes in that order
/// ```
/// | id | column | elements | |
/// |---|---|---|---|
/// | 1 | recorded, µs | count | value = base + unsigned integer of that width |
/// | 2 | occurred, µs | count | the same |
/// | 3 | kind | count | the same |
/// | 4, 5 | source symbol, name symbol | count | the same |
/// | 6 | line length with its LF | count | the same |
/// | 7 | number of keys | count | the same |
/// | 8 | key hashes | sum of 7 | 8 bytes each, base 0; open segments only |
/// | 9 | salts | count | 16 bytes each, base 0 |
/// | 10 | names introduced | – | base = length; first symbol u16, number u16, (u16 length, UTF-8)… |
/// | 11 | key references | sum of 7 | as 1; places in the footer's key hashes |
/// | ≥ 32 | unknown | – | base = length; skipped |
///
/// A width of 0…8 is so many bytes for each element; 0 = all equal. A width of 80 (hexadecimal) + n, n up to
/// 57, is n bits for each, one behind the other from the lowest bit of the first byte on, the last byte
/// filled up with zeros. Open segments have whole bytes; files sealed by the first builds too.
///
/// Ids ascend. An open segment's companion has 1…8, 9, and 10 when it introduces names. A sealed segment's has
/// only 9: the salts stay beside their lines and the rest is together in the footer, so each thing is
/// stored once, and lines and columns outlive each other's damage.
///
/// Symbols are numbered per segment, from 0, in order of appearance; source and name share them. At
/// 65,535 names, or 4 MiB of text, or for a name over 512 bytes or with a control character in it,
/// the symbol is FFFF: read the line.
///
/// ## Footer of a sealed segment (``SegmentFooter``)
/// ```
/// "SLft", version u8, kind=3 u8, 10 zeros | blocks | directory, 64 bytes a block | trailer, 128
/// ```
/// | id | block | |
/// |---|---|---|
/// | 1 | columns | the columns sections (1…7, 11) of all frames, one after another |
/// | 2 | frame table | 104 bytes a frame, see below |
/// | 3 | dictionary | u32 number, then (u16 length, UTF-8) |
/// | 4 | key hashes | distinct, ascending, u64; paged |
/// | 5 | key frames | one value v for each of 4; paged. v < frames: the one that holds it, else see 6 |
/// | 6 | key frame lists | at place v − frames: a number n, then n frames, ascending; paged |
/// | 7 | name frames | as 5, one value for each name of 3 and one for the symbol FFFF; paged |
/// | 8 | name frame lists | as 6, for 7; paged |
///
/// Files sealed by the first builds lack 7 and 8: then every frame may hold a name.
///
/// ```
/// frame table entry (``FrameEntry``): 0 base u64 | 8 position of its pair u64
///   16 position of its columns section in block 1, in the file u64 | 24 count u32
///   28 raw length u32 | 32 data length u32 | 36 data CRC u32 | 40 columns length u32
///   44 columns CRC u32 | 48 length of the section beside the data u32 | 52 header CRC u32
///   56 first recorded i64 | 64 last recorded i64 | 72 least occurred i64
///   80 greatest occurred i64 | 88 kinds u64: bit `kind & 63` of each | 96 extractor u64
/// ```
/// A *paged* block is cut into pages of 4096 bytes (the last may be shorter): as many whole elements
/// as fit 4088 bytes, zeros, then at the page's last 8 bytes CRC-32C u32 of the elements' bytes and
/// their number u32. A look-up reads two or three pages and trusts them without reading the block.
///
/// | paged | elements of a page (``PageCoding``) | written for |
/// |---|---|---|
/// | 1 | `width` bytes each | all blocks, by the first builds |
/// | 2 | `width` bits each, packed as columns are | 5…8 |
/// | 3 | the first, u64, then of each other the difference to the one before it, `width` bits | 4 |
///
/// Where 2 or 3 would need more than 57 bits, 1 is written.
/// ```
/// directory entry: id u16 | paged u8 | width u8 | CRC u32 | position u64 | length u64 | elements u64
///                  | SHA-256, 32 bytes
/// trailer: 0 "SLtr" | 4 version u8 | 5 kind=4 u8 | 6 blocks u16 | 8 directory position u64
///          16 position of the footer's skippable frame u64 | 24 base u64 | 32 count u64
///          40 raw bytes u64 | 48 Merkle root, 32 | 80 columns hash, 32 | 112 directory CRC u32
///          116 chain end of the open segment u32 | 120 zeros | 124 CRC-32C of 0..<124
/// ```
/// The Merkle root is RFC 6962's, leaf data = salt ‖ line without its LF: leaf = SHA-256(00 ‖ salt ‖
/// line), node = SHA-256(01 ‖ left ‖ right). The columns hash is SHA-256 of the SHA-256s of blocks
/// 1, 3 and 4. After the seal a record of kind 240 names both (L8).
///
/// ## Tombstones and editions
/// An erasure writes a sealed segment anew as the next *edition*: the same header but for the edition, and a
/// tombstone (``Tombstone``, kind 242) in place of each erased line, with a salt of zeros and the leaf hash
/// that stood there, so that the Merkle root stays. Extractor numbers stay; symbols are numbered anew.
///
/// ## Manifest (``Manifest``)
/// ```
/// 0 "SLUICEmf" | 8 version u32 | 12 length u32 | 16 log id, 16 | 32 incarnation u64
/// 40 SipHash key, 16 | 56 generation u64 | 64 entries u32 | 68 zeros u32 | entries | CRC-32C u32
/// entry, 128 bytes: base u64 | edition u32 | state u8 (1 active, 2 closed, 3 sealed)
///   | flags u8 (bit 0: the `sealed` record is known durable) | zeros u16 | count u64 | file length u64
///   | Merkle root, 32 | columns hash, 32 | first recorded i64 | last recorded i64 | raw bytes u64
///   | chain end u32 | zeros u32
/// ```
/// Count, length and times are written when a segment closes.
///
/// ## Promises
/// - An acknowledged record survives: acknowledgement follows the fdatasync that covers its frame.
/// - Offsets are dense. Nothing past the durable end is ever shown.
/// - A commit is one write of whole pairs followed by one fdatasync, and the next commit is not
///   written before that returns. So `durable end` in a header is true for good, and only the last
///   commit of the last segment can be unfinished.
/// - A failed write or fdatasync is final for the log object; a full disk at *write* is not.
///
/// ## What is assumed
/// - fdatasync makes the file's bytes and its length durable, fsync of a directory its names, and
///   rename within a directory is atomic. A disk that lies about this can lose acknowledged records.
/// - After a failed fsync the cache says nothing of the disk. So nothing is retried on it, and an open
///   writes the last commit again, which alone can be in the cache and not on the disk.
/// - A write that was not synced may survive wholly, partly, or not at all, sectors in any order.
/// - CRC-32C finds accidents. Tampering is the Merkle root's matter.
enum LogFormat {
    static let version: UInt8 = 1
    static let skippableMagic: UInt32 = 0x184D_2A5C
    static let skippableHeaderBytes = 8

    /// An LZ4 frame of no bytes; a file that begins with a skippable frame is discouraged.
    static let emptyFrame: [UInt8] = [
        0x04, 0x22, 0x4D, 0x18, 0x60, 0x40, 0x82, 0x00, 0x00, 0x00, 0x00,
    ]
    /// Where a segment's first pair begins.
    static let firstPairPosition =
        emptyFrame.count + skippableHeaderBytes + SegmentHeader.encodedBytes

    /// Kinds that callers may append. A frame's kind bits fold a kind to `kind & 63`: these stay
    /// themselves, and the log's own begin at bit 48.
    static let callerKinds: ClosedRange<UInt8> = 0...47
    /// Kinds from here on are written by the log itself.
    static let ownKinds: UInt8 = 240
    static let sealedKind: UInt8 = 240
    static let restoredKind: UInt8 = 241
    static let tombstoneKind: UInt8 = 242
    static let tailOpening = Array("\"kind\":".utf8)

    /// A body of 4 MiB and the envelope around it.
    static let maximumTailBytes = (4 << 20) + (64 << 10)
    static let maximumKeys = 32
    static let maximumNameBytes = 512
    static let maximumDictionaryBytes = 4 << 20
    static let noSymbol: UInt16 = 0xFFFF
    /// What no frame passes: a reader refuses a longer one before it allocates.
    static let maximumRawFrameBytes = 32 << 20
    static let maximumSectionBytes = 64 << 20

    /// No line is shorter: its front, as ``RecordLine`` writes it, and its line feed.
    static let minimumLineBytes = 60
    /// No compressed byte stands for more raw ones.
    static let maximumRatio = 255
    /// What no position or length in a file reaches.
    static let fileLimit: UInt64 = 1 << 48

    /// Each incarnation owns this many offsets, so that no incarnation can have reached another's (L3).
    static let offsetsPerIncarnation: UInt64 = 1 << 44
    /// Offsets stay below 2^53: every JSON reader takes them for whole numbers.
    static let maximumIncarnation: UInt64 = 512
    /// What no offset, count or generation reaches, so that sums of a few cannot overflow.
    static let offsetLimit = maximumIncarnation * offsetsPerIncarnation

    /// The offsets that incarnation `number`, counted from 1, may give out.
    static func offsets(ofIncarnation number: UInt64) -> Range<UInt64> {
        precondition(number >= 1 && number <= maximumIncarnation, "no such incarnation")
        return (number - 1) * offsetsPerIncarnation..<number * offsetsPerIncarnation
    }

    /// The incarnation that gave out `offset`.
    static func incarnation(of offset: UInt64) -> UInt64 { offset / offsetsPerIncarnation + 1 }

    static func openName(base: UInt64) -> String { digits(base, 20) + ".open.lz4" }

    static func sealedName(base: UInt64, edition: UInt32) -> String {
        digits(base, 20) + "-" + digits(UInt64(edition), 4) + ".lz4"
    }

    /// The edition in the name of a sealed segment with that base; nil for any other name.
    static func edition(of name: String, base: UInt64) -> UInt32? {
        let opening = digits(base, 20) + "-"
        guard name.hasPrefix(opening), name.hasSuffix(".lz4") else { return nil }
        let edition = UInt32(name.dropFirst(opening.count).dropLast(4))
        return edition.flatMap { sealedName(base: base, edition: $0) == name ? $0 : nil }
    }

    private static func digits(_ value: UInt64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}

/// Why some bytes are not what the format says. Whoever knows the file and the offsets makes a
/// ``Damage`` of it.
struct FormatProblem: Error, Equatable {
    var reason: String
    /// The byte of the file at which it begins; nil where only the caller knows.
    var position: UInt64?

    init(_ reason: String, at position: UInt64? = nil) {
        self.reason = reason
        self.position = position
    }
}
