import JSONText
import NIOHTTP1
import Platform
import Server
import Testing

@Suite struct `Identity over the API` {
    private static let policy = """
        policy: test
        identity:
          types:
            - { type: user_id, limit: 1 }
            - { type: email, normalise: email }
            - { type: anonymous_id }
          reviewAbove: 2
          burst: { knownProfiles: 2, within: 1d }
        purposes: { analytics: {} }
        destinations: {}
        """

    private func ask(_ server: RunningServer, _ operation: String, _ body: JSONValue) async throws
        -> (status: Int, json: JSONValue)
    {
        let answer = try await server.send(
            .POST, "/api/\(operation)", body: Array(body.text.utf8), socket: true)
        return (Int(answer.status), answer.json ?? .null)
    }

    private func ingest(_ server: RunningServer, _ lines: [String]) async throws {
        let taken = try await server.send(
            .POST, "/api/ingest?source=web",
            body: Array((lines.joined(separator: "\n") + "\n").utf8),
            socket: true)
        #expect(taken.json?["accepted"]?.int == Int64(lines.count))
    }

    @Test func `I4, I5: reviews, retracts, lifts and says what was refused`() async throws {
        try await RunningServer.with { server in
            let applied = try await ask(
                server, "policy.apply", ["text": .string(Self.policy), "approver": "test"])
            #expect(applied.status == 200, "\(applied.json.text)")
            try await ingest(
                server,
                [
                    #"{"type":"identify","messageId":"1","userId":"u1","anonymousId":"a1"}"#,
                    #"{"type":"identify","messageId":"2","userId":"u1","traits":{"email":"Ada@x.org"}}"#,
                ])
            let waiting = try await ask(server, "identity.review", [:])
            #expect(waiting.json["reviews"]?[0]?["second"]?.string == "email:ada@x.org")
            #expect(waiting.json["reviews"]?[0]?["identifiers"]?.int == 3)
            let approved = try await ask(
                server, "identity.approve", ["review": "email:ADA@x.org", "by": "ada"])
            #expect(approved.json["reviews"]?[0]?["state"]?.string == "approved")
            let person = try await ask(server, "profile", ["person": "email:ada@x.org"])
            #expect(person.json["identifiers"]?.array?.count == 3)
            #expect(person.json["mpid"]?.string.flatMap { Int64($0) } != nil)
            #expect(
                person.json["evidence"]?.array?.compactMap { $0["rule"]?.string }
                    == ["event", "review"])
            #expect(person.json["refusedLinks"]?[0]?["limit"]?.string == "profile size")

            let retracted = try await ask(
                server, "identity.retract",
                ["first": "user_id:u1", "second": "email:ada@x.org", "reason": "not hers"])
            #expect(retracted.json["split"]?.bool == true)
            let again = try await ask(
                server, "identity.retract",
                ["first": "email:ada@x.org", "second": "user_id:u1", "reason": "again"])
            #expect(again.status == 409)
            let barred = try await ask(server, "identity.retractions", [:])
            #expect(barred.json["retractions"]?[0]?["liftedAt"] == .null)
            let lifted = try await ask(
                server, "identity.lift", ["first": "user_id:u1", "second": "email:ada@x.org"])
            #expect(lifted.json["lifted"]?.bool == true)
            let refusals = try await ask(server, "identity.refusals", ["limit": 5])
            #expect(refusals.json["refusedLinks"]?[0]?["keptBy"]?.string == "user_id:u1")
            let verified = try await ask(server, "replay.verify", [:])
            #expect(verified.status == 200, "\(verified.json.text)")
        }
    }

    @Test func `I4: a burst is a finding`() async throws {
        try await RunningServer.with { server in
            _ = try await ask(
                server, "policy.apply", ["text": .string(Self.policy), "approver": "test"])
            try await ingest(
                server,
                (1...3).map {
                    #"{"type":"identify","messageId":"\#($0)","userId":"u\#($0)","anonymousId":"kiosk"}"#
                })
            let findings = try await ask(server, "replay.findings", [:])
            #expect(findings.json["findings"]?[0]?["identifierType"]?.string == "anonymous_id")
            let refusals = try await ask(server, "identity.refusals", [:])
            #expect(
                refusals.json["stoppedIdentifiers"]?[0]?["identifier"]?.string
                    == "anonymous_id:kiosk")
        }
    }

    @Test func `answers wrong requests with what to do`() async throws {
        try await RunningServer.with { server in
            let rows: [(String, JSONValue, Int)] = [
                ("identity.retract", ["first": "user_id:u1"], 400),
                ("identity.retract", ["first": "user_id:u1", "second": "a:b"], 400),
                (
                    "identity.retract",
                    ["first": "user_id:u1", "second": "user_id:u1", "reason": "x"], 400
                ),
                ("identity.retract", ["first": "p1.0", "second": "a:b", "reason": "x"], 400),
                ("identity.retract", ["first": "a:b", "second": "c:d", "reason": "x"], 404),
                ("identity.lift", ["first": "a:b", "second": "c:d"], 404),
                ("identity.approve", ["review": "7"], 404),
                ("identity.approve", ["review": "seven"], 400),
                ("identity.reject", [:], 400),
                ("identity.review", ["all": "maybe"], 400),
                ("identity.refusals", ["limit": 0], 400),
            ]
            for (operation, body, status) in rows {
                let answer = try await ask(server, operation, body)
                #expect(answer.status == status, "\(operation) \(body.text): \(answer.json.text)")
            }
            let auditor = try server.workspace.access.createToken(
                role: .auditor, name: "dpo", at: .now())
            let headers: HTTPHeaders = ["Authorization": "Bearer \(auditor)"]
            let read = try await server.send(.GET, "/api/identity.review", headers: headers)
            #expect(read.status == 200)
            let refused = try await server.send(
                .POST, "/api/identity.retract", headers: headers, body: Array("{}".utf8))
            #expect(refused.status == 403)
        }
    }
}
