import Glibc

/// As much of PostgreSQL's protocol (version 3) as inserting takes.
enum PostgresWire {
    static func int16(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 255), UInt8(value & 255)] }

    static func int32(_ value: Int) -> [UInt8] { int16(value >> 16) + int16(value) }

    static func message(_ type: Character, _ body: [UInt8]) -> [UInt8] {
        [type.asciiValue ?? 0] + int32(body.count + 4) + body
    }

    static func query(_ text: String) -> [UInt8] { message("Q", Array(text.utf8) + [0]) }

    static func startup(user: String) -> [UInt8] {
        let body = int32(196_608) + Array("user\0\(user)\0database\0postgres\0\0".utf8)
        return int32(body.count + 4) + body
    }

    /// Names the insert of so many events `s`.
    static func prepare(events: Int) -> [UInt8] {
        let rows = (0..<events).map { row in
            "(" + (1...4).map { "$\(row * 4 + $0)" }.joined(separator: ",") + ")"
        }
        let text =
            "INSERT INTO events (message_id, source, received, body) VALUES "
            + rows.joined(separator: ",") + " ON CONFLICT DO NOTHING"
        return message("P", Array("s\0\(text)\0".utf8) + int16(0)) + message("S", [])
    }

    /// Names `s` the insert of a whole body as a client sent it, which PostgreSQL takes apart itself.
    static let prepareBody: [UInt8] = {
        let text = """
            INSERT INTO events (message_id, source, received, body) \
            SELECT item ->> 'messageId', $2, now(), item \
            FROM jsonb_array_elements($1::jsonb -> 'batch') AS item ON CONFLICT DO NOTHING
            """
        return message("P", Array("s\0\(text)\0".utf8) + int16(0)) + message("S", [])
    }()

    /// Walks whole messages from the front: how far the answer reaches once the server is ready again, and
    /// whether it complained; nil while more is to come.
    static func answer(in bytes: UnsafeRawBufferPointer) -> (end: Int, isError: Bool)? {
        var place = 0
        var isError = false
        while place + 5 <= bytes.count {
            let length = Int(
                UInt32(
                    bigEndian: bytes.loadUnaligned(fromByteOffset: place + 1, as: UInt32.self)))
            guard place + 1 + length <= bytes.count else { return nil }
            if bytes[place] == UInt8(ascii: "E") { isError = true }
            let isReady = bytes[place] == UInt8(ascii: "Z")
            place += 1 + length
            if isReady { return (place, isError) }
        }
        return nil
    }
}
