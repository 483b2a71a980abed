import Foundation
import JSONText
import NIOHTTP1
import Platform
import Testing

/// What mParticle's clients say, and what the platform makes of it.
@Suite struct `mParticle over HTTP` {
    private static let policy = """
        policy: test
        identity:
          types:
            - { type: user_id, limit: 1 }
            - { type: email, normalise: email }
            - { type: anonymous_id }
            - { type: ios.id }
            - { type: other_id_2 }
        purposes:
          analytics: { mparticle: [analytics] }
          advertising: { mparticle: [advertising] }
          sale: { ccpa: true }
        audiences:
          buyers: { count: { event: Order Completed, atLeast: 1 } }
        destinations:
          books:
            recipient: Example Books LLP
            file: books.ndjson
            purposes: [analytics]
            identifiers: [user_id]
            events:
              - { track: Order Completed, properties: [order_id, total, products], context: [app.name, data_plan.plan_id] }
              - { screen: "*", properties: all }
        """

    private func with(_ body: (RunningServer) async throws -> Void) async throws {
        try await RunningServer.with { server in
            let applied = try await ask(
                server, "policy.apply", ["text": .string(Self.policy), "approver": "test"])
            #expect(applied["version"]?.int != nil, "\(applied.text)")
            try await body(server)
        }
    }

    private func ask(_ server: RunningServer, _ operation: String, _ body: JSONValue) async throws
        -> JSONValue
    {
        try await server.send(
            .POST, "/api/\(operation)", body: Array(body.text.utf8), socket: true
        ).json ?? .null
    }

    /// Sends a batch, which is taken whole, and waits until it is folded.
    private func send(_ server: RunningServer, _ batch: String) async throws {
        let answer = try await server.collect(batch, to: "/v2/events")
        #expect(answer.status == 202, "\(answer.text)")
        try await folded(server)
    }

    /// Live equals rebuilt (P2), and the columns are those that the lines give (L7).
    private func isSound(_ server: RunningServer) async throws {
        let rebuilt = try await ask(server, "replay.verify", [:])
        #expect(rebuilt["equal"]?.bool == true, "\(rebuilt.text)")
        let log = try await ask(server, "log.verify", [:])
        #expect(log["whole"]?.bool == true, "\(log.text)")
    }

