import CustomerModel
import JSONText
import Testing

@Suite struct `An mParticle consent_state` {
    private static let moment: Int64 = 1_773_500_966_535

    private func read(_ text: String) throws -> MParticleConsent {
        var parser = JSONParser()
        return try parser.parse(Array(text.utf8)) { try MParticleConsent($0) }
    }

    @Test func `of the Python SDK is read with its evidence`() throws {
        let read = try read(
            #"""
            {"ccpa": {"data_sale_opt_out": {"document": "ccpa_v1", "consented": true,
             "timestamp_unixtime_ms": 1773500966535}}, "gdpr": {"analytics": {"document": "privacy_v3",
             "consented": true, "timestamp_unixtime_ms": 1773500966535, "location": "17 Cherry Tree Lane",
             "hardware_id": "IDFA:a5d934n0"}, "Advertising": {"consented": false,
             "timestamp_unixtime_ms": 1773500966535}}}
            """#)
        let time = Timestamp(microseconds: Self.moment * 1_000)
        let purposes = try #require(read.purposes)
        #expect(purposes.map(\.name) == ["analytics", "Advertising"])
        #expect(purposes.map(\.statement.isConsented) == [true, false])
        #expect(purposes.map(\.statement.time) == [time, time])
        #expect(purposes[0].statement.document == "privacy_v3")
        #expect(purposes[0].statement.location == "17 Cherry Tree Lane")
        #expect(purposes[0].statement.hardwareID == "IDFA:a5d934n0")
        #expect(purposes[1].statement.document == nil)
        // Under the CCPA true means opted out.
        #expect(read.saleOptOut?.isConsented == true)
        #expect(read.optOuts == OptOuts(sale: .optedOut))
    }

    private static let policy = [
        Purpose(name: "ads", segmentCategories: [], mparticlePurposes: ["advertising"]),
        Purpose(
            name: "both", segmentCategories: [], mparticlePurposes: ["advertising", "analytics"]),
        Purpose(name: "else", segmentCategories: ["Advertising"]),
    ]

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var text: String
        var granted: UInt64 = 0
        var denied: UInt64 = 0
        var missing: UInt64 = 0
        var times: [Int64?] = [nil, nil, nil]
    }

    static let rows = [
        Row(testDescription: "nothing", text: "{}"),
        Row(testDescription: "null", text: #"{"gdpr":null,"ccpa":null}"#),
        Row(testDescription: "an empty object", text: #"{"gdpr":{}}"#, missing: 0b11),
        Row(
            testDescription: "another purpose",
            text: #"{"gdpr":{"x":{"consented":true,"timestamp_unixtime_ms":5}}}"#, missing: 0b11),
        Row(
            testDescription: "one of two agreed",
            text: #"{"gdpr":{"advertising":{"consented":true,"timestamp_unixtime_ms":5}}}"#,
            granted: 0b01, missing: 0b10, times: [5_000, nil, nil]),
        Row(
            testDescription: "both agreed: the older time counts",
            text: """
                {"gdpr":{"advertising":{"consented":true,"timestamp_unixtime_ms":5},\
                "analytics":{"consented":true,"timestamp_unixtime_ms":3}}}
                """, granted: 0b11, times: [5_000, 3_000, nil]),
        Row(
            testDescription: "one refused: its time counts",
            text: """
                {"gdpr":{"advertising":{"consented":true,"timestamp_unixtime_ms":9},\
                "analytics":{"consented":false,"timestamp_unixtime_ms":3}}}
                """, granted: 0b01, denied: 0b10, times: [9_000, 3_000, nil]),
        Row(
            testDescription: "refused in another case of letters",
            text: """
                {"gdpr":{"advertising":{"consented":true,"timestamp_unixtime_ms":9},\
                "Advertising":{"consented":false,"timestamp_unixtime_ms":3}}}
                """, denied: 0b11, times: [3_000, 3_000, nil]),
        Row(
            testDescription: "both refused: the newer time counts",
            text: """
                {"gdpr":{"advertising":{"consented":false,"timestamp_unixtime_ms":5},\
                "analytics":{"consented":false,"timestamp_unixtime_ms":3}}}
                """, denied: 0b11, times: [5_000, 5_000, nil]),
        Row(
            testDescription: "refused without a time: the event's counts",
            text: #"{"gdpr":{"ADVERTISING":{"consented":false}}}"#, denied: 0b11),
        Row(
            testDescription: "a null state is not stated", text: #"{"gdpr":{"advertising":null}}"#,
            missing: 0b11),
        Row(
            testDescription: "the CCPA says nothing about purposes",
            text: #"{"ccpa":{"data_sale_opt_out":{"consented":true,"timestamp_unixtime_ms":5}}}"#),
    ]

    @Test(arguments: rows)
    func `C1: asserts by purpose`(_ row: Row) throws {
        let (signal, times) = try read(row.text).signal(for: Self.policy)
        #expect(signal.granted == row.granted)
        #expect(signal.denied == row.denied)
        #expect(signal.missing == row.missing)
        #expect(signal.deniedByGPC == 0 && !signal.isUnreadable)
        #expect(times.map { $0?.microseconds } == row.times)
    }

    @Test(arguments: [
        (
            #"{"ccpa":{"data_sale_opt_out":{"consented":false,"timestamp_unixtime_ms":5}}}"#,
            OptOut.notOptedOut
        ),
        (#"{"ccpa":{"data_sale_opt_out":{"consented":true}}}"#, .optedOut),
        (#"{"ccpa":{"data_sale_opt_out":null}}"#, .notStated), (#"{"ccpa":{}}"#, .notStated),
    ])
    func `opts out of sale by agreeing to the opt-out`(_ row: (String, OptOut)) throws {
        #expect(try read(row.0).optOuts == OptOuts(sale: row.1))
    }

    @Test(
        arguments: [
            ("[]", "", .illTyped), ("true", "", .illTyped), (#"{"gdpr":[]}"#, "gdpr", .illTyped),
            (#"{"gdpr":{"a":true}}"#, "gdpr[0]", .illTyped),
            (#"{"gdpr":{"a":{}}}"#, "gdpr[0].consented", .missing),
            (
                #"{"gdpr":{"a":{"consented":1,"timestamp_unixtime_ms":1}}}"#, "gdpr[0].consented",
                .illTyped
            ),
            (
                #"{"gdpr":{"a":{"consented":"true","timestamp_unixtime_ms":1}}}"#,
                "gdpr[0].consented",
                .illTyped
            ),
            (
                #"{"gdpr":{"a":{"consented":null,"timestamp_unixtime_ms":1}}}"#,
                "gdpr[0].consented",
                .illTyped
            ),
            (
                #"{"gdpr":{"a":{"consented":false},"b":{"consented":true}}}"#,
                "gdpr[1].timestamp_unixtime_ms", .missing
            ),
            (
                #"{"gdpr":{"a":{"consented":true,"timestamp_unixtime_ms":"5"}}}"#,
                "gdpr[0].timestamp_unixtime_ms", .illTyped
            ),
            (
                #"{"gdpr":{"a":{"consented":true,"timestamp_unixtime_ms":1.5}}}"#,
                "gdpr[0].timestamp_unixtime_ms", .illTyped
            ),
            (
                #"{"gdpr":{"a":{"consented":true,"timestamp_unixtime_ms":-1}}}"#,
                "gdpr[0].timestamp_unixtime_ms", .outOfRange
            ),
            (
                #"{"gdpr":{"a":{"consented":true,"timestamp_unixtime_ms":9223372036854775807}}}"#,
                "gdpr[0].timestamp_unixtime_ms", .outOfRange
            ),
            (#"{"gdpr":{"a":{"consented":false,"document":5}}}"#, "gdpr[0].document", .illTyped),
            (
                #"{"ccpa":{"data_sale_opt_out":{"consented":false}}}"#,
                "ccpa.data_sale_opt_out.timestamp_unixtime_ms", .missing
            ),
            (#"{"ccpa":5}"#, "ccpa", .illTyped),
        ] as [(String, String, MParticleConsentError.Problem)])
    func `that cannot be read is refused with its place`(
        _ row: (String, String, MParticleConsentError.Problem)
    ) {
        #expect(throws: MParticleConsentError(path: row.1, problem: row.2)) { try read(row.0) }
    }

    @Test func `with too many purposes, or too long a text, is refused`() {
        let state = #"{"consented":false}"#
        let many = (0...256).map { "\"p\($0)\":\(state)" }.joined(separator: ",")
        #expect(throws: MParticleConsentError(path: "gdpr", problem: .tooMany)) {
            try read("{\"gdpr\":{\(many)}}")
        }
        let long = String(repeating: "x", count: 4_097)
        #expect(throws: MParticleConsentError(path: "gdpr[0]", problem: .outOfRange)) {
            try read("{\"gdpr\":{\"\(long)\":\(state)}}")
        }
        #expect(throws: MParticleConsentError(path: "gdpr[0].location", problem: .outOfRange)) {
            try read("{\"gdpr\":{\"a\":{\"consented\":false,\"location\":\"\(long)\"}}}")
        }
    }

    @Test func `with one token damaged grants no more (20,000 texts)`() {
        let seed: UInt64 = 77
        var random = SeededBits(seed: seed)
        let tokens = [
            "true", "false", "null", "1", "-1", "\"true\"", "{}", "[]", "1e3", "99999999999999999",
            "\"consented\"", "\"advertising\"",
        ]
        let text = Self.rows[5].text
        let places = text.indices.filter { "tf{\"123459".contains(text[$0]) }
        var parser = JSONParser()
        var read = 0
        for round in 0..<20_000 {
            var damaged = text
            let start = places[random.below(places.count)]
            let end = damaged[start...].firstIndex { ",:}".contains($0) } ?? damaged.endIndex
            damaged.replaceSubrange(start..<end, with: tokens[random.below(tokens.count)])
            do {
                try parser.parse(Array(damaged.utf8)) { view in
                    let signal = try MParticleConsent(view).signal(for: Self.policy).signal
                    read += 1
                    #expect(signal.granted & ~0b11 == 0, "seed \(seed), round \(round)")
                    #expect(
                        signal.granted == 0 || damaged.contains("true"),
                        "seed \(seed), round \(round): \(damaged)")
                }
            } catch {}
        }
        #expect(read > 500, "\(read) texts were read")
    }
}
