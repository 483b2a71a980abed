import Glibc

/// Finds lines. LF or CR LF ends one; the last may lack it.
struct LineSplitter {
    let limits: RecordLimits
    /// The rest of an overlong line is still to be skipped.
    private var isSkipping = false

    init(limits: RecordLimits) { self.limits = limits }

    /// The line at the window's front, nil at the end. An overlong line comes as its first bytes
    /// with a problem; the next call steps over the rest of it.
    mutating func next(_ window: inout FileWindow) throws(FeedError) -> RecordSpan? {
        if isSkipping {
            try window.skipLine()
            isSkipping = false
        }
        var searched = 0
        while true {
            let bytes = window.bytes
            if let end = Self.lineEnd(bytes, from: searched) {
                return span(bytes, end: end, stride: end + 1, lineEnds: 1)
            }
            guard bytes.count <= limits.maximumBytes + 1 else {
                isSkipping = true
                // Its line end is counted here, where the reject is made.
                return RecordSpan(
                    length: limits.maximumBytes, stride: limits.maximumBytes, lineEnds: 1,
                    problem: limits.tooLong)
            }
            searched = bytes.count
            guard try window.more() else {
                return bytes.isEmpty
                    ? nil : span(bytes, end: bytes.count, stride: bytes.count, lineEnds: 0)
            }
        }
    }

    private func span(
        _ bytes: UnsafeRawBufferPointer, end: Int, stride: Int, lineEnds: Int
    ) -> RecordSpan {
        let hasReturn = lineEnds == 1 && end > 0 && bytes[end - 1] == UInt8(ascii: "\r")
        let length = hasReturn ? end - 1 : end
        let isTooLong = length > limits.maximumBytes
        return RecordSpan(
            length: min(length, limits.maximumBytes), stride: stride, lineEnds: lineEnds,
            problem: isTooLong ? limits.tooLong : nil)
    }

    /// The place of the first LF at or after `start`.
    static func lineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard let base = bytes.baseAddress, start < bytes.count,
            let found = memchr(base + start, 0x0A, bytes.count - start)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }
}

extension FileWindow {
    /// Takes everything up to and with the next line end, or all that is left.
    mutating func skipLine() throws(FeedError) {
        repeat {
            if let end = LineSplitter.lineEnd(bytes, from: 0) {
                take(end + 1)
                return
            }
            take(bytes.count)
        } while try more()
    }
}
