import CustomerModel
import JSONText

/// Turns one record's bytes into a message.
struct RecordReader {
    private var parser = JSONParser()
    private var maker: MessageMaker?
    private var columns: [Int] = []
    private var columnCount = 0
    private var paths: [[String]] = []
    private let lines: FeedLines

    /// - Parameter mapping: nil for lines that are messages already. One for CSV takes records only
    ///   after ``bind(header:path:)``.
    init(mapping: FeedMapping?, lines: FeedLines = .messages) {
        self.lines = lines
        guard let mapping else { return }
        maker = MessageMaker(mapping: mapping)
        guard mapping.format == .ndjson else { return }
        paths = mapping.fields.map { field in
            field.name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        }
    }

    /// Finds the mapping's columns in a CSV file's header row.
    /// - Parameter path: what errors call the file.
    mutating func bind(header: [String], path: String) throws(FeedMappingError) {
        guard let mapping = maker?.mapping else { return }
        columnCount = header.count
        for field in mapping.fields {
            guard let column = header.firstIndex(of: field.name) else {
                throw FeedMappingError(
                    file: mapping.file, line: field.line, column: field.column,
                    reason: "\(path) has no column \"\(field.name)\""
                        + Suggestion.text(for: field.name, among: header))
            }
            guard header.lastIndex(of: field.name) == column else {
                throw FeedMappingError(
                    file: mapping.file, line: field.line, column: field.column,
                    reason: "\(path) has several columns \"\(field.name)\"")
            }
            columns.append(column)
        }
    }

    /// The message of the record `bytes`; `cells` are its fields when it is CSV.
    mutating func message(
        of bytes: UnsafeRawBufferPointer, cells: [CSVField], record: Int
    ) throws(RowProblem) -> [UInt8] {
        guard columnCount > 0 else {
            return try Self.message(
                ofJSON: bytes, paths, lines, record, &parser, &maker)
        }
        guard cells.count == columnCount else {
            throw RowProblem(
                reason: "\(cells.count) fields where the header row has \(columnCount)")
        }
        let row = CSVRow(bytes: bytes, cells: cells, columns: columns)
        return try Self.message(from: row, record, &maker)
    }

    /// The parser and the maker are handed in apart, so that one may be used within the other.
    private static func message(
        ofJSON bytes: UnsafeRawBufferPointer, _ paths: [[String]], _ lines: FeedLines,
        _ record: Int,
        _ parser: inout JSONParser, _ maker: inout MessageMaker?
    ) throws(RowProblem) -> [UInt8] {
        do {
            return try parser.parse(bytes) { view in
                guard view.kind == .object else { throw RowProblem(reason: "no JSON object") }
                guard let fields = maker?.mapping.fields else {
                    if lines == .messages { try checkType(view) }
                    return Array(bytes)
                }
                let row = JSONRow(view: view, paths: paths, names: fields)
                return try message(from: row, record, &maker)
            }
        } catch let problem as RowProblem {
            throw problem
        } catch {
            throw RowProblem(reason: "no JSON: \(error)")
        }
    }

    private static func message(
        from row: some FeedRow, _ record: Int, _ maker: inout MessageMaker?
    ) throws(RowProblem) -> [UInt8] {
        guard let message = try maker?.message(from: row, record: record) else {
            preconditionFailure("a row without a mapping")
        }
        return message
    }

    private static func checkType(_ message: JSONView) throws(RowProblem) {
        guard let type = message["type"]?.string else {
            throw RowProblem(reason: "the message has no \"type\"")
        }
        guard EventType(name: type) != nil else {
            throw RowProblem(reason: "the message's \"type\" is none of Segment's six")
        }
    }
}
