import CustomerModel
import JSONText
import Testing

/// Every reader, on events as clients send them.
@Suite struct `A consent reader` {
    private static func purpose(_ name: String, _ set: (inout Purpose) -> Void) -> Purpose {
        var purpose = Purpose(name: name, segmentCategories: [])
        set(&purpose)
        return purpose
    }

    private static func ids(_ ids: Int...) -> TCFPurposes { TCFPurposes(ids: ids) ?? [] }

    /// Bits 0 to 5: `tcf`, `gpp`, `us`, `gdpr`, `ccpa`, `gpc`.
    private static let purposes = [
        purpose("tcf") {
            $0.signals.tcf = TCFMeaning(
                onConsent: ids(1, 4), onLegitimateInterest: ids(7), specialFeatures: ids(1))
        },
        purpose("gpp") { $0.signals.gpp = [.sale, .targetedAdvertising] },
        purpose("us") { $0.signals.usPrivacy = .sale },
        purpose("gdpr") { $0.mparticlePurposes = ["Ads"] },
        purpose("ccpa") { $0.signals.isCCPASale = true },
        purpose("gpc") { $0.deniedByGPC = true },
    ]

    static func reading(_ change: (inout ConsentRules) -> Void = { _ in }) -> ConsentReading {
        var rules = ConsentRules(resolution: .strictest)
        rules.places.gpc = [FieldPath(names: ["context", "gpc"])]
        change(&rules)
        return ConsentReading(purposes: purposes, rules: rules)
    }

    static let received = Timestamp(microseconds: 1_785_000_000_000_000)

    static func read(
        _ members: String, hasGPC: Bool = false, by reading: ConsentReading = reading()
    ) throws -> ConsentSignal {
        try withBody(members, hasGPC: hasGPC) {
            ConsentSignal.read($0, by: reading, received: received)
        }
    }

