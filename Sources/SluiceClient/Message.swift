import Hashing
import JSONText

/// Makes the JSON of one call.
struct Message {
    static let version = "1.0.0"

    var type: String
    /// The members of this call, such as `event` and `properties`.
    var members: [(key: String, value: JSONValue)]
    var options: MessageOptions

    /// The message's id and its JSON, which holds no line feed.
    ///
    /// - Throws: ``ClientError/invalidMessage(_:)`` or ``ClientError/messageTooLarge(bytes:limit:)``.
    func text(
        of person: Person, limitBytes: Int
    ) throws(ClientError) -> (id: String, bytes: [UInt8]) {
        let id = options.messageID ?? Self.newID()
        var object: JSONObject = ["type": .string(type), "messageId": .string(id)]
        let isOther = options.isAboutAnother
        if let user = isOther ? options.userID : person.userID { object["userId"] = .string(user) }
        if let anonymous = isOther ? options.anonymousID : person.anonymousID {
            object["anonymousId"] = .string(anonymous)
        }
        object["timestamp"] = .string((options.timestamp ?? .now()).description)
        for (key, value) in members { object[key] = value }
        var context = options.context
        context["library"] = ["name": "sluice-swift", "version": .string(Self.version)]
        let consent = options.consent ?? (isOther ? nil : person.consent)
        context["consent"] = consent.map { ["categoryPreferences": Self.categories($0)] }
        object["context"] = .object(context)
        object["integrations"] = options.integrations.map { .object($0) }
        try Self.checkNumbers(.object(object))
        var bytes: [UInt8] = []
        JSONValue.object(object).write(into: &bytes)
        guard bytes.count <= limitBytes else {
            throw .messageTooLarge(bytes: bytes.count, limit: limitBytes)
        }
        // As strict as the server is, such as about depth.
        do {
            _ = try JSONValue(parsing: bytes)
        } catch {
            throw .invalidMessage("\(error)")
        }
        return (id, bytes)
    }

    /// A number token is the caller's own text: `NaN`, or one that ends the object, must not get further.
    private static func checkNumbers(_ value: JSONValue) throws(ClientError) {
        switch value {
        case .number(let token):
            guard JSONValue.isNumber(token) else {
                throw .invalidMessage("\(token.prefix(40)) is no number")
            }
        case .array(let elements):
            for element in elements { try checkNumbers(element) }
        case .object(let object):
            for member in object.members { try checkNumbers(member.value) }
        case .null, .bool, .int, .string: break
        }
    }

    static func categories(_ consent: [String: Bool]) -> JSONValue {
        let sorted = consent.sorted { $0.key < $1.key }
        return .object(JSONObject(sorted.map { (key: $0.key, value: .bool($0.value)) }))
    }

    /// A random UUID, version 4.
    static func newID() -> String {
        var bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let parts = [0..<4, 4..<6, 6..<8, 8..<10, 10..<16]
        return parts.map { Hexadecimal.encode(bytes[$0]) }.joined(separator: "-")
    }
}

extension Message {
    /// The id of a message that this client wrote.
    static func id(of message: [UInt8]) -> String {
        do {
            return try JSONValue(parsing: message)["messageId"]?.string ?? ""
        } catch {
            return ""
        }
    }
}
