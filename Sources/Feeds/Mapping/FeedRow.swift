import CustomerModel
import JSONText

/// Why a record gives no message.
struct RowProblem: Error {
    var reason: String
}

/// One record, as a mapping sees it.
protocol FeedRow {
    /// Hands the text of a field to `body`; nil when the field is empty, absent or `null`. A
    /// number's or a truth value's text is its token.
    func withText<R>(
        of field: Int, _ body: (UnsafeRawBufferPointer) throws(RowProblem) -> R
    ) throws(RowProblem) -> R?

    /// Hands the JSON text of a field to `body`, likewise.
    func withJSON<R>(
        of field: Int, _ body: (UnsafeRawBufferPointer) throws(RowProblem) -> R
    ) throws(RowProblem) -> R?
}

/// A record of a CSV file.
struct CSVRow: FeedRow {
    let bytes: UnsafeRawBufferPointer
    let cells: [CSVField]
    /// For each field of the mapping, its place among the cells.
    let columns: [Int]

    func withText<R>(
        of field: Int, _ body: (UnsafeRawBufferPointer) throws(RowProblem) -> R
    ) throws(RowProblem) -> R? {
        let cell = cells[columns[field]]
        guard cell.end > cell.start else { return nil }
        let text = UnsafeRawBufferPointer(rebasing: bytes[cell.start..<cell.end])
        guard cell.hasDoubledQuotes else { return try body(text) }
        return try Self.undoubled(text).withBytes(body)
    }

    func withJSON<R>(
        of field: Int, _ body: (UnsafeRawBufferPointer) throws(RowProblem) -> R
    ) throws(RowProblem) -> R? {
        try withText(of: field, body)
    }

    /// Each two quotes made one.
    static func undoubled(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var place = 0
        while place < text.count {
            out.append(text[place])
            place += text[place] == UInt8(ascii: "\"") ? 2 : 1
        }
        return out
    }
}

/// A line of an NDJSON file.
struct JSONRow: FeedRow {
    let view: JSONView
    /// For each field of the mapping, its path.
    let paths: [[String]]
    let names: [FieldName]

    func withText<R>(
        of field: Int, _ body: (UnsafeRawBufferPointer) throws(RowProblem) -> R
    ) throws(RowProblem) -> R? {
        guard let value = view.value(at: paths[field]) else { return nil }
        switch value.kind {
        case .null: return nil
        case .object, .array:
            throw RowProblem(reason: "path \"\(names[field].name)\" is no single value")
        case .number, .bool: return try body(value.rawBytes)
        case .string:
            guard value.hasEscapes else {
                let raw = value.rawBytes
                guard raw.count > 2 else { return nil }
                return try body(UnsafeRawBufferPointer(rebasing: raw[1..<raw.count - 1]))
            }
            // A string with an escape is never empty.
            guard let text = value.withUTF8({ Array($0) }) else { return nil }
            return try text.withBytes(body)
        }
    }

    func withJSON<R>(
        of field: Int, _ body: (UnsafeRawBufferPointer) throws(RowProblem) -> R
    ) throws(RowProblem) -> R? {
        guard let value = view.value(at: paths[field]), !value.isNull else { return nil }
        return try body(value.rawBytes)
    }
}

extension Array where Element == UInt8 {
    /// The array's bytes, for a body that throws its own error.
    func withBytes<R, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> R
    ) throws(Failure) -> R {
        let result = withUnsafeBytes { bytes -> Result<R, Failure> in
            do throws(Failure) {
                return .success(try body(bytes))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
