import EventLog
import Foundation

/// Bytes on disk after everything is sealed, and what they are.
enum StoredSection {
    static func perform(_ run: LogRun) throws {
        let report = run.report
        report.begin("stored", "how many bytes are stored, and of what?")
        for records in [run.sizes.small, run.sizes.large] { try shares(of: run.log(records), run) }
        try peers(run)
    }

    private static func shares(of made: LogRun.Made, _ run: LogRun) throws {
        let log = try LogRun.open(made)
        defer { log.close() }
        let sealed = log.stat().segments.filter { $0.state == .sealed }
        var parts = SegmentParts()
        for segment in sealed { try parts.add(made.path + "/" + segment.file) }
        let raw = Double(sealed.reduce(0) { $0 + $1.rawBytes })
        let count = Double(parts.records)
        let label = Report.number(Double(made.records)) + " events"
        let report = run.report
        report.add(
            "\(label): stored over NDJSON", Double(parts.total) / raw * 100, "%", goal: .atMost(28))
        report.add("\(label): compressed lines over NDJSON", Double(parts.lines) / raw * 100, "%")
        report.add(
            "\(label): columns, index and salts an event",
            Double(parts.total - parts.lines) / count, "B", goal: .atMost(50))
        report.add("\(label):    columns", Double(parts.columns) / count, "B")
        report.add("\(label):    index and names", Double(parts.index) / count, "B")
        report.add("\(label):    salts", Double(parts.salts) / count, "B")
        report.add("\(label):    headers, frame table", Double(parts.rest) / count, "B")
    }

    /// What everyday programs make of the same lines.
    private static func peers(_ run: LogRun) throws {
        let made = try run.log(run.sizes.small)
        let log = try LogRun.open(made)
        let path = run.scratch.path + "/lines"
        guard FileManager.default.createFile(atPath: path, contents: nil) else {
            throw BenchError("\(path) cannot be made")
        }
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        var piece = Data()
        var reader = log.makeReader()
        _ = try reader.forEach(from: Offset(0), to: log.durableEnd, needs: .lines) { record in
            piece.append(contentsOf: record.line)
            piece.append(0x0A)
            if piece.count > 4 << 20 {
                try file.write(contentsOf: piece)
                piece.removeAll(keepingCapacity: true)
            }
            return .next
        }
        try file.write(contentsOf: piece)
        let raw = try file.offset()
        try file.close()
        log.close()
        for command in ["lz4 -1", "gzip -6"] {
            let watch = Stopwatch()
            let text = try Programs.output(of: "sh", ["-c", "\(command) -c <\"$0\" | wc -c", path])
            guard let bytes = Double(String(decoding: text, as: UTF8.self).filter(\.isNumber))
            else { throw BenchError("wc printed no number") }
            run.report.add("the same lines by `\(command)`", bytes / Double(raw) * 100, "%")
            run.report.add("   its speed", Double(raw) / 1e6 / watch.seconds, "MB/s")
        }
        run.scratch.remove("lines")
    }
}

/// The bytes of sealed segments by what they are for, read from the files by the documented format.
struct SegmentParts {
    private(set) var records = 0
    private(set) var total = 0
    private(set) var lines = 0
    private(set) var columns = 0
    private(set) var index = 0
    private(set) var salts = 0
    var rest: Int { total - lines - columns - index - salts }

    mutating func add(_ path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        func integer(_ position: Int) -> Int {
            Int(
                data.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: UInt64.self) }
            )
        }
        func short(_ position: Int) -> Int { Int(data[position]) | Int(data[position + 1]) << 8 }
        let trailer = data.count - 128
        guard trailer > 0, data[trailer..<trailer + 4].elementsEqual("SLtr".utf8) else {
            throw BenchError("\(path) is no sealed segment")
        }
        let directory = integer(trailer + 8)
        let count = integer(trailer + 32)
        var frames = 0
        for number in 0..<short(trailer + 6) {
            let entry = directory + number * 64
            let length = integer(entry + 16)
            switch short(entry) {
            case 1: columns += length
            case 2: frames = integer(entry + 24)
            default: index += length
            }
        }
        records += count
        total += data.count
        salts += count * 16
        // A pair: 8 bytes and 80 of header, 14 of the salts' directory, the salts, the data frame.
        let header = 11 + 8 + 128
        lines += integer(trailer + 16) - header - count * 16 - frames * (88 + 14)
    }
}
