import Feeds
import Testing

@Suite struct `Gzip data` {
    private let lines = (1...2_000).map { "{\"type\":\"track\",\"messageId\":\"\($0)\"}" }

    @Test func `of several members is one text`() throws {
        let text = lines.map { $0 + "\n" }
        let members = text.map { GzipBytes.member($0) }.joined()
        #expect(try FeedOutput(Array(members)).messages == lines)
        // A member may end within a line, or be empty.
        let cut =
            GzipBytes.member("{\"type\":") + GzipBytes.member("") + GzipBytes.member("\"page\"}\n")
        #expect(try FeedOutput(cut).messages == ["{\"type\":\"page\"}"])
    }

    @Test func `may be padded with zeroes`() throws {
        let bytes = GzipBytes.member(lines[0]) + [UInt8](repeating: 0, count: 300_000)
        let output = try FeedOutput(bytes)
        #expect(output.messages == [lines[0]])
        #expect(output.error == nil)
    }

    @Test func `cut off anywhere gives the whole lines before it, and an error`() throws {
        let few = lines.prefix(20)
        let bytes = GzipBytes.member(few.map { $0 + "\n" }.joined())
        for length in 3..<bytes.count {
            let output = try FeedOutput.orError(Array(bytes[..<length]), mapping: nil)
            guard let output else { continue }
            #expect(output.messages == Array(few.prefix(output.messages.count)))
            guard case .gzipTruncated(_, Int64(length)) = output.error else {
                Issue.record("cut at \(length): \(String(describing: output.error))")
                continue
            }
        }
        let last = try FeedOutput(Array(bytes.dropLast()))
        #expect(last.messages.count == 20)
    }

    @Test func `with a flipped bit is an error or the text itself`() throws {
        let few = lines.prefix(5).map { $0 + "\n" }.joined()
        let bytes = GzipBytes.member(few)
        // Flags, time and system in the header do not touch the text.
        for place in 10..<bytes.count {
            var damaged = bytes
            damaged[place] ^= 0x10
            let output = try FeedOutput.orError(damaged, mapping: nil)
            // The padding of a stored block's first byte means nothing.
            guard let output, output.error == nil else { continue }
            #expect(output.messages == Array(lines.prefix(5)), "byte \(place)")
        }
    }

    @Test func `followed by something else is an error`() throws {
        let output = try FeedOutput(GzipBytes.member(lines[0] + "\n") + Array("garbage".utf8))
        #expect(output.messages == [lines[0]])
        guard case .gzipCorrupt(_, _, "other bytes follow it") = output.error else {
            Issue.record("\(String(describing: output.error))")
            return
        }
    }

    @Test func `in memory is unpacked up to a limit`() throws {
        let text = [UInt8](repeating: 0x61, count: 200_000)
        let packed = GzipBytes.member(text)
        #expect(try Gzip.inflate(packed, limit: 200_000) == text)
        #expect(try Gzip.inflate(packed + GzipBytes.member("b"), limit: 300_000) == text + [0x62])
        #expect(try Gzip.inflate(GzipBytes.member(""), limit: 0) == [])
        #expect(throws: Gzip.Failure.tooLong(limit: 199_999)) {
            try Gzip.inflate(packed, limit: 199_999)
        }
        #expect(throws: Gzip.Failure.truncated) {
            try Gzip.inflate(Array(packed.dropLast()), limit: 300_000)
        }
        #expect(throws: Gzip.Failure.truncated) { try Gzip.inflate([], limit: 1) }
        #expect(throws: Gzip.Failure.corrupt("incorrect header check")) {
            try Gzip.inflate(Array("plain text".utf8), limit: 100)
        }
        #expect(throws: Gzip.Failure.corrupt("other bytes follow it")) {
            try Gzip.inflate(packed + [1], limit: 300_000)
        }
    }
}
