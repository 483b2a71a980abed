/// What a line is where no mapping makes messages of it.
public enum FeedLines: Sendable {
    /// One of Segment's six messages.
    case messages
    /// A batch of mParticle's, given as it is.
    case mparticle
}

/// A file of events, read from front to back and given as Segment-shaped messages.
///
/// The file may be gzip, of one member or several. With a mapping each CSV record or NDJSON object
/// becomes one message by its rules; without one each line is a message already, a JSON object with
/// a `type`, or a batch of mParticle's.
///
/// Everything here blocks its caller on file reads: use it on a thread of your own, never on the
/// cooperative pool. A value that owns its file; closed when it goes.
///
/// - Records are counted from 1 over messages and rejects alike, so a record has the same number in
///   each run over the same file. Empty lines and the header row do not count.
/// - A record is at most 4 MiB; a longer one is rejected and skipped.
/// - A line may end in LF or CR LF; the last may lack its end. A UTF-8 byte order mark is dropped.
/// - An error of the file itself (``FeedError``) comes after everything before it was given. Of a
///   file that was cut off, the last line is not given: nobody knows whether it is whole.
///
/// To go on where a run ended, ``skip(toRecord:)``; or read it all again, since message ids are
/// stable.
public struct Feed: ~Copyable {
    /// The longest record, in bytes.
    public static let maximumRecordBytes = 4 << 20

    private var window: FileWindow
    private var lines: LineSplitter
    private var csv: CSVSplitter
    private let isCSV: Bool
    private var reader: RecordReader
    private var line: Int
    private var record = 1

    /// Opens the file and, for CSV, reads its header row.
    /// - Throws: ``FeedError``; ``FeedMappingError`` when the mapping names a column that the file
    ///   lacks.
    public init(path: String, mapping: FeedMapping? = nil, lines form: FeedLines = .messages) throws
    {
        let limits = RecordLimits(maximumBytes: Self.maximumRecordBytes)
        var window = try FileWindow.open(path, maximumBytes: limits.windowBytes)
        var csv = CSVSplitter(limits: limits, delimiter: mapping?.delimiter ?? UInt8(ascii: ","))
        var reader = RecordReader(mapping: mapping, lines: form)
        var line = 1
        if mapping?.format == .csv {
            try Self.readHeader(&window, &csv, &reader, &line)
        }
        // A value that cannot be copied is made at once, where nothing can fail any more.
        self.window = window
        self.csv = csv
        self.reader = reader
        self.line = line
        lines = LineSplitter(limits: limits)
        isCSV = mapping?.format == .csv
    }

    /// How far it has come.
    public var progress: FeedProgress {
        FeedProgress(consumed: window.consumed, total: window.size)
    }

    /// The number of the record that ``next()`` gives.
    public var nextRecord: Int { record }

    /// The next message or reject; nil at the file's end.
    /// - Throws: ``FeedError``. Calling again gives the same error.
    public mutating func next() throws(FeedError) -> FeedItem? {
        guard let span = try nextSpan() else { return nil }
        let number = record
        let position = FeedPosition(line: line, byte: window.position)
        let bytes = UnsafeRawBufferPointer(rebasing: window.bytes[..<span.length])
        defer { step(over: span) }
        do throws(RowProblem) {
            if let problem = span.problem { throw RowProblem(reason: problem) }
            let message = try reader.message(of: bytes, cells: csv.fields, record: number)
            return .message(message, record: number, position: position)
        } catch {
            return .reject(
                FeedReject(
                    record: number, position: position, reason: error.reason, bytes: Array(bytes)))
        }
    }

    /// Steps over records until `record` is next, without looking into them; rejects among them are
    /// not reported again. Stops at the file's end. Never goes back.
    public mutating func skip(toRecord target: Int) throws(FeedError) {
        while record < target, let span = try nextSpan() { step(over: span) }
    }

    // MARK: Records

    /// The next record that is no empty line.
    private mutating func nextSpan() throws(FeedError) -> RecordSpan? {
        while true {
            let span = isCSV ? try csv.next(&window) : try lines.next(&window)
            guard let span, span.length == 0, span.problem == nil else { return span }
            window.take(span.stride)
            line += span.lineEnds
        }
    }

    private mutating func step(over span: RecordSpan) {
        window.take(span.stride)
        line += span.lineEnds
        record += 1
    }

    // MARK: The header row

    private static func readHeader(
        _ window: inout FileWindow, _ csv: inout CSVSplitter, _ reader: inout RecordReader,
        _ line: inout Int
    ) throws {
        var span = try csv.next(&window)
        while let empty = span, empty.length == 0, empty.problem == nil {
            window.take(empty.stride)
            line += empty.lineEnds
            span = try csv.next(&window)
        }
        guard let span else {
            throw FeedError.badHeader(path: window.path, reason: "the file is empty")
        }
        if let problem = span.problem {
            throw FeedError.badHeader(path: window.path, reason: problem)
        }
        let bytes = UnsafeRawBufferPointer(rebasing: window.bytes[..<span.length])
        let names = csv.fields.map { cell in
            let text = UnsafeRawBufferPointer(rebasing: bytes[cell.start..<cell.end])
            return String(
                decoding: cell.hasDoubledQuotes ? CSVRow.undoubled(text) : Array(text),
                as: UTF8.self)
        }
        try reader.bind(header: names, path: window.path)
        window.take(span.stride)
        line += span.lineEnds
    }
}
