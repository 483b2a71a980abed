import CustomerModel
import JSONText
import Testing

/// The table of Segment's documentation, rows of consent against integrations.
@Suite struct `Segment's consent object` {
    private static let policy = [
        Purpose(name: "ads", segmentCategories: ["Advertising"]),
        Purpose(name: "both", segmentCategories: ["Advertising", "Analytics"]),
        Purpose(name: "unmapped", segmentCategories: []),
    ]

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var message: String
        var granted: UInt64 = 0
        var denied: UInt64 = 0
        var missing: UInt64 = 0
        var isUnreadable = false
    }

    private static func row(
        _ why: String, consent: String?, integrations: String? = nil, granted: UInt64 = 0,
        denied: UInt64 = 0, missing: UInt64 = 0, isUnreadable: Bool = false
    ) -> Row {
        let context = consent.map { #""context":{"consent":\#($0)},"# } ?? ""
        let switches = integrations.map { #""integrations":\#($0),"# } ?? ""
        return Row(
            testDescription: why,
            message:
                #"{\#(context)\#(switches)"type":"track","event":"Segment Consent Preference Updated"}"#,
            granted: granted, denied: denied, missing: missing, isUnreadable: isUnreadable)
    }

    static let rows = [
        row("absent", consent: nil),
        row("null", consent: "null"),
        row("empty", consent: "{}"),
        row("empty, integrations empty as the SDK sends them", consent: "{}", integrations: "{}"),
        row("absent, integrations given", consent: nil, integrations: #"{"All":true}"#),
        row(
            "empty, integrations given", consent: "{}", integrations: #"{"All":true}"#,
            missing: 0b011),
        row(
            "no preferences, integrations given", consent: #"{"categoryPreferences":null}"#,
            integrations: #"{"A":false}"#, missing: 0b011),
        row("no categories", consent: #"{"categoryPreferences":{}}"#, missing: 0b011),
        row(
            "no categories, integrations given", consent: #"{"categoryPreferences":{}}"#,
            integrations: #"{"All":true}"#, missing: 0b011),
        row(
            "all agreed",
            consent: #"{"categoryPreferences":{"Advertising":true,"Analytics":true}}"#,
            granted: 0b011),
        row(
            "one missing", consent: #"{"categoryPreferences":{"Advertising":true}}"#,
            granted: 0b001,
            missing: 0b010),
        row(
            "one refused",
            consent: #"{"categoryPreferences":{"Advertising":true,"Analytics":false}}"#,
            granted: 0b001, denied: 0b010),
        row(
            "one refused, the other missing",
            consent: #"{"categoryPreferences":{"Analytics":false}}"#,
            denied: 0b010, missing: 0b001),
        row(
            "an unknown one touches nothing",
            consent: #"{"categoryPreferences":{"Advertising":true,"Analytics":true,"X":false}}"#,
            granted: 0b011),
        row(
            "names are case sensitive", consent: #"{"categoryPreferences":{"advertising":true}}"#,
            missing: 0b011),
        row("a list", consent: "[]", isUnreadable: true),
        row(
            "preferences in a list", consent: #"{"categoryPreferences":["Advertising"]}"#,
            isUnreadable: true),
        row(
            "a preference in words",
            consent: #"{"categoryPreferences":{"Advertising":true,"X":"yes"}}"#, isUnreadable: true),
    ]

    @Test(arguments: rows)
    func `says what its documentation says`(_ row: Row) throws {
        var parser = JSONParser()
        try parser.parse(Array(row.message.utf8)) { view in
            let parts = EventParts(
                item: view, envelopeType: nil, sharedContext: nil, sharedIntegrations: nil,
                sentAt: nil, serverMessageID: nil, hasGPC: false, isImport: false)
            let signal = parts.withBody {
                ConsentSignal.read(
                    $0, by: ConsentReading(purposes: Self.policy),
                    received: Timestamp(microseconds: 0))
            }
            #expect(signal.granted == row.granted)
            #expect(signal.denied == row.denied)
            #expect(signal.missing == row.missing)
            #expect(signal.isUnreadable == row.isUnreadable)
            #expect(signal.narrowed & signal.granted == 0)
        }
    }
}
