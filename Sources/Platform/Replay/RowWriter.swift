import JSONText

/// Rows of equal columns as NDJSON or CSV, handed on in pieces.
struct RowWriter {
    enum Format: String, CaseIterable, Sendable {
        case ndjson, csv

        var contentType: String {
            switch self {
            case .ndjson: "application/x-ndjson"
            case .csv: "text/csv; charset=utf-8"
            }
        }
    }

    private static let pieceBytes = 32 << 10

    private let format: Format
    private let writer: LineChannel.Writer
    private var waiting: [UInt8] = []
    private var hasHeading = false

    init(_ format: Format, to writer: LineChannel.Writer) {
        self.format = format
        self.writer = writer
    }

    mutating func add(_ row: [(String, JSONValue)]) throws {
        switch format {
        case .ndjson:
            JSONValue.members(row).write(into: &waiting)
            waiting.append(0x0A)
        case .csv:
            if !hasHeading { append(row.map { .string($0.0) }) }
            hasHeading = true
            append(row.map(\.1))
        }
        if waiting.count >= Self.pieceBytes { try flush() }
    }

    mutating func flush() throws {
        guard !waiting.isEmpty else { return }
        try writer.send(waiting)
        waiting.removeAll(keepingCapacity: true)
    }

    /// One line of RFC 4180, ended as it says.
    private mutating func append(_ cells: [JSONValue]) {
        for (place, cell) in cells.enumerated() {
            if place > 0 { waiting.append(UInt8(ascii: ",")) }
            append(Self.text(cell))
        }
        waiting.append(contentsOf: [0x0D, 0x0A])
    }

    private mutating func append(_ text: String) {
        var text = text
        // A sheet must not take what a client sent for a formula.
        if let first = text.utf8.first, "=+-@\t\r".utf8.contains(first) { text = "'" + text }
        guard text.utf8.contains(where: { ",\"\r\n".utf8.contains($0) }) else {
            waiting.append(contentsOf: text.utf8)
            return
        }
        waiting.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") { waiting.append(byte) }
            waiting.append(byte)
        }
        waiting.append(UInt8(ascii: "\""))
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: ""
        case .string(let text): text
        case .array(let elements): elements.map(text).joined(separator: "; ")
        default: value.text
        }
    }
}