    private func folded(_ server: RunningServer) async throws {
        for _ in 0..<500 {
            let status = try await ask(server, "status", [:])
            if status["projection"]?["lag"]?.int == 0 { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("the projection does not catch up")
    }

    private static let time = 1_773_500_966_535

    private func event(
        _ type: String = "custom_event", id: String? = nil,
        _ data: String = #""event_name":"Seen","custom_event_type":"other""#
    ) -> String {
        let name = id.map { #","source_message_id":"\#($0)""# } ?? ""
        return
            #"{"event_type":"\#(type)","data":{"timestamp_unixtime_ms":\#(Self.time)\#(name),\#(data)}}"#
    }

    // MARK: Events

    @Test func `a purchase is the event that Segment's clients send, in every answer`() async throws
    {
        try await with { server in
            try await send(
                server,
                #"""
                {"environment":"production","source_request_id":"r1",
                 "user_identities":{"customer_id":"u1","email":"Ada@Example.com"},
                 "user_attributes":{"plan":"pro","age":36},
                 "application_info":{"application_name":"Shop"},
                 "context":{"data_plan":{"plan_id":"p1","plan_version":2}},
                 "consent_state":{"gdpr":{"analytics":{"consented":true,"timestamp_unixtime_ms":1773500966535}}},
                 "events":[\#(event("commerce_event", id: "m1", #""currency_code":"USD","product_action":{"action":"purchase","transaction_id":"o-1","total_amount":84.960,"products":[{"id":"s1","name":"W","price":19.990}]}"#))]}
                """#)
            let why = try await ask(server, "explain", ["event": "web/m1", "destination": "books"])
            #expect(why["event"]?["name"]?.string == "Order Completed")
            #expect(why["event"]?["type"]?.string == "track")
            #expect(why["decision"]?.string == "allow", "\(why.text)")
            #expect(why["agrees"]?.bool == true)
            let person = try await ask(server, "profile", ["person": "email:ada@example.com"])
            #expect(person["traits"] == ["age": 36, "plan": "pro"])
            #expect(person["audiences"]?[0]?["audience"]?.string == "buyers")
            #expect(
                person["identifiers"]?.array?.compactMap { $0["type"]?.string }.sorted()
                    == ["email", "user_id"])
            // Byte for byte in the log, under Segment's names at the destination.
            let line = try #require(try server.events().first)
            #expect(line.text.contains(#""total_amount":84.960"#))
            let path = server.directory + "/outputs/books.ndjson"
            for _ in 0..<500 where !FileManager.default.fileExists(atPath: path) {
                try await Task.sleep(for: .milliseconds(10))
            }
            let told = try JSONValue(
                parsing: Array(
                    try #require(FileManager.default.contents(atPath: path))
                        .split(separator: 10)[0]))
            #expect(told["event"]?.string == "Order Completed")
            #expect(
                told["properties"]?.text
                    == #"{"order_id":"o-1","total":84.960,"products":[{"product_id":"s1","name":"W","price":19.990}]}"#
            )
            #expect(
                told["context"] == ["app": ["name": "Shop"], "data_plan": ["plan_id": "p1"]])
            #expect(told["occurred"]?.string == "2026-03-14T15:09:26.535000Z")
            #expect(told["identifiers"] == ["user_id": "u1"])
            try await isSound(server)
        }
    }

    @Test func `names events by their types, and attributes go when they are deleted`() async throws
    {
        try await with { server in
            try await send(
                server,
                #"""
                {"mp_deviceid":"d1","user_attributes":{"plan":"pro","$Age":36},"events":[
                \#(event("session_start", id: "a", #""session_uuid":"s""#)),
                \#(event("screen_view", id: "b", #""screen_name":"Home""#)),
                \#(event("opt_out", id: "c", #""is_opted_out":true"#)),
                \#(event("commerce_event", id: "d", #""message":"boom","severity":"error""#)),
                \#(event("commerce_event", id: "e", #""promotion_action":{"action":"view","promotions":[]}"#)),
                \#(event("user_attribute_change", id: "f", #""user_attribute_name":"vip","new":true,"old":null,"deleted":false,"is_new_attribute":true"#)),
                {"event_type":"first_run"}]}
                """#)
            var names: [String] = []
            for id in ["a", "b", "c", "d", "e", "f"] {
                let why = try await ask(
                    server, "explain", ["event": .string("web/\(id)"), "destination": "books"])
                names.append(why["event"]?["name"]?.string ?? "")
            }
            #expect(
                names == [
                    "session_start", "Home", "opt_out", "crash_report", "Promotion Viewed",
                    "user_attribute_change",
                ])
            var person = try await ask(server, "profile", ["person": "anonymous_id:d1"])
            #expect(person["traits"] == ["$Age": 36, "plan": "pro", "vip": true])
            #expect(person["events"]?.int == 7)
            try await send(
                server,
                #"{"mp_deviceid":"d1","user_attributes":{"plan":null},"deleted_user_attributes":["$Age"]}"#
            )
            person = try await ask(server, "profile", ["person": "anonymous_id:d1"])
            #expect(person["traits"] == ["vip": true])
            try await isSound(server)
        }
    }

    @Test func `C1: consent_state asserts, and CCPA's true has opted out`() async throws {
        try await with { server in
            try await send(
                server,
                #"""
                {"user_identities":{"customerid":"u1"},"consent_state":{
                 "gdpr":{"Analytics":{"consented":true,"timestamp_unixtime_ms":1773500966535,"document":"v3"},
                         "advertising":{"consented":false,"timestamp_unixtime_ms":1773500966535}},
                 "ccpa":{"data_sale_opt_out":{"consented":true,"timestamp_unixtime_ms":1773500966535}}}}
                """#)
            let consent = try await ask(server, "consent", ["person": "user_id:u1"])
            var states: [String: String] = [:]
            for row in consent["purposes"]?.array ?? [] {
                states[row["purpose"]?.string ?? ""] = row["state"]?.string
            }
            #expect(
                states == ["analytics": "granted", "advertising": "denied", "sale": "denied"],
                "\(consent.text)")
            // A later batch without consent_state changes nothing of it.
            try await send(
                server, #"{"user_identities":{"customerid":"u1"},"events":[\#(event())]}"#)
            let again = try await ask(server, "consent", ["person": "user_id:u1"])
            #expect(again["purposes"] == consent["purposes"])
        }
    }

    // MARK: Once

    @Test func `L5: a request's name, an event's id, and neither`() async throws {
        try await with { server in
            let named =
                #"{"source_request_id":"r","mp_deviceid":"d","events":[\#(event()),\#(event())]}"#
            for _ in 0..<3 { try await send(server, named) }
            #expect(try server.events().count == 2)
            // The same name with other events is the same request.
            try await send(
                server,
                #"{"source_request_id":"r","mp_deviceid":"d","events":[\#(event(id: "x")),\#(event(id: "y"))]}"#
            )
            #expect(try server.events().count == 2)
            // Another name with an event that was there.
            try await send(
                server,
                #"{"source_request_id":"r2","mp_deviceid":"d","events":[\#(event(id: "z"))]}"#)
            try await send(
                server,
                #"{"source_request_id":"r3","mp_deviceid":"d","events":[\#(event(id: "z"))]}"#)
            #expect(try server.events().count == 3)
            // A bulk request that says one twice.
            let batch = #"{"source_request_id":"r4","mp_deviceid":"d","events":[\#(event())]}"#
            let bulk = try await server.collect("[\(batch),\(batch)]", to: "/v2/bulkevents")
            #expect(bulk.status == 202)
            #expect(try server.events().count == 4)
            let status = try await ask(server, "status", [:])
            #expect(status["collected"]?["duplicates"]?.int == 8)
        }
    }

    // MARK: Refusals

    @Test func `refuses what the specification refuses, and says why`() async throws {
        try await with { server in
            let good = event(id: "ok")
            for (body, words) in [
                ("{", "not valid JSON"), ("[]", "must be a batch"), ("\"x\"", "must be a batch"),
                (#"{"environment":"prod"}"#, "environment"),
                (#"{"events":{}}"#, "`events` must be an array"),
                (#"{"events":[{"data":{}}]}"#, "event_type"),
                (#"{"events":[{"event_type":"x","data":{}}]}"#, "none of mParticle's"),
                (#"{"events":[{"event_type":"custom_event"}]}"#, "\\\"data\\\" is missing"),
                (#"{"events":[{"event_type":"custom_event","data":{}}]}"#, "event_name"),
                (#"{"events":[{"event_type":"commerce_event","data":{}}]}"#, "exactly one"),
                (#"{"mpid":1.5}"#, "mpid"), (#"{"mpid":9223372036854775808}"#, "mpid"),
                (#"{"user_identities":{"email":{}}}"#, "must be texts"),
                (#"{"user_identities":{"email":"a\u0000b"}}"#, "U+0000"),
                (#"{"consent_state":{"gdpr":{"a":{"consented":"yes"}}}}"#, "gdpr[0].consented"),
                (#"{"consent_state":[]}"#, "consent_state"),
                (
                    #"{"events":[{"event_type":"opt_out","data":{"is_opted_out":true,"timestamp_unixtime_ms":"1"}}]}"#,
                    "milliseconds"
                ),
            ] {
                let answer = try await server.collect(body, to: "/v2/events")
                #expect(answer.status == 400, "\(body): \(answer.status)")
                #expect(answer.text.contains(words), "\(body): \(answer.text)")
                #expect(answer.json?["errors"]?[0]?["code"]?.string == "BAD_REQUEST")
            }
            #expect(try server.events().isEmpty)
            // One bad event does not cost the others, not even one that is no JSON by our rules.
            for bad in [#"{"event_type":"x","data":{}}"#, #"{"a":1,"a":2}"#] {
                let mixed = try await server.collect(
                    #"{"mp_deviceid":"d","events":[\#(bad),\#(event())]}"#, to: "/v2/events")
                #expect(mixed.status == 202)
                #expect(mixed.json?["accepted"]?.int == 1)
                #expect(mixed.json?["errors"]?[0]?["index"]?.int == 0)
            }
            let rejects = try await ask(server, "rejects", [:])
            #expect((rejects["rejects"]?.array?.count ?? 0) >= 19, "\(rejects.text.prefix(200))")
            // Limits.
            let many = "[" + Array(repeating: "{}", count: 101).joined(separator: ",") + "]"
            #expect(try await server.collect(many, to: "/v2/bulkevents").status == 400)
            let long = String(repeating: " ", count: 257 << 10)
            #expect(try await server.collect("{\(long)}", to: "/v2/events").status == 413)
            let wide = String(repeating: "a", count: 130 << 10)
            #expect(
                try await server.collect(#"{"x":"\#(wide)"}"#, to: "/v2/events").status == 413)
            #expect(
                try await server.collect(
                    "x", to: "/v2/events", headers: ["Content-Encoding": "gzip"]
                ).status == 400)
            let bad = try await server.collect(
                #"[{"events":[\#(good)]},{"events":[7]}]"#, to: "/v2/bulkevents")
            #expect(bad.status == 202)
            #expect(bad.json?["accepted"]?.int == 1)
            let fresh = Int(Date().timeIntervalSince1970 * 1_000)
            let young =
                #"[{"events":[{"event_type":"session_end","data":{"timestamp_unixtime_ms":\#(fresh)}}]}]"#
            #expect(
                try await server.collect(young, to: "/v2/bulkevents/historical").status == 400)
            let past = fresh - 100 * 3_600_000
            let old =
                #"[{"events":[{"event_type":"session_end","data":{"timestamp_unixtime_ms":\#(past)}}]}]"#
            #expect(try await server.collect(old, to: "/v2/bulkevents/historical").status == 202)
            #expect(try server.events().last?["import"]?.bool == true)
        }
    }

    @Test func `takes the write key with any secret, or with its own where it has one`()
        async throws
    {
        try await with { server in
            func status(_ user: String, _ password: String) async throws -> Int {
                let pair = Data("\(user):\(password)".utf8).base64EncodedString()
                return try await server.send(
                    .POST, "/v2/events", headers: ["Authorization": "Basic \(pair)"],
                    body: Array(#"{"mp_deviceid":"d"}"#.utf8)
                ).status
            }
            #expect(try await status(server.key, "anything") == 202)
            let made = try await ask(server, "key.create", ["source": "app", "secret": true])
            let (key, secret) = (made["key"]?.string ?? "", made["secret"]?.string ?? "")
            #expect(secret.hasPrefix("ws_"))
            #expect(try await status(key, secret) == 202)
            #expect(try await status(key, "other") == 403)
            #expect(try await status("wk_x", secret) == 403)
            try server.workspace.access.reload()
            #expect(try await status(key, secret) == 202)
            #expect(try await status(key, "") == 403)
            let without = try await server.send(.POST, "/v2/events", body: Array("{}".utf8))
            #expect(without.status == 401)
            let wrong = try await server.send(
                .POST, "/v2/events", headers: ["Authorization": "Bearer x"], body: Array("{}".utf8))
            #expect(wrong.status == 403)
            #expect(try await server.send(.GET, "/v2/events").status == 405)
        }
    }

    // MARK: IDSync

    private func call(
        _ server: RunningServer, _ path: String, _ identities: String, more: String = ""
    ) async throws -> (status: Int, mpid: String?, text: String) {
        let body =
            #"{"client_sdk":{"platform":"web","sdk_vendor":"test","sdk_version":"1"},"context":"c","environment":"development","known_identities":\#(identities)\#(more)}"#
        let answer = try await server.collect(body, to: path)
        return (answer.status, answer.json?["mpid"]?.string, answer.text)
    }

    @Test func `I6: IDSync answers with one number a person, from the same links`() async throws {
        try await with { server in
            let device = #"{"ios_idfv":"9876","device_application_stamp":"das-1"}"#
            #expect(try await call(server, "/v1/search", device).status == 404)
            let first = try await call(server, "/v1/identify", device)
            #expect(first.status == 200, "\(first.text)")
            let anonymous = try #require(first.mpid.flatMap { Int64($0) })
            #expect(try await call(server, "/v1/identify", device).mpid == first.mpid)
            #expect(try await call(server, "/v1/search", device).mpid == first.mpid)
            #expect(try server.events().count == 1)
            // Conversion: the login joins the anonymous person.
            let login = try await call(
                server, "/v1/login", #"{"customerid":"abc","email":"Ada@x.org","ios_idfv":"9876"}"#)
            #expect(login.mpid == first.mpid)
            // What a batch says under this number is said of this person.
            try await send(
                server, #"{"mpid":\#(anonymous),"user_attributes":{"plan":"pro"}}"#)
            let person = try await ask(server, "profile", ["person": "user_id:abc"])
            #expect(person["mpid"]?.string == first.mpid)
            #expect(person["traits"] == ["plan": "pro"])
            // The device alone is not the person.
            let logout = try await call(server, "/v1/logout", device)
            #expect(logout.status == 200, "\(logout.text)")
            #expect(logout.mpid != first.mpid)
            #expect(try await call(server, "/v1/identify", device).mpid == logout.mpid)
            #expect(
                try await call(server, "/v1/login", #"{"customer_id":"abc"}"#).mpid == first.mpid)
            #expect(
                try await call(server, "/v1/search", #"{"email":"ada@X.org"}"#).status == 200)
            #expect(try await call(server, "/v1/search", #"{"email":"b@x.org"}"#).status == 404)
            let readOnly = try await call(
                server, "/v1/identify?read_only=true", #"{"customerid":"nobody"}"#)
            #expect(readOnly.status == 404)
            // A new known person on the same device is somebody else.
            let other = try await call(
                server, "/v1/login", #"{"customerid":"xyz","ios_idfv":"9876"}"#)
            #expect(other.status == 200)
            #expect(other.mpid != first.mpid)
            try await isSound(server)
        }
    }

    @Test func `IDSync changes identities, and refuses what it must`() async throws {
        try await with { server in
            let made = try await call(
                server, "/v1/identify", #"{"customerid":"abc","email":"old@x.org"}"#)
            let mpid = try #require(made.mpid)
            let changed = try await server.collect(
                #"{"environment":"development","request_id":"q","identity_changes":[{"identity_type":"email","old_value":"old@x.org","new_value":"new@x.org"},{"identity_type":"other_id_2","old_value":null,"new_value":"o2"}]}"#,
                to: "/v1/\(mpid)/modify")
            #expect(changed.status == 200, "\(changed.text)")
            #expect(changed.json?["mpid"]?.string == mpid)
            let person = try await ask(server, "profile", ["person": "user_id:abc"])
            #expect(
                person["identifiers"]?.array?.compactMap {
                    "\($0["type"]?.string ?? ""):\($0["value"]?.string ?? "")"
                }.sorted() == ["email:new@x.org", "other_id_2:o2", "user_id:abc"], "\(person.text)")
            let unknown = try await server.collect(
                #"{"identity_changes":[{"identity_type":"email","new_value":"n@x.org"}]}"#,
                to: "/v1/12345/modify")
            #expect(unknown.status == 404)
            for (body, path) in [
                ("{", "/v1/login"), ("[]", "/v1/login"), ("{}", "/v1/search"),
                (#"{"known_identities":{}}"#, "/v1/login"),
                (#"{"known_identities":{"email":7,"customerid":{}}}"#, "/v1/login"),
                (#"{"known_identities":{"shoe_size":"7"}}"#, "/v1/login"),
                (#"{"identity_changes":[]}"#, "/v1/\(mpid)/modify"),
                (
                    #"{"identity_changes":[{"identity_type":"email","old_value":"zz@x.org","new_value":null}]}"#,
                    "/v1/\(mpid)/modify"
                ),
            ] {
                let answer = try await server.collect(body, to: path)
                #expect(answer.status == 400, "\(body): \(answer.text)")
                #expect(answer.json?["errors"]?[0]?["code"]?.string == "BAD_REQUEST")
            }
            let stranger = try await server.send(
                .POST, "/v1/login", body: Array(#"{"known_identities":{"email":"a@x.org"}}"#.utf8))
            #expect(stranger.status == 401)
            let byKey = try await server.send(
                .POST, "/v1/identify", headers: ["x-mp-key": server.key],
                body: Array(#"{"known_identities":{"customerid":"abc"}}"#.utf8))
            #expect(byKey.json?["mpid"]?.string == mpid)
            let signed = try await server.send(
                .POST, "/v1/identify", headers: ["x-mp-key": server.key, "x-mp-signature": "00"],
                body: Array(#"{"known_identities":{"customerid":"abc"}}"#.utf8))
            #expect(signed.status == 401)
            // Segment's call of the same path is still Segment's.
            let segment = try await server.collect(
                #"{"userId":"abc","traits":{"a":1}}"#, to: "/v1/identify")
            #expect(segment.text == #"{"success":true}"#)
        }
    }
}
