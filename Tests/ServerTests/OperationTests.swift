import JSONText
import NIOHTTP1
import Platform
import Server
import Testing

@Suite struct `The API` {
    private func bearer(_ token: String) -> HTTPHeaders { ["Authorization": "Bearer \(token)"] }

    @Test func `asks for a token on the network, and for none on the socket`() async throws {
        try await RunningServer.with { server in
            let access = server.workspace.access
            let auditor = try access.createToken(role: .auditor, name: "dpo", at: .now())
            #expect(try await server.send(.GET, "/api/status").status == 401)
            #expect(
                try await server.send(.GET, "/api/status", headers: bearer("tk_no")).status == 401)
            #expect(
                try await server.send(.GET, "/api/status", headers: bearer(server.key)).status
                    == 401, "a write key asks nothing")
            #expect(
                try await server.send(.GET, "/api/status", headers: bearer(auditor)).status == 200)
            #expect(try await server.send(.GET, "/api/status", socket: true).status == 200)
            try access.revokeToken(name: "dpo")
            #expect(
                try await server.send(.GET, "/api/status", headers: bearer(auditor)).status == 401)
        }
    }

    @Test func `answers wrong requests with a status and a code`() async throws {
        try await RunningServer.with { server in
            let rows: [(HTTPMethod, String, String?, Int)] = [
                (.POST, "/api/status", "{", 400), (.POST, "/api/status", "[]", 400),
                (.POST, "/api/status", nil, 200), (.DELETE, "/api/status", nil, 405),
                (.GET, "/api/policy.apply", nil, 405), (.POST, "/api/nothing", "{}", 404),
                (.GET, "/api/explain?event=1&event=2", nil, 400),
                (.POST, "/api/ingest", "x", 400), (.GET, "/api/ingest?source=a", nil, 405),
                (.POST, "/api/ingest?source=A%20B", "x", 400),
                (.POST, "/api/tail/events", nil, 405),
                (.GET, "/api/", nil, 405), (.GET, "/", nil, 404),
            ]
            for (method, target, body, status) in rows {
                let answer = try await server.send(
                    method, target, body: body.map { Array($0.utf8) }, socket: true)
                #expect(answer.status == status, "\(method) \(target): \(answer.text)")
                if status != 200 { #expect(answer.code != nil, "\(method) \(target)") }
            }
        }
    }

    @Test func `lets only operators ingest`() async throws {
        try await RunningServer.with { server in
            let line = #"{"type":"page","userId":"u","messageId":"m"}"#
            let service = try server.workspace.access.createToken(
                role: .service, name: "app", at: .now())
            let refused = try await server.send(
                .POST, "/api/ingest?source=file", headers: bearer(service), body: Array(line.utf8))
            #expect(refused.status == 403)
            let body = line + "\n\n{}\n"
            let taken = try await server.send(
                .POST, "/api/ingest?source=file", body: Array(body.utf8), socket: true)
            #expect(taken.json?["accepted"]?.int == 1)
            #expect(taken.json?["rejected"]?[0]?["record"]?.int == 3)
            #expect(taken.json?["rejected"]?[0]?["code"]?.string == "missing_type")
            let stored = try server.events()
            #expect(stored.map { $0["import"]?.bool } == [true])
        }
    }

    @Test func `notes records that gave no message under their number`() async throws {
        try await RunningServer.with { server in
            let body = """
                12 {"type":"page","userId":"u","messageId":"m"}
                14 !the column When is no time\tYSxiLGM=

                """
            let answer = try await server.send(
                .POST, "/api/ingest?source=file&numbered=1", body: Array(body.utf8), socket: true)
            #expect(answer.json?["accepted"]?.int == 1)
            #expect(answer.json?["rejected"]?[0]?["record"]?.int == 14)
            await server.workspace.collector.rejects.flush()
            let kept = await server.workspace.collector.rejects.recent(limit: 1)
            #expect(kept.first?["text"]?.string == "a,b,c")
            #expect(kept.first?["message"]?.string == "the column When is no time")
        }
    }

    @Test func `shows strangers one word of health`() async throws {
        try await RunningServer.with { server in
            let stranger = try await server.send(.GET, "/healthz")
            #expect(stranger.text == #"{"status":"ok"}"#)
            let metrics = try await server.send(.GET, "/metrics")
            #expect(metrics.status == 200)
            #expect(metrics.headers.first(name: "Content-Type")?.hasPrefix("text/plain") == true)
        }
    }

    @Test func `says how long commits waited for the disk`() async throws {
        try await RunningServer.with { server in
            let sent = try await server.collect(
                #"{"userId":"ada","event":"Waited"}"#, to: "/v1/track")
            #expect(sent.status == 200)
            let stat = try await server.workspace.perform(
                "log.stat", .object(JSONObject()), by: .local)
            let syncs = try #require(stat["syncs"])
            let commits = try #require(syncs["commits"]?.int)
            #expect(commits > 0)
            let buckets = syncs["upTo"]?.array ?? []
            #expect(buckets.reduce(0) { $0 + ($1["commits"]?.int ?? 0) } == commits)
            #expect(buckets.last?["microseconds"] == .null)
            let text = try await server.send(.GET, "/metrics").text
            let lines = text.split(separator: "\n")
            let bucket = try #require(
                lines.first { $0.hasPrefix("sluice_log_sync_seconds_bucket{le=\"0.025000\"} ") })
            let count = try #require(
                lines.first { $0.hasPrefix("sluice_log_sync_seconds_count ") })
            let within = try #require(Int(bucket.split(separator: " ")[1]))
            let all = try #require(Int(count.split(separator: " ")[1]))
            #expect(within <= all && all >= commits)
        }
    }

    @Test func `has one server for a data directory`() async throws {
        try await RunningServer.with { server in
            let path = ServerConfiguration.socketPath(dataDirectory: server.directory)
            let answers = try LocalSocket.answers(path)
            let other = try LocalSocket.answers(path + "-not")
            #expect(answers)
            #expect(!other)
        }
    }

    @Test func `survives connections that come in while it stops`() async throws {
        for _ in 0..<8 {
            try await RunningServer.with { server in
                let path = ServerConfiguration.socketPath(dataDirectory: server.directory)
                for _ in 0..<20 { _ = try LocalSocket.answers(path) }
            }
        }
    }
}