    static func withBody<R>(
        _ members: String, hasGPC: Bool = false, _ body: (EventBody) throws -> R
    ) throws -> R {
        var parser = JSONParser()
        return try parser.parse(Array(#"{"type":"track","event":"x"\#(members)}"#.utf8)) { view in
            try EventParts(
                item: view, envelopeType: nil, sharedContext: nil, sharedIntegrations: nil,
                sentAt: nil, serverMessageID: nil, hasGPC: hasGPC, isImport: false
            ).withBody(body)
        }
    }

    static func consent(_ members: String) -> String { #","context":{"consent":{\#(members)}}"# }

    @Test func `C2: what stands behind an assertion is shown as it was sent`() throws {
        let sent = #"{"Ads":true,"More":false}"#
        try Self.withBody(Self.consent(#""categoryPreferences":\#(sent)"#)) { body in
            for reader in [ConsentReader.categories, .preference] {
                let evidence = ConsentEvidence(body, reader: reader, reading: Self.reading())
                #expect(evidence.raw == sent)
                #expect(evidence.method == reader.method)
            }
        }
        let word = ConsentEvidence(
            ConsentRecord(
                type: "user_id", value: "u1", granted: [], denied: ["gdpr"],
                document: "letter 7", method: "letter", by: "ada"))
        #expect(word.document == "letter 7" && word.method == "letter" && word.raw == "by ada")
    }

    private static func tc(_ change: (inout TCContent) -> Void = { _ in }) -> TCContent {
        var content = TCContent()
        content.consents = [1, 4]
        content.interests = [7]
        content.features = [1]
        content.disclosed = TCContent.Vendors(ids: [1], maximum: 1)
        change(&content)
        return content
    }

    // MARK: The TCF

    struct TCRow: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var content: TCContent
        var granted = false
        var denied = false
        var missing = false
    }

    static let tcRows = [
        TCRow(testDescription: "everything agreed", content: tc(), granted: true),
        TCRow(
            testDescription: "a purpose refused", content: tc { $0.consents = [1] }, denied: true),
        TCRow(testDescription: "objected", content: tc { $0.interests = [] }, denied: true),
        TCRow(testDescription: "no opt-in", content: tc { $0.features = [] }, denied: true),
        TCRow(
            testDescription: "for a group of sites", content: tc { $0.isServiceSpecific = false },
            missing: true),
        TCRow(
            testDescription: "for a group of sites, refused",
            content: tc {
                $0.isServiceSpecific = false
                $0.consents = []
            }, denied: true),
        TCRow(
            testDescription: "no disclosed vendors under TCF 2.3",
            content: tc { $0.disclosed = nil },
            missing: true),
        TCRow(
            testDescription: "purpose 1 not put to the person",
            content: tc {
                $0.consents = [4]
                $0.isPurposeOneUndisclosed = true
            }, missing: true),
    ]

    @Test(arguments: tcRows)
    func `C1: takes a TC string's bits as the policy's purposes`(_ row: TCRow) throws {
        let text = row.content.text()
        for members in [
            Self.consent(#""tcf":"\#(text)""#), Self.consent(#""tcString":"\#(text)""#),
            Self.consent(#""gpp":"DBABM~\#(text)""#),
        ] {
            let signal = try Self.read(members)
            let statement = signal.others.first { $0.reader == .tcf }
            #expect((statement?.granted ?? 0) & 1 == (row.granted ? 1 : 0))
            #expect((statement?.denied ?? 0) & 1 == (row.denied ? 1 : 0))
            #expect(signal.missing & 1 == (row.missing ? 1 : 0))
            #expect(!signal.isUnreadable)
            #expect(signal.tcString?.text == text)
        }
    }

    @Test func `C6: two TC strings that differ cannot be read`() throws {
        let one = Self.tc().text()
        let other = Self.tc { $0.consents = [] }.text()
        let same = try Self.read(Self.consent(#""tcf":"\#(one)","gpp":"DBABM~\#(one)""#))
        #expect(!same.isUnreadable && same.tcString != nil)
        let both = try Self.read(Self.consent(#""tcf":"\#(one)","gpp":"DBABM~\#(other)""#))
        #expect(both.isUnreadable && both.tcString == nil && both.others.isEmpty)
    }

    @Test func `C6: what nobody can read makes the event unreadable`() throws {
        for members in [
            #""tcf":7"#, #""tcf":"""#, #""tcf":"COvF""#, #""gpp":"DBABM~x""#, #""usPrivacy":"1Y""#,
            #""gpp":["DBAA"]"#,
        ] {
            #expect(try Self.read(Self.consent(members)).isUnreadable, "\(members)")
        }
        #expect(try Self.read(#","consent_state":[]"#).isUnreadable)
        #expect(try Self.read(#","context":{"gpc":"maybe"}"#).isUnreadable)
        for members in [#""tcf":null"#, #""gpp":null,"usPrivacy":null"#, ""] {
            #expect(try Self.read(Self.consent(members)) == ConsentSignal(), "\(members)")
        }
    }

    @Test func `C6: beside something unreadable, denials stand and grants do not`() throws {
        let refused = Self.tc { $0.consents = [] }.text()
        let denied = try Self.read(Self.consent(#""tcf":"\#(refused)","usPrivacy":7"#))
        var statements: [ConsentStatement] = []
        denied.forEachStatement { statements.append($0) }
        #expect(statements == [ConsentStatement(reader: .tcf, denied: 1)])
        let agreed = try Self.read(Self.consent(#""tcf":"\#(Self.tc().text())","usPrivacy":7"#))
        statements = []
        agreed.forEachStatement { statements.append($0) }
        #expect(statements.isEmpty)
    }

    // MARK: The United States

    private static func us(
        _ values: [(USField, Int)], gpc: Bool? = nil
    ) -> String {
        // usva: three notices, two opt-outs, then zeroes.
        let order: [USField] = [
            .sharingNotice, .saleOptOutNotice, .targetedAdvertisingOptOutNotice, .saleOptOut,
            .targetedAdvertisingOptOut,
        ]
        var builder = ConsentBuilder()
        builder.put(1, 6)
        for field in order { builder.put(values.first { $0.0 == field }?.1 ?? 0, 2) }
        for _ in 0..<12 { builder.put(0, 2) }
        var header = ConsentBuilder()
        header.put(3, 6)
        header.put(1, 6)
        header.put(1, 12)
        header.put(0, 1)
        header.put(fibonacci: 9)
        var text = "\(header.text())~\(builder.text())"
        if let gpc {
            var segment = ConsentBuilder()
            segment.put(1, 2)
            segment.put(gpc ? 1 : 0, 1)
            text += ".\(segment.text())"
        }
        return text
    }

    @Test(arguments: [
        (2, 1, 2, 1, UInt64(2), UInt64(0), UInt64(0)),
        (1, 1, 2, 1, 0, 2, 0),
        (2, 1, 1, 0, 0, 2, 0),
        (2, 1, 2, 2, 0, 0, 2),
        (2, 1, 0, 0, 0, 0, 2),
    ])
    func `C1: "did not opt out" grants only after notice, for all that is listed`(
        _ sale: Int, _ saleNotice: Int, _ ads: Int, _ adsNotice: Int, _ granted: UInt64,
        _ denied: UInt64, _ missing: UInt64
    ) throws {
        let text = Self.us([
            (.saleOptOut, sale), (.saleOptOutNotice, saleNotice),
            (.targetedAdvertisingOptOut, ads), (.targetedAdvertisingOptOutNotice, adsNotice),
        ])
        let signal = try Self.read(Self.consent(#""gpp":"\#(text)""#))
        let statement = signal.others.first { $0.reader == .gpp }
        #expect(statement?.granted ?? 0 == granted)
        #expect(statement?.denied ?? 0 == denied)
        #expect(signal.missing == missing)
    }

    @Test func `C1: a GPC segment in a GPP string is a GPC signal`() throws {
        let values: [(USField, Int)] = [
            (.saleOptOut, 2), (.saleOptOutNotice, 1), (.targetedAdvertisingOptOut, 2),
            (.targetedAdvertisingOptOutNotice, 1),
        ]
        let raised = try Self.read(Self.consent(#""gpp":"\#(Self.us(values, gpc: true))""#))
        #expect(raised.deniedByGPC == 1 << 5 && raised.others.map(\.denied) == [2])
        let lowered = try Self.read(Self.consent(#""gpp":"\#(Self.us(values, gpc: false))""#))
        #expect(lowered.deniedByGPC == 0 && lowered.others.map(\.granted) == [2])
    }

    @Test func `a GPP string without a section of the United States says nothing of opt-outs`()
        throws
    {
        let signal = try Self.read(Self.consent(#""gpp":"DBABM~\#(Self.tc().text())""#))
        #expect(signal.missing == 0 && signal.others.map(\.reader) == [.tcf])
    }

    @Test(arguments: [
        ("1YNN", UInt64(4), UInt64(0), UInt64(0)), ("1YYN", 0, 4, 0), ("1NYN", 0, 4, 0),
        ("1NNN", 0, 0, 4), ("1---", 0, 0, 0),
    ])
    func `C1: a US Privacy string grants only after notice`(
        _ text: String, _ granted: UInt64, _ denied: UInt64, _ missing: UInt64
    ) throws {
        let signal = try Self.read(Self.consent(#""usPrivacy":"\#(text)""#))
        #expect(signal.others.first?.granted ?? 0 == granted)
        #expect(signal.others.first?.denied ?? 0 == denied)
        #expect(signal.missing == missing)
    }

    @Test(arguments: [
        ("true", UInt64(1) << 5), ("1", 1 << 5), ("\"1\"", 1 << 5), ("false", 0), ("0", 0),
        ("\"0\"", 0), ("null", 0),
    ])
    func `C1: a GPC field is raised by true or 1`(_ value: String, _ denied: UInt64) throws {
        let signal = try Self.read(#","context":{"gpc":\#(value)}"#)
        #expect(signal.deniedByGPC == denied && !signal.isUnreadable)
    }

    // MARK: mParticle

    @Test func `C1, C2: mParticle's purposes and its opt-out have opposite senses and own times`()
        throws
    {
        let state =
            #"{"gdpr":{"ads":{"consented":true,"timestamp_unixtime_ms":1784000000000}},"ccpa":{"data_sale_opt_out":{"consented":true,"timestamp_unixtime_ms":1784000001000}}}"#
        for place in [#","consent_state":\#(state)"#, #","context":{"consent_state":\#(state)}"#] {
            let signal = try Self.read(place)
            #expect(
                signal.others == [
                    ConsentStatement(
                        reader: .mparticle, granted: 1 << 3, time: 1_784_000_000_000_000),
                    ConsentStatement(reader: .ccpa, denied: 1 << 4, time: 1_784_000_001_000_000),
                ])
        }
    }

    @Test func `C2: a statement's time is corrected by the client's skew`() throws {
        // The client's clock is an hour behind.
        let sent = Timestamp(microseconds: Self.received.microseconds - 3_600_000_000)
        let signal = try Self.read(
            #","sentAt":"\#(sent)","consent_state":{"gdpr":{"Ads":{"consented":true,"timestamp_unixtime_ms":1784000000000}}}"#
        )
        #expect(signal.others.map(\.time) == [1_784_003_600_000_000])
    }

    @Test func `C6: an mParticle grant without a time is unreadable`() throws {
        let signal = try Self.read(#","consent_state":{"gdpr":{"Ads":{"consented":true}}}"#)
        #expect(signal.isUnreadable && signal.others.isEmpty)
    }

    // MARK: Places

    @Test func `a policy may say where a signal stands instead`() throws {
        let reading = Self.reading { $0.places.tcf = [FieldPath(names: ["properties", "tc"])] }
        let text = Self.tc().text()
        #expect(
            try Self.read(#","properties":{"tc":"\#(text)"}"#, by: reading).tcString?.text == text)
        #expect(try Self.read(Self.consent(#""tcf":"\#(text)""#), by: reading).tcString == nil)
    }

    @Test func `what no purpose asks for is not looked at`() throws {
        let reading = ConsentReading(purposes: [Purpose(name: "a", segmentCategories: ["A"])])
        #expect(try Self.read(Self.consent(#""tcf":7,"gpp":7"#), by: reading) == ConsentSignal())
    }

    @Test func `C6: a country is believed only of a trusted source`() throws {
        var purpose = Purpose(name: "a", segmentCategories: [])
        purpose.signals.defaultCountries = [try #require(CountryCode("US"))]
        var rules = ConsentRules(resolution: .strictest)
        rules.countryFields = [
            TrustedField(path: FieldPath(names: ["context", "country"]), sources: ["server"])
        ]
        let reading = ConsentReading(purposes: [purpose], rules: rules)
        for (value, source, expected) in [
            ("\"us\"", "server", "US"), ("\"US\"", "web", nil), ("\"USA\"", "server", nil),
            ("null", "server", nil), ("1", "server", nil), ("\"U1\"", "server", nil),
        ] {
            try Self.withBody(#","context":{"country":\#(value)}"#) { body in
                let country = reading.country(of: body, source: source)
                #expect(country?.description == expected, "\(value) from \(source)")
            }
        }
    }
}
