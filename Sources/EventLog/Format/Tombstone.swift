import Hashing

/// The line that stands where another was erased: it keeps offset, recorded time and leaf hash, so that
/// offsets stay dense and the segment's Merkle root stays the same (L8).
///
/// ```
/// {"v":1,"offset":N,"recorded":"…","kind":"tombstone","source":"sluice","received":"…","changed":[],
///  "body":{"leaf":"<64 hexadecimal digits>","reference":"…"}}
/// ```
/// `received` repeats `recorded`; `reference` is what the eraser said. Salt, keys, name, source and time
/// of the erased record are gone: its salt is sixteen zeros.
enum Tombstone {
    static let source = "sluice"
    static let name = "tombstone"
    /// What a caller may say, in bytes of UTF-8.
    static let maximumReferenceBytes = 200
    private static let bodyOpening = Array(",\"changed\":[],\"body\":{\"leaf\":\"".utf8)
    private static let kindText = Array(
        "\"kind\":\"tombstone\",\"source\":\"sluice\",\"received\":\"".utf8)
    private static let leafDigits = 64

    /// Whether `reference` can stand in a line as it is: printable ASCII without quote and backslash.
    static func isValid(reference: String) -> Bool {
        !reference.isEmpty && reference.utf8.count <= maximumReferenceBytes
            && reference.utf8.allSatisfy {
                (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
            }
    }

    /// Appends the line, without a line feed. `reference` is valid.
    static func append(
        offset: UInt64, recorded: Int64, leaf: [UInt8], reference: String,
        to out: inout GrowingBytes
    ) {
        let time = RecordLine.timestamp(recorded)
        RecordLine.append(offset: offset, recorded: time, to: &out)
        out.append(kindText)
        out.append(time)
        out.append(UInt8(ascii: "\""))
        out.append(bodyOpening)
        out.append(Array(Hexadecimal.encode(leaf).utf8))
        out.append(Array("\",\"reference\":\"\(reference)\"}}".utf8))
    }

    /// The leaf hash that a line keeps if it is a tombstone; nil for every other kind.
    static func leaf(
        of line: UnsafeRawBufferPointer, kind: UInt8, offset: UInt64, recorded: Int64
    ) throws(FormatProblem) -> [UInt8]? {
        guard kind == LogFormat.tombstoneKind else { return nil }
        return try leaf(of: line, offset: offset, recorded: recorded)
    }

    /// The leaf hash that a tombstone's line keeps.
    static func leaf(
        of line: UnsafeRawBufferPointer, offset: UInt64, recorded: Int64
    ) throws(FormatProblem) -> [UInt8] {
        let time = RecordLine.timestamp(recorded)
        var opening = GrowingBytes(capacity: 256)
        RecordLine.append(offset: offset, recorded: time, to: &opening)
        opening.append(kindText)
        opening.append(time)
        opening.append(UInt8(ascii: "\""))
        opening.append(bodyOpening)
        let digits = opening.count..<opening.count + leafDigits
        guard line.count > digits.upperBound, line.starts(with: opening.bytes),
            let leaf = Hexadecimal.decode(String(decoding: line.part(digits), as: UTF8.self))
        else { throw FormatProblem("the tombstone of offset \(offset) has no leaf hash") }
        return leaf
    }
}
