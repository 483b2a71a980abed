import CustomerModel
import EventLog
import JSONText
import Platform
import Testing

@Suite struct `An item at the door` {
    struct Row: CustomTestStringConvertible {
        var why: String
        var item: String
        /// nil when it is taken.
        var code: String?
        var testDescription: String { why }
    }

    static let rows: [Row] = [
        Row(why: "a plain track", item: track("m")),
        Row(why: "white space around", item: "  \n\(track("m"))\t "),
        Row(why: "an anonymous page", item: #"{"type":"page","anonymousId":"a"}"#),
        Row(
            why: "the other id as null, as clients send it",
            item: #"{"type":"identify","userId":null,"anonymousId":"a"}"#),
        Row(why: "cut off", item: #"{"type":"track""#, code: "invalid_json"),
        Row(why: "nothing at all", item: "", code: "invalid_json"),
        Row(
            why: "L2: a duplicate key deep inside",
            item: track("m", more: #","properties":{"a":[{"b":1,"b":2}]}"#), code: "invalid_json"),
        Row(
            why: "L2: a duplicate key, once escaped",
            item: track("m", more: #","x":1,"\u0078":2"#), code: "invalid_json"),
        Row(
            why: "L2: half a surrogate pair", item: track("m", event: #"\ud83d"#),
            code: "invalid_json"),
        Row(
            why: "L2: too deep",
            item: track(
                "m",
                more: ",\"p\":" + String(repeating: "[", count: 70)
                    + String(repeating: "]", count: 70)),
            code: "invalid_json"),
        Row(why: "an array", item: "[1]", code: "not_an_object"),
        Row(why: "a text", item: #""track""#, code: "not_an_object"),
        Row(why: "no type", item: #"{"event":"A","userId":"u"}"#, code: "missing_type"),
        Row(
            why: "a type nobody knows", item: #"{"type":"Track","event":"A","userId":"u"}"#,
            code: "unknown_type"),
        Row(why: "a type that is null", item: #"{"type":null,"userId":"u"}"#, code: "unknown_type"),
        Row(
            why: "a track without event", item: #"{"type":"track","userId":"u"}"#,
            code: "missing_event"),
        Row(
            why: "a track with an empty event", item: track("m", event: ""), code: "missing_event"),
        Row(why: "nobody", item: #"{"type":"page"}"#, code: "no_user_anon_id"),
        Row(
            why: "empty ids", item: #"{"type":"page","userId":"","anonymousId":""}"#,
            code: "no_user_anon_id"),
        Row(
            why: "a number as id", item: #"{"type":"page","userId":12}"#,
            code: "identifier_not_text"),
        Row(
            why: "L2: NUL in an identifier", item: track("m", user: #"a\u0000b"#),
            code: "nul_in_identifier"),
        Row(
            why: "L2: NUL in an e-mail address",
            item: #"{"type":"identify","userId":"u","traits":{"email":"a\u0000@b.c"}}"#,
            code: "nul_in_identifier"),
        Row(why: "NUL in the message id", item: track(#"a\u0000"#), code: "nul_in_identifier"),
        Row(
            why: "an endless id", item: track("m", user: String(repeating: "x", count: 1_025)),
            code: "identifier_too_long"),
        Row(
            why: "101 characters of message id", item: track(String(repeating: "x", count: 101)),
            code: "message_id_too_long"),
        Row(
            why: "100 characters of message id in 300 bytes",
            item: track(String(repeating: "€", count: 100))),
        Row(
            why: "a number as message id",
            item: #"{"type":"page","userId":"u","messageId":7}"#, code: "message_id_not_text"),
        Row(
            why: "no time at all", item: track("m", more: #","timestamp":"yesterday""#),
            code: "bad_timestamp"),
        Row(
            why: "the year 99999", item: track("m", more: #","timestamp":"99999-01-01T00:00:00Z""#),
            code: "bad_timestamp"),
        Row(
            why: "a number as time", item: track("m", more: #","timestamp":1700000000"#),
            code: "bad_timestamp"),
        Row(why: "a time to come", item: track("m", more: #","timestamp":"2199-01-01T00:00:00Z""#)),
        Row(why: "a time that is null", item: track("m", more: #","timestamp":null"#)),
        Row(
            why: "preferences that are missing",
            item: track("m", event: "Segment Consent Preference Updated"),
            code: "consent_preferences_missing"),
        Row(
            why: "preferences that are empty",
            item: track(
                "m", event: "Segment Consent Preference Updated",
                more: #","context":{"consent":{"categoryPreferences":{}}}"#)),
        Row(
            why: "33 kB",
            item: track("m", more: #","p":"\#(String(repeating: "x", count: 33_000))""#),
            code: "item_too_large"),
    ]

    @Test(arguments: rows)
    func `L2: is taken, or refused with a code`(_ row: Row) async throws {
        let desk = try Desk()
        let outcome = try await desk.collect(row.item, track("beside it"))
        #expect(outcome.rejected.map(\.refusal.code) == (row.code.map { [$0] } ?? []))
        #expect(outcome.accepted == (row.code == nil ? 2 : 1), "one bad item costs no other")
        await desk.rejects.flush()
        let kept = await desk.rejects.recent(limit: 10)
        #expect(kept.map { $0["code"]?.string } == (row.code.map { [$0] } ?? []))
        if row.code != nil { #expect(kept.first?["text"]?.string?.isEmpty == row.item.isEmpty) }
    }

    @Test func `that is no UTF-8 is kept as base64`() async throws {
        let desk = try Desk()
        let item = CollectItem(bytes: [0x7B, 0xFF, 0x7D], recordNumber: 7)
        let outcome = try await desk.collector.collect(
            [item], CollectContext(source: "web", received: Timestamp(microseconds: 0)))
        #expect(outcome.rejected.first?.recordNumber == 7)
        await desk.rejects.flush()
        let kept = await desk.rejects.recent(limit: 1)
        #expect(kept.first?["base64"]?.string == "e/99")
        #expect(kept.first?["record"]?.int == 7)
    }

    @Test func `L1: stands in its line byte for byte, but for white space`() async throws {
        let desk = try Desk()
        let body = #"{"type":"track","event":"A\/\u0042","userId":"u","messageId":"m","n":1.50e+1}"#
        let spaced = body.replacing(",", with: " ,\n\t").replacing("\":", with: "\" : ")
        try await desk.collect(spaced)
        var reader = desk.log.makeReader()
        let line = try #require(try reader.line(at: .init(0)))
        #expect(String(decoding: line, as: UTF8.self).contains(",\"body\":" + body + "}"))
        let value = try JSONValue(parsing: line)
        #expect(value["source"]?.string == "web")
        #expect(value["received"]?.string == "2026-03-14T15:09:26.000000Z")
        #expect(value["changed"]?.array == [])
    }

    @Test func `L1: that carries its write key loses it, and the line says so`() async throws {
        let desk = try Desk()
        try await desk.collect(
            #"{"writeKey":"wk_secret","event":"A","userId":"u","messageId":"m"}"#, type: .track)
        let line = try #require(try desk.lines().first)
        #expect(!line.text.contains("wk_secret"))
        #expect(line["changed"]?.array == ["writeKey"])
        #expect(line["type"]?.string == "track")
        #expect(line["body"]?.text == #"{"event":"A","userId":"u","messageId":"m"}"#)
    }

    @Test func `that says another type than its path is refused`() async throws {
        let desk = try Desk()
        let outcome = try await desk.collect(track("m"), type: .page)
        #expect(outcome.rejected.map(\.refusal.code) == ["type_mismatch"])
    }

    @Test func `X1: about a suppressed subject is answered and not stored`() async throws {
        let desk = try Desk()
        desk.collector.suppressions.insert(type: "user_id", value: "u1")
        desk.collector.suppressions.insert(type: "email", value: " Ada@Example.com ")
        let outcome = try await desk.collect(
            track("m1"), track("m2", user: "u2"),
            #"{"type":"identify","userId":"u3","traits":{"email":"ada@example.com"}}"#)
        #expect(outcome.accepted == 1)
        #expect(outcome.suppressed == 2)
        #expect(outcome.rejected.isEmpty)
        #expect(try desk.lines().count == 1)
    }
}
