import Foundation
import JSONText
import TestSupport

/// One recorded request of Segment's client, and what can be made of it.
struct RecordedBatch: Sendable {
    var name: String
    /// The batch as JSON, each item with a message id of its own.
    var body: JSONValue

    var items: [JSONValue] { body["batch"]?.array ?? [] }

    private static let folder = Places.package.deletingLastPathComponent()
        .appendingPathComponent("shared/captures/segment").path

    static var isThere: Bool { FileManager.default.fileExists(atPath: folder) }

    static func all() throws -> [RecordedBatch] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted().compactMap { name in
            let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
            let value = try JSONValue(
                parsing: Array(bytes), limits: JSONLimits(maximumBytes: 64 << 20))
            guard value["target"]?.string?.hasPrefix("/v1/") == true, let body = value["body"]
            else { return nil }
            return RecordedBatch(name: name, body: body)
        }
    }

    /// The same with these items, each under the id `<prefix>-<its place>`.
    func with(_ items: [JSONValue], ids prefix: String) -> JSONValue {
        let named = items.enumerated().map { place, item -> JSONValue in
            // Only a proper id is replaced: one that was made improper is what is tried.
            let id = item["messageId"]
            guard item.object != nil, id == nil || id?.string != nil else { return item }
            return item.with("messageId", .string("\(prefix)-\(place)"))
        }
        return body.with("batch", .array(named))
    }
}

extension JSONValue {
    /// The same object with this member; anything else as it is.
    fileprivate func with(_ key: String, _ value: JSONValue) -> JSONValue {
        guard let object else { return self }
        return .object(JSONObject(object.filter { $0.key != key } + [(key: key, value: value)]))
    }
}

/// What is done to one item of a recorded batch, and whether anything of it can then be taken.
enum ItemHarm: CaseIterable {
    case swapTypes, nullFields, dropFields, wrap, huge, notAnObject

    func apply(to item: JSONValue, _ random: inout SeededRandom) -> JSONValue {
        switch self {
        case .wrap: return .array([item])
        case .notAnObject: return [.null, 7, "x", true][random.below(4)]
        case .huge:
            return item.with(
                "properties", ["p": .string(String(repeating: "x", count: 40_000))])
        case .swapTypes, .nullFields, .dropFields:
            return change(item, &random)
        }
    }

    private func change(_ item: JSONValue, _ random: inout SeededRandom) -> JSONValue {
        guard let members = item.object, !members.isEmpty else { return item }
        let place = random.below(members.count)
        var changed: [(key: String, value: JSONValue)] = []
        for (index, member) in members.enumerated() {
            guard index == place else {
                changed.append((member.key, member.value))
                continue
            }
            switch self {
            case .dropFields: continue
            case .nullFields: changed.append((member.key, .null))
            default:
                let other: [JSONValue] = [7, true, [], .object(JSONObject()), "", "x", ["a": 1]]
                changed.append((member.key, other[random.below(other.count)]))
            }
        }
        return .object(JSONObject(changed))
    }
}

/// What is done to a batch's text.
struct TextHarm: Sendable {
    var name: String
    /// How many items are lost by it, and no other; nil when the whole request is.
    var lostItems: Int?
    var apply: @Sendable (String, inout SeededRandom) -> [UInt8]

    static let all: [TextHarm] = [
        TextHarm(name: "truncated") { text, random in
            Array(text.utf8.prefix(random.below(text.utf8.count)))
        },
        TextHarm(name: "bytes behind it") { text, _ in Array((text + "}").utf8) },
        TextHarm(name: "UTF-8 with a byte order mark") { text, _ in
            [0xEF, 0xBB, 0xBF] + text.utf8
        },
        TextHarm(name: "UTF-16") { text, _ in
            text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        },
        TextHarm(name: "UTF-16 with a byte order mark") { text, _ in
            [0xFE, 0xFF] + text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        },
        TextHarm(name: "two batches") { text, _ in Array((text.dropLast() + #","batch":[]}"#).utf8)
        },
        TextHarm(name: "a key twice beside the batch") { text, _ in
            Array((text.dropLast() + #","x":1,"x":2}"#).utf8)
        },
        TextHarm(name: "5,000 levels") { text, _ in
            Array(
                into(
                    text,
                    String(repeating: "[", count: 5_000)
                        + String(repeating: "]", count: 5_000)))
        },
        TextHarm(name: "100 levels", lostItems: 1) { text, _ in
            Array(
                into(
                    text,
                    String(repeating: "[", count: 100)
                        + String(repeating: "]", count: 100)))
        },
        TextHarm(name: "a key twice in an item", lostItems: 1) { text, _ in
            Array(into(text, #"1,"added":2"#))
        },
        TextHarm(name: "a key twice, once by an escape", lostItems: 1) { text, _ in
            Array(into(text, #"1,"a\u0064ded":2"#))
        },
        TextHarm(name: "half of a surrogate pair", lostItems: 1) { text, _ in
            Array(into(text, #""cut emoji \ud83d""#))
        },
        TextHarm(name: "the other half", lostItems: 1) { text, _ in
            Array(into(text, #""\ude00\ud83d""#))
        },
        TextHarm(name: "Latin-1", lostItems: 1) { text, _ in
            let marked = Array(into(text, "\"caf?\""))
            // The mark becomes an e acute of one byte.
            let place = marked.firstIndex(of: UInt8(ascii: "?"))
            return marked.enumerated().map { $0.offset == place ? 0xE9 : $0.element }
        },
        TextHarm(name: "a NUL in its own id", lostItems: 1) { text, _ in
            Array(into(text, #""x","anonymousId":"a\u0000b""#))
        },
    ]

    /// The batch with a last item that holds `value`.
    private static func into(_ text: String, _ value: String) -> String.UTF8View {
        let item = #"{"type":"page","userId":"bad","added":\#(value)}"#
        guard let start = text.range(of: #""batch":["#) else { return text.utf8 }
        return (text[..<start.upperBound] + item + "," + text[start.upperBound...])
            .description.utf8
    }
}
