/// The bytes of one request, with holes where each of its events differs from the one before.
struct PreparedRequest {
    private struct Place {
        var hole: Corpus.Hole
        var at: Int
        var event: Int
    }

    private(set) var bytes: [UInt8]
    /// Where what every event has of its own goes; empty for what is sent once.
    private var places: [Place] = []
    private(set) var events: Int

    static let none = PreparedRequest(bytes: [], events: 0)

    /// Makes this the request of the events from `first` on.
    mutating func fill(from first: Int, _ maker: EventMaker) {
        bytes.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            for place in places {
                let number = first + place.event
                EventMaker.fill(
                    place.hole, at: base + place.at, number, maker.person(of: number))
            }
        }
    }

    /// The items of one request, before anything stands around them.
    private struct Items {
        var bytes: [UInt8] = []
        var places: [Place] = []

        /// Adds the message of a template: what stands in its line's `body`.
        mutating func add(_ template: Corpus.Template, event: Int) {
            let start = Self.bodyStart(of: template.tail)
            places += template.holes.filter { $0.place >= start }.map {
                Place(hole: $0.hole, at: bytes.count + $0.place - start, event: event)
            }
            bytes += template.tail[start..<(template.tail.count - 1)]
        }

        mutating func add(_ hole: Corpus.Hole, event: Int) {
            places.append(Place(hole: hole, at: bytes.count, event: event))
            bytes += [UInt8](repeating: hole.rawValue, count: hole.width)
        }

        /// The places once so many bytes stand in front.
        func places(from start: Int) -> [Place] {
            places.map { Place(hole: $0.hole, at: $0.at + start, event: $0.event) }
        }

        private static func bodyStart(of tail: [UInt8]) -> Int {
            let name = Array("\"body\":".utf8)
            let end = tail.count - name.count
            return (0..<end).first { tail[$0..<($0 + name.count)].elementsEqual(name) }
                .map { $0 + name.count } ?? 0
        }
    }

    private static func template(_ number: Int, _ corpus: Corpus) -> Corpus.Template {
        corpus.templates[Int(SplitMix.mixed(UInt64(number)) % UInt64(corpus.templates.count))]
    }

    // MARK: HTTP

    /// The head of a request that carries `lengthBytes`.
    private static func head(_ lengthBytes: Int, key: String, more: String = "") -> [UInt8] {
        Array(
            ("POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic "
                + base64("\(key):") + "\r\nContent-Type: application/json\r\n\(more)"
                + "Content-Length: \(lengthBytes)\r\n\r\n").utf8)
    }

    /// `POST /v1/batch` with so many events.
    static func batch(of events: Int, seed: Int, key: String, _ corpus: Corpus) -> PreparedRequest {
        let items = body(of: events, seed: seed, corpus)
        let head = head(items.bytes.count, key: key)
        return PreparedRequest(
            bytes: head + items.bytes,
            places: items.places(from: head.count), events: events)
    }

    /// What clients send in a request.
    private static func body(of events: Int, seed: Int, _ corpus: Corpus) -> Items {
        var items = Items()
        items.bytes += Array("{\"batch\":[".utf8)
        for event in 0..<events {
            if event > 0 { items.bytes.append(UInt8(ascii: ",")) }
            items.add(template(seed + event, corpus), event: event)
        }
        items.bytes += Array("],\"sentAt\":\"".utf8)
        items.add(.sentAt, event: 0)
        items.bytes += Array("\"}".utf8)
        return items
    }

    /// The same request with its body zipped, as Segment's clients do it. It can be sent once.
    func gzipped(key: String) throws -> PreparedRequest {
        let end = Array("\r\n\r\n".utf8)
        guard let start = (0..<bytes.count).first(where: { bytes[$0...].starts(with: end) }) else {
            throw BenchError("a request without a body")
        }
        let body = try Gzip.deflated(bytes[(start + end.count)...])
        let head = Self.head(body.count, key: key, more: "Content-Encoding: gzip\r\n")
        return PreparedRequest(bytes: head + body, events: events)
    }

    private static func base64(_ text: String) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var out: [UInt8] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let three = bytes[start...].prefix(3)
            var word = three.reduce(0) { $0 << 8 | Int($1) }
            word <<= (3 - three.count) * 8
            for place in 0..<4 {
                let isThere = place <= three.count
                out.append(
                    isThere ? digits[word >> (18 - place * 6) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    // MARK: PostgreSQL

    /// The run of a statement, prepared as `s`, whose four parameters for each event are its message id,
    /// its source, when it was received, and its body.
    static func insert(of events: Int, seed: Int, _ corpus: Corpus) -> PreparedRequest {
        var bind = Items()
        bind.bytes += Array("\0s\0".utf8) + PostgresWire.int16(0)
        bind.bytes += PostgresWire.int16(events * 4)
        for event in 0..<events {
            let template = template(seed + event, corpus)
            bind.bytes += PostgresWire.int32(Corpus.Hole.messageID.width)
            bind.add(.messageID, event: event)
            let source = Array(template.source.utf8)
            bind.bytes += PostgresWire.int32(source.count) + source
            bind.bytes += PostgresWire.int32(Corpus.Hole.received.width)
            bind.add(.received, event: event)
            var body = Items()
            body.add(template, event: event)
            bind.bytes += PostgresWire.int32(body.bytes.count)
            bind.places += body.places(from: bind.bytes.count)
            bind.bytes += body.bytes
        }
        return run(bind, events: events)
    }

    /// The run of a statement, prepared as `s`, whose parameters are a request's body and its source.
    static func insertBody(of events: Int, seed: Int, _ corpus: Corpus) -> PreparedRequest {
        var bind = Items()
        bind.bytes += Array("\0s\0".utf8) + PostgresWire.int16(0) + PostgresWire.int16(2)
        let body = body(of: events, seed: seed, corpus)
        bind.bytes += PostgresWire.int32(body.bytes.count)
        bind.places = body.places(from: bind.bytes.count)
        bind.bytes += body.bytes
        let source = Array("web".utf8)
        bind.bytes += PostgresWire.int32(source.count) + source
        return run(bind, events: events)
    }

    /// The messages that run a statement with these parameters and end it.
    private static func run(_ bind: Items, events: Int) -> PreparedRequest {
        var bind = bind
        bind.bytes += PostgresWire.int16(0)
        let front = [UInt8(ascii: "B")] + PostgresWire.int32(bind.bytes.count + 4)
        return PreparedRequest(
            bytes: front + bind.bytes
                + PostgresWire.message("E", Array("\0".utf8) + PostgresWire.int32(0))
                + PostgresWire.message("S", []),
            places: bind.places(from: front.count), events: events)
    }
}
