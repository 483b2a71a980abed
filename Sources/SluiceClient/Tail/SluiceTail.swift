import AsyncHTTPClient
import JSONText
import NIOCore
import NIOHTTP1

/// What a server says of a stream, as it becomes durable, for as long as somebody listens.
///
/// `audiences` and `profiles` begin with a snapshot; `events` begins with the first event. When the connection
/// breaks or the server restarts, the tail goes on from its cursor: no item is missing and none comes twice,
/// except ``TailItem/Kind/changed``, which only says again how somebody stands. Whoever keeps
/// ``TailItem/cursor`` with what they made of the item goes on from there after their own restart.
///
/// ```swift
/// for try await item in SluiceTail(url: url, token: token, stream: "audiences") {
///     switch item.kind {
///     case .snapshotBegins: members = [:]
///     case .snapshot, .other("entered"): add(item.line)
///     case .other("exited"): remove(item.line)
///     default: break
///     }
///     if let cursor = item.cursor { save(cursor) }
/// }
/// ```
///
/// It ends when its task is cancelled, and after ``TailItem/Kind/cursorExpired``; it throws ``TailError`` when
/// asking again cannot help. Everything else is retried with growing pauses, for ever; no line for 40 s counts
/// as a broken connection, since an idle server says something every ten.
public struct SluiceTail: AsyncSequence, Sendable {
    public typealias Element = TailItem

    let url: String
    let token: String
    let stream: String
    let cursor: String?
    let firstRetry: Duration
    let longestRetry: Duration

    /// - Parameters:
    ///   - url: the server, such as `http://127.0.0.1:8080`.
    ///   - token: a token with role `service`; for `events` `operator` or `auditor`.
    ///   - stream: `events`, `profiles` or `audiences`.
    ///   - cursor: of an item that was taken in; nil for the snapshot or the start.
    ///   - firstRetry: the pause after a broken connection, doubled each time that nothing came of it.
    ///   - longestRetry: the longest such pause.
    public init(
        url: String, token: String, stream: String, from cursor: String? = nil,
        firstRetry: Duration = .milliseconds(250), longestRetry: Duration = .seconds(30)
    ) {
        self.url = url
        self.token = token
        self.stream = stream
        self.cursor = cursor
        self.firstRetry = firstRetry
        self.longestRetry = longestRetry
    }

    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    public struct Iterator: AsyncIteratorProtocol {
        private let tail: SluiceTail
        private var place: TailPlace
        private var pace: Pace
        private var body: Body?
        private var waiting: [UInt8] = []
        /// Where the first line that was not handed over begins in `waiting`.
        private var next = 0
        private var isOver = false

        fileprivate init(_ tail: SluiceTail) {
            self.tail = tail
            place = TailPlace(stream: tail.stream, cursor: tail.cursor)
            pace = Pace(first: tail.firstRetry, longest: tail.longestRetry)
        }

        public mutating func next() async throws -> TailItem? {
            while !isOver {
                if Task.isCancelled { break }
                if body == nil {
                    if let item = try await connect() { return item }
                    continue
                }
                if let line = try line() {
                    if let code = line["code"]?.string, line["type"] == nil {
                        try refused(code, line["message"]?.string ?? "")
                        continue
                    }
                    // Something came of this connection.
                    pace.succeeded()
                    guard let item = place.received(line) else { continue }
                    isOver = item.kind == .cursorExpired
                    return item
                }
                await more()
            }
            body = nil
            isOver = true
            return nil
        }

        /// The next whole line that came; nil when there is none.
        private mutating func line() throws -> JSONValue? {
            while let end = waiting[next...].firstIndex(of: 0x0A) {
                let bytes = Array(waiting[next..<end])
                next = end + 1
                guard !bytes.isEmpty else { continue }
                do {
                    return try JSONValue(
                        parsing: bytes, limits: JSONLimits(maximumBytes: SluiceTail.lineBytes))
                } catch {
                    isOver = true
                    throw TailError.unreadableLine("\(error)")
                }
            }
            waiting.removeFirst(next)
            next = 0
            guard waiting.count <= SluiceTail.lineBytes else {
                isOver = true
                throw TailError.unreadableLine("a line is longer than 8 MiB")
            }
            return nil
        }

        /// Waits for more bytes. The end and every error of a connection are the same: begin another.
        private mutating func more() async {
            do {
                if let part = try await body?.next() {
                    waiting.append(contentsOf: part.readableBytesView)
                    return
                }
            } catch {}
            // A line that broke off comes again from the cursor.
            waiting = []
            next = 0
            body = nil
            await pause(nil)
        }

        private mutating func connect() async throws -> TailItem? {
            do {
                let response = try await Transport.http.execute(
                    tail.request(place.cursor), timeout: .hours(24 * 365))
                if response.status == .ok {
                    body = Body(response)
                    return place.connected()
                }
                let said = try await response.body.collect(upTo: 1 << 20)
                let status = Int(response.status.code)
                let wait = response.headers.first(name: "Retry-After").flatMap { Int64($0) }
                if (400..<500).contains(status), status != 408, status != 429 {
                    let answer = SluiceTail.answer(Array(said.readableBytesView), status)
                    isOver = true
                    throw TailError.refused(code: answer.code, message: answer.message)
                }
                await pause(wait.map { .seconds(Swift.max($0, 0)) })
            } catch let error as TailError {
                throw error
            } catch {
                await pause(nil)
            }
            return nil
        }

        /// A tail whose head is out says in a last line why it ends.
        private mutating func refused(_ code: String, _ message: String) throws {
            guard SluiceTail.isFinal(code) else { return }
            isOver = true
            throw TailError.refused(code: code, message: message)
        }

        private mutating func pause(_ retryAfter: Duration?) async {
            let pause = pace.failed(at: .now, retryAfter: retryAfter, chance: .random(in: 0..<1))
            do { try await Task.sleep(for: pause) } catch {}  // cancelled: the caller looks
        }
    }

    /// A body that is being read. Unchecked: only the iterator that owns it reads it, and one call of its
    /// mutating `next()` ends before another begins.
    private final class Body: @unchecked Sendable {
        private var parts: HTTPClientResponse.Body.AsyncIterator

        init(_ response: HTTPClientResponse) { parts = response.body.makeAsyncIterator() }

        @concurrent func next() async throws -> ByteBuffer? { try await parts.next() }
    }

    static let lineBytes = 8 << 20

    private static func isFinal(_ code: String) -> Bool {
        !["busy", "failed"].contains(code)
    }

    private static func answer(_ body: [UInt8], _ status: Int) -> (code: String, message: String) {
        do {
            let json = try JSONValue(parsing: body)
            return (
                json["code"]?.string ?? "refused", json["message"]?.string ?? "status \(status)"
            )
        } catch {
            return ("refused", "status \(status)")
        }
    }

    private func request(_ cursor: String?) -> HTTPClientRequest {
        var target = Transport.base(url) + "/api/tail/" + Self.escape(stream)
        if let cursor { target += "?from=" + Self.escape(cursor) }
        var request = HTTPClientRequest(url: target)
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        return request
    }

    private static func escape(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"):
                out.append(Character(Unicode.Scalar(byte)))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                out += "%" + (hex.count == 1 ? "0" : "") + hex
            }
        }
        return out
    }
}
