import Foundation

/// Event lines as the platform writes them, with holes where each event differs.
///
/// A template is a draft's tail. A run of one control byte is a hole of that kind; no JSON text holds
/// one otherwise.
struct Corpus: Sendable {
    /// What is put into a hole.
    enum Hole: UInt8, CaseIterable {
        case messageID = 1
        case anonymousID, userID, mailbox, timestamp, sentAt, received

        /// How many bytes it takes.
        var width: Int {
            switch self {
            case .messageID, .anonymousID: 36
            case .userID: 9
            case .mailbox: 12
            case .timestamp, .sentAt: 24
            case .received: 27
            }
        }

        /// What the log files it under; nil for what is no key.
        var keyName: String? {
            switch self {
            case .messageID: "message_id"
            case .anonymousID: "anonymous_id"
            case .userID: "user_id"
            case .mailbox: "email"
            case .timestamp, .sentAt, .received: nil
            }
        }

        var text: String {
            String(repeating: String(UnicodeScalar(rawValue)), count: width)
        }
    }

    struct Template: Sendable {
        var source: String
        var name: String
        var tail: [UInt8]
        var holes: [(hole: Hole, place: Int)]

        init(source: String, name: String, tail: [UInt8]) throws {
            self.source = source
            self.name = name
            self.tail = tail
            holes = []
            var place = 0
            while place < tail.count {
                guard tail[place] < 0x20 else {
                    place += 1
                    continue
                }
                guard let hole = Hole(rawValue: tail[place]),
                    tail[place...].prefix(hole.width).count == hole.width,
                    tail[place...].prefix(hole.width).allSatisfy({ $0 == hole.rawValue })
                else { throw BenchError("a template of the corpus has a bad hole") }
                holes.append((hole, place))
                place += hole.width
            }
        }
    }

    var templates: [Template]
    /// Where the texts came from, in a sentence.
    var origin: String

    // MARK: Handing it to a child process

    func write(to path: String) throws {
        var text = Data((origin + "\n").utf8)
        for template in templates {
            text.append(contentsOf: "\(template.source)\t\(template.name)\t".utf8)
            text.append(contentsOf: template.tail)
            text.append(0x0A)
        }
        try text.write(to: URL(fileURLWithPath: path))
    }

    init(reading path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let lines = data.split(separator: 0x0A)
        guard let first = lines.first else { throw BenchError("the corpus is empty") }
        origin = String(decoding: first, as: UTF8.self)
        templates = try lines.dropFirst().map { line in
            let parts = line.split(separator: 0x09, maxSplits: 2)
            guard parts.count == 3 else { throw BenchError("a line of the corpus is broken") }
            return try Template(
                source: String(decoding: parts[0], as: UTF8.self),
                name: String(decoding: parts[1], as: UTF8.self), tail: Array(parts[2]))
        }
    }

    init(templates: [Template], origin: String) {
        self.templates = templates
        self.origin = origin
    }
}
