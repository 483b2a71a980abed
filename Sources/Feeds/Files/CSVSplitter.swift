/// One field of a CSV record, as a place in it. Quotes around it are outside.
struct CSVField {
    var start: Int
    var end: Int
    /// Whether a doubled quote stands for one.
    var hasDoubledQuotes: Bool
}

/// Finds CSV records and their fields (RFC 4180).
///
/// - A field in quotes may hold delimiters, line ends, and quotes written twice. A quote anywhere
///   in another field, or text behind a closing quote, is a problem of that record.
/// - LF or CR LF ends a record; the last may lack it.
/// - After a problem the next line is read as a record. A quote that is not closed before the
///   file's end or within the limit costs only its own line: what follows is read again, as
///   records. Those hold no quote that could stay open as long, so all of this stays linear.
struct CSVSplitter {
    let limits: RecordLimits
    let delimiter: UInt8
    /// The fields of the record that `next` gave last; of no meaning after a problem.
    private(set) var fields: [CSVField] = []
    /// The rest of an overlong line is still to be skipped.
    private var isSkipping = false

    init(limits: RecordLimits, delimiter: UInt8) {
        self.limits = limits
        self.delimiter = delimiter
    }

    /// The record at the window's front, nil at the end.
    mutating func next(_ window: inout FileWindow) throws(FeedError) -> RecordSpan? {
        if isSkipping {
            try window.skipLine()
            isSkipping = false
        }
        while true {
            let bytes = window.bytes
            let wasAtEnd = window.isAtEnd
            if bytes.isEmpty, wasAtEnd { return nil }
            switch scan(bytes, isAtEnd: wasAtEnd) {
            case .whole(let span):
                return span.length <= limits.maximumBytes ? span : line(bytes, limits.tooLong)
            case .broken(let reason, let position):
                let hasLineEnd = LineSplitter.lineEnd(bytes, from: position) != nil
                if hasLineEnd || wasAtEnd { return line(bytes, from: position, reason) }
            case .unfinished:
                if wasAtEnd { return line(bytes, "a quoted field has no closing quote") }
            }
            if try window.more() { continue }
            // Now it is known that nothing follows; that may finish the record.
            if window.isAtEnd { continue }
            return line(bytes, limits.tooLong)
        }
    }

    /// The record with a problem: up to the first line end at or after `position`.
    private mutating func line(
        _ bytes: UnsafeRawBufferPointer, from position: Int = 0, _ problem: String
    ) -> RecordSpan {
        let end = LineSplitter.lineEnd(bytes, from: position)
        let length = min(end ?? bytes.count, limits.maximumBytes)
        if end == nil, bytes.count > limits.maximumBytes { isSkipping = true }
        let stride = end.map { $0 + 1 } ?? bytes.count
        return RecordSpan(
            length: length, stride: stride,
            lineEnds: Self.lineEnds(bytes[..<stride]) + (isSkipping ? 1 : 0),
            problem: problem)
    }

    private static func lineEnds(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int {
        bytes.reduce(into: 0) { if $1 == 0x0A { $0 += 1 } }
    }

    private enum Scan {
        case whole(RecordSpan)
        case broken(String, at: Int)
        /// The window ends before the record does.
        case unfinished
    }

    private mutating func scan(_ bytes: UnsafeRawBufferPointer, isAtEnd: Bool) -> Scan {
        fields.removeAll(keepingCapacity: true)
        var position = 0
        var lineEnds = 0
        while true {
            if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
                guard let field = quoted(bytes, from: position + 1, lineEnds: &lineEnds, isAtEnd)
                else { return .unfinished }
                fields.append(field)
                position = field.end + 1
            } else {
                let end = plainEnd(bytes, from: position)
                if end < bytes.count, bytes[end] == UInt8(ascii: "\"") {
                    return .broken("a quote inside a field that does not begin with one", at: end)
                }
                fields.append(CSVField(start: position, end: end, hasDoubledQuotes: false))
                position = end
            }
            guard position < bytes.count else {
                guard isAtEnd else { return .unfinished }
                return .whole(
                    RecordSpan(length: position, stride: position, lineEnds: lineEnds, problem: nil)
                )
            }
            if bytes[position] == delimiter {
                position += 1
                continue
            }
            return recordEnd(bytes, at: position, lineEnds: lineEnds, isAtEnd)
        }
    }

    /// What stands behind the last field: LF; CR LF, of which the CR went into a field without
    /// quotes; or something that must not.
    private mutating func recordEnd(
        _ bytes: UnsafeRawBufferPointer, at position: Int, lineEnds: Int, _ isAtEnd: Bool
    ) -> Scan {
        var length = position
        var end = position
        if bytes[position] == UInt8(ascii: "\r") {
            end += 1
            guard end < bytes.count || isAtEnd else { return .unfinished }
        } else if let last = fields.indices.last, fields[last].end == position, position > 0,
            bytes[position - 1] == UInt8(ascii: "\r")
        {
            fields[last].end -= 1
            length -= 1
        }
        guard end < bytes.count, bytes[end] == UInt8(ascii: "\n") else {
            return .broken("text behind a closing quote", at: position)
        }
        return .whole(
            RecordSpan(length: length, stride: end + 1, lineEnds: lineEnds + 1, problem: nil))
    }

    /// The field whose opening quote is before `start`; nil when its closing quote is not in the
    /// window, or may be the first of two.
    private func quoted(
        _ bytes: UnsafeRawBufferPointer, from start: Int, lineEnds: inout Int, _ isAtEnd: Bool
    ) -> CSVField? {
        var field = CSVField(start: start, end: start, hasDoubledQuotes: false)
        while field.end < bytes.count {
            let byte = bytes[field.end]
            if byte == UInt8(ascii: "\"") {
                let next = field.end + 1
                guard next < bytes.count else { return isAtEnd ? field : nil }
                guard bytes[next] == UInt8(ascii: "\"") else { return field }
                field.hasDoubledQuotes = true
                field.end += 1
            } else if byte == UInt8(ascii: "\n") {
                lineEnds += 1
            }
            field.end += 1
        }
        return nil
    }

    /// The first delimiter, line end or quote at or after `start`, or the window's end.
    private func plainEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var position = start
        while position < bytes.count {
            let byte = bytes[position]
            if byte == delimiter || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\"") {
                break
            }
            position += 1
        }
        return position
    }
}
