import CustomerModel
import Hashing

/// The TC strings that identifiers carried, as of every offset (C7).
///
/// Each distinct string stands once: most people of a site have one of a few. A string hangs on an
/// identifier, as assertions do, and the newest by offset counts, since a string's own times are whole days.
struct ConsentStringTable {
    static let none = UInt32.max

    private(set) var strings: ByteTable
    private var heads: [UInt32] = []
    // One entry a carrying event, newest first along `previous`.
    private var offsets: [UInt64] = []
    private var numbers: [UInt32] = []
    private var previous: [UInt32] = []

    init(key: SipKey) { strings = ByteTable(key: key) }

    mutating func append(_ text: String, on identifier: UInt32, offset: UInt64) {
        var text = text
        let number = text.withUTF8 { strings.intern(tag: 0, UnsafeRawBufferPointer($0)).index }
        while heads.count <= Int(identifier) { heads.append(Self.none) }
        offsets.append(offset)
        numbers.append(number)
        previous.append(heads[Int(identifier)])
        heads[Int(identifier)] = UInt32(offsets.count - 1)
    }

    /// The newest string on `identifier`, by its number; nil where it has none up to `offset`.
    func newest(on identifier: UInt32, asOf offset: UInt64?) -> (offset: UInt64, number: UInt32)? {
        guard Int(identifier) < heads.count else { return nil }
        var row = heads[Int(identifier)]
        while row != Self.none {
            let index = Int(row)
            if offset.map({ offsets[index] <= $0 }) ?? true {
                return (offsets[index], numbers[index])
            }
            row = previous[index]
        }
        return nil
    }

    /// What the string reads as. It was read once already, when it came.
    func string(_ number: UInt32) -> TCString? {
        let bytes = Array(strings.bytes(number))
        do throws(ConsentTextError) {
            return try bytes.withUnsafeBytes { (text) -> Result<TCString, ConsentTextError> in
                Result { () throws(ConsentTextError) in try TCString(decoding: text) }
            }.get()
        } catch {
            return nil
        }
    }

    func text(_ number: UInt32) -> String { strings.text(number) }

    func write(into out: inout CanonicalWriter) {
        out.section("TCFS")
        strings.write(into: &out)
        out.column(heads)
        out.column(offsets)
        out.column(numbers)
        out.column(previous)
    }

    init(from reader: inout CanonicalReader, key: SipKey) throws(CanonicalError) {
        try reader.section("TCFS")
        strings = try ByteTable(from: &reader, key: key)
        heads = try reader.column()
        offsets = try reader.column()
        numbers = try reader.column()
        previous = try reader.column()
        let rows = offsets.count
        let known = strings.count
        guard numbers.count == rows, previous.count == rows,
            numbers.allSatisfy({ Int($0) < known }),
            heads.allSatisfy({ $0 == Self.none || Int($0) < rows })
        else { throw CanonicalError(position: reader.position, expected: "equal columns") }
    }
}
