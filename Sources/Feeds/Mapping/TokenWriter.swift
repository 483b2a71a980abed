import JSONText

/// Writes a field's text as the JSON token of its type.
struct TokenWriter {
    private let zone: LocalZone
    private var cache = LocalZone.Cache()
    private var parser = JSONParser()

    /// - Parameter zone: of times without an offset.
    init(zone: LocalZone) { self.zone = zone }

    /// Appends the token. False when `text` is no such thing; then nothing was appended.
    mutating func write(
        _ text: UnsafeRawBufferPointer, as type: FieldType, into out: inout [UInt8]
    ) -> Bool {
        switch type {
        case .text:
            guard JSONStringText.isValid(utf8: text) else { return false }
            JSONStringText.append(utf8: text, to: &out)
        case .integer:
            let digits = text.first == UInt8(ascii: "-") ? text.dropFirst() : text[...]
            guard JSONValue.isNumber(utf8: text), digits.allSatisfy({ $0 &- 0x30 <= 9 }) else {
                return false
            }
            out.append(contentsOf: text)
        case .decimal:
            guard JSONValue.isNumber(utf8: text) else { return false }
            out.append(contentsOf: text)
        case .boolean:
            guard let value = Self.boolean(text) else { return false }
            out.append(contentsOf: (value ? "true" : "false").utf8)
        case .time:
            guard let moment = moment(text) else { return false }
            out.append(UInt8(ascii: "\""))
            moment.write(into: &out)
            out.append(UInt8(ascii: "\""))
        case .json:
            return writeJSON(text, into: &out)
        }
        return true
    }

    private mutating func moment(_ text: UnsafeRawBufferPointer) -> Timestamp? {
        guard let read = TimestampText(utf8: text) else { return nil }
        let moment =
            read.offsetMinutes == nil ? zone.moment(of: read.local, &cache) : read.moment
        return moment >= .earliest && moment <= .latest ? moment : nil
    }

    private static func boolean(_ text: UnsafeRawBufferPointer) -> Bool? {
        func isWord(_ word: StaticString) -> Bool {
            text.count == word.utf8CodeUnitCount
                && text.indices.allSatisfy { text[$0] | 0x20 == word.utf8Start[$0] }
        }
        if text.count == 1 { return text[0] == 0x31 ? true : text[0] == 0x30 ? false : nil }
        return isWord("true") ? true : isWord("false") ? false : nil
    }

    private mutating func writeJSON(
        _ text: UnsafeRawBufferPointer, into out: inout [UInt8]
    ) -> Bool {
        do {
            try parser.parse(text) { $0.writeMinified(into: &out) }
            return true
        } catch {
            return false
        }
    }
}
