import Foundation
import JSONText
import NIOHTTP1
import Platform
import Testing

@Suite struct `Collecting over HTTP` {
    struct Row: CustomTestStringConvertible {
        var why: String
        var path = "/v1/batch"
        var body: String
        var headers: [(String, String)] = []
        var status = 200
        /// The request's, or the only refused item's.
        var code: String?
        var testDescription: String { why }
    }

    private static let item =
        #"{"type":"track","event":"A","userId":"u","messageId":"m"}"#

    static let rows: [Row] = [
        Row(why: "a batch", body: #"{"batch":[\#(item)]}"#),
        Row(why: "an empty batch", body: #"{"batch":[]}"#),
        Row(why: "a slash at the end", path: "/v1/batch/", body: #"{"batch":[\#(item)]}"#),
        Row(why: "old clients' import", path: "/v1/import", body: #"{"batch":[\#(item)]}"#),
        Row(why: "one track", path: "/v1/track", body: #"{"event":"A","userId":"u"}"#),
        Row(why: "the short path", path: "/v1/t", body: #"{"event":"A","userId":"u"}"#),
        Row(why: "a query that nobody reads", path: "/v1/p?x=%", body: #"{"userId":"u"}"#),
        Row(
            why: "text/plain, as browsers send it", path: "/v1/p", body: #"{"userId":"u"}"#,
            headers: [("Content-Type", "text/plain;charset=UTF-8")]),
        Row(why: "no JSON", body: "{", status: 400, code: "invalid_json"),
        Row(why: "no body", body: "", status: 400, code: "invalid_json"),
        Row(why: "an array", body: "[]", status: 400, code: "invalid_request"),
        Row(why: "no batch", body: "{}", status: 400, code: "invalid_request"),
        Row(
            why: "a batch that is none", body: #"{"batch":{}}"#, status: 400,
            code: "invalid_request"),
        Row(
            why: "two batches", body: #"{"batch":[],"batch":[]}"#, status: 400,
            code: "invalid_json"),
        Row(
            why: "a duplicate key beside the batch",
            body: #"{"context":{"a":1,"a":2},"batch":[\#(item)]}"#, status: 400,
            code: "invalid_json"),
        Row(
            why: "too much beside the batch",
            body: #"{"context":{"a":"\#(String(repeating: "x", count: 33_000))"},"batch":[]}"#,
            status: 400, code: "too_large"),
        Row(
            why: "501 KiB", body: String(repeating: " ", count: 501 << 10), status: 400,
            code: "too_large"),
        Row(
            why: "one event of 33 kB", path: "/v1/track",
            body: #"{"event":"A","userId":"u","p":"\#(String(repeating: "x", count: 33_000))"}"#,
            status: 400, code: "item_too_large"),
        Row(
            why: "one event that is none", path: "/v1/track", body: "7", status: 400,
            code: "invalid_request"),
        Row(
            why: "one event without ids", path: "/v1/track", body: #"{"event":"A"}"#,
            code: "no_user_anon_id"),
        Row(
            why: "an item with a duplicate key costs no other",
            body: #"{"batch":[\#(item),{"type":"page","userId":"u","userId":"v"}]}"#,
            code: "invalid_json"),
        Row(
            why: "gzip that is none", body: "{}", headers: [("Content-Encoding", "gzip")],
            status: 400, code: "bad_gzip"),
        Row(
            why: "an encoding nobody asked for", body: "{}",
            headers: [("Content-Encoding", "br")], status: 415, code: "unknown_encoding"),
        Row(why: "no such path", path: "/v1/nothing", body: "{}", status: 404, code: "not_found"),
        Row(
            why: "a path that climbs", path: "/v1/../etc/passwd", body: "{}", status: 404,
            code: "not_found"),
    ]

    @Test func `answers every body with a status and a code`() async throws {
        try await RunningServer.with { server in
            for row in Self.rows {
                let answer = try await server.collect(
                    row.body, to: row.path, headers: HTTPHeaders(row.headers))
                #expect(answer.status == row.status, "\(row.why): \(answer.text)")
                let code = answer.code ?? answer.json?["rejected"]?[0]?["code"]?.string
                #expect(code == row.code, "\(row.why): \(answer.text)")
                if answer.status == 200 {
                    #expect(answer.json?["success"]?.bool == true, "\(row.why)")
                } else {
                    #expect(answer.json?["message"]?.string != nil, "\(row.why)")
                }
            }
        }
    }

    @Test func `says exactly success when nothing was refused, and counts when something was`()
        async throws
    {
        try await RunningServer.with { server in
            let good = try await server.collect(#"{"batch":[\#(Self.item)]}"#)
            #expect(good.text == #"{"success":true}"#)
            let mixed = try await server.collect(
                #"{"batch":[\#(Self.item),7,{"type":"page","userId":"v"}]}"#)
            #expect(
                mixed.text
                    == #"{"success":true,"accepted":1,"duplicates":1,"rejected":[{"index":1,"#
                    + #""code":"not_an_object","message":"an item must be a JSON object"}]}"#)
        }
    }

    @Test func `takes no more unzipped than zipped`() async throws {
        try await RunningServer.with { server in
            let bytes = try #require(Data(base64Encoded: Bomb.base64))
            let answer = try await server.send(
                .POST, "/v1/batch",
                headers: [
                    "Authorization": RunningServer.basic(server.key), "Content-Encoding": "gzip",
                ], body: Array(bytes))
            #expect(answer.status == 400)
            #expect(answer.code == "too_large")
        }
    }

    @Test func `refuses the items beyond a batch's limit, and only those`() async throws {
        try await RunningServer.with(batchItems: 3) { server in
            let items = (0..<5).map { #"{"type":"page","userId":"u","messageId":"m\#($0)"}"# }
            let answer = try await server.collect(#"{"batch":[\#(items.joined(separator: ","))]}"#)
            #expect(answer.status == 200)
            #expect(answer.json?["accepted"]?.int == 3)
            let codes = answer.json?["rejected"]?.array?.map { $0["code"]?.string }
            #expect(codes == ["too_many_items", "too_many_items"])
        }
    }

    @Test func `knows a write key by any of the ways that clients use`() async throws {
        try await RunningServer.with { server in
            let page = #""userId":"u""#
            let withKey = #"{\#(page),"writeKey":"\#(server.key)"}"#
            let bare = "Basic " + Data(server.key.utf8).base64EncodedString()
            let rows: [(why: String, headers: HTTPHeaders, body: String, status: Int)] = [
                ("Basic", ["Authorization": RunningServer.basic(server.key)], "{\(page)}", 200),
                ("Basic without colon", ["Authorization": bare], "{\(page)}", 200),
                ("in the body", [:], withKey, 200),
                ("in the body, beside a Bearer token", ["Authorization": "Bearer x"], withKey, 200),
                ("none", [:], "{\(page)}", 401),
                ("unknown", ["Authorization": RunningServer.basic("wk_no")], withKey, 401),
                ("not base64", ["Authorization": "Basic %%%"], "{\(page)}", 401),
                ("a number", [:], #"{\#(page),"writeKey":1}"#, 401),
            ]
            for row in rows {
                let answer = try await server.send(
                    .POST, "/v1/page", headers: row.headers, body: Array(row.body.utf8))
                #expect(answer.status == row.status, "\(row.why): \(answer.text)")
            }
            let lines = try server.events().map(\.text)
            #expect(lines.count == 4)
            #expect(!lines.contains { $0.contains(server.key) })
        }
    }

    @Test func `keeps what the request said around its items`() async throws {
        try await RunningServer.with { server in
            _ = try await server.collect(
                """
                {"batch":[\(Self.item)], "sentAt":"2026-03-14T15:09:26Z",
                 "context":{"ip": "203.0.113.9"}, "integrations":{"All": false}}
                """, headers: ["Sec-GPC": "1"])
            let line = try #require(try server.events().first)
            #expect(line["sentAt"]?.string == "2026-03-14T15:09:26Z")
            #expect(line["context"]?.text == #"{"ip":"203.0.113.9"}"#)
            #expect(line["integrations"]?.text == #"{"All":false}"#)
            #expect(line["gpc"]?.bool == true)
            #expect(line["body"]?.text == Self.item)
        }
    }

    @Test func `lets pages of any origin ask first and send then`() async throws {
        try await RunningServer.with { server in
            let origin = "https://shop.example"
            let asked = try await server.send(
                .OPTIONS, "/v1/t",
                headers: [
                    "Origin": origin, "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "authorization,content-type",
                ])
            #expect(asked.status == 204)
            #expect(asked.headers.first(name: "Access-Control-Allow-Origin") == origin)
            #expect(
                asked.headers.first(name: "Access-Control-Allow-Headers")
                    == "authorization,content-type")
            let sent = try await server.collect(
                #"{"userId":"u"}"#, to: "/v1/p", headers: ["Origin": origin])
            #expect(sent.headers.first(name: "Access-Control-Allow-Origin") == origin)
            let read = try await server.send(.GET, "/v1/p")
            #expect(read.status == 405)
        }
    }
}

/// 600 kB of zeroes in quotes, zipped.
enum Bomb {
    static let base64 =
        ""
        + "H4sIAAAAAAACA+3BIRUAIBAFsC4/AZo2gCHAOR7dqYHYdjJHrZ2eBgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADA"
        + "l3If9pEt68wnCQA="
}
