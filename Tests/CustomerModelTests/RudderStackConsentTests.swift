import CustomerModel
import JSONText
import Testing

/// `context.consentManagement` as RudderStack's clients send it.
@Suite struct `RudderStack's consentManagement` {
    /// Bits 0 to 2; the third is not asked of categories.
    private static let reading = ConsentReading(purposes: [
        Purpose(name: "ads", segmentCategories: ["C0003", "C0004"]),
        Purpose(name: "analytics", segmentCategories: ["C0002"]),
        Purpose(name: "contract", segmentCategories: []),
    ])

    struct Row: Sendable, CustomTestStringConvertible {
        var why: String
        var object: String
        var granted: UInt64 = 0
        var denied: UInt64 = 0
        var missing: UInt64 = 0
        var isUnreadable = false
        var testDescription: String { why }
    }

    static let rows = [
        Row(
            why: "all allowed",
            object: #"{"allowedConsentIds":["C0002","C0003","C0004"],"deniedConsentIds":[]}"#,
            granted: 0b11),
        Row(
            why: "one of two denied",
            object: #"{"allowedConsentIds":["C0002","C0003"],"deniedConsentIds":["C0004"]}"#,
            granted: 0b10, denied: 0b01),
        Row(
            why: "one of two allowed, which its strategy takes for enough",
            object:
                #"{"allowedConsentIds":["C0003"],"deniedConsentIds":[],"resolutionStrategy":"or"}"#,
            missing: 0b11),
        Row(
            why: "in both lists",
            object: #"{"allowedConsentIds":["C0002"],"deniedConsentIds":["C0002"]}"#,
            denied: 0b10, missing: 0b01),
        Row(
            why: "another case of letters",
            object: #"{"allowedConsentIds":["c0002"]}"#, missing: 0b11),
        Row(
            why: "an id spelled with an escape",
            object: #"{"allowedConsentIds":["C000\u0032"]}"#, granted: 0b10, missing: 0b01),
        Row(
            why: "nothing asked yet", object: #"{"allowedConsentIds":[],"deniedConsentIds":[]}"#,
            missing: 0b11),
        Row(why: "no lists", object: "{}", missing: 0b11),
        Row(
            why: "null lists", object: #"{"allowedConsentIds":null,"deniedConsentIds":null}"#,
            missing: 0b11),
        Row(why: "null", object: "null"),
        Row(why: "a text", object: #""C0002""#, isUnreadable: true),
        Row(
            why: "allowed as a text", object: #"{"allowedConsentIds":"C0002"}"#,
            isUnreadable: true),
        Row(
            why: "denied as an object",
            object: #"{"allowedConsentIds":["C0002"],"deniedConsentIds":{"C0003":true}}"#,
            isUnreadable: true),
        Row(
            why: "an id that is a number", object: #"{"allowedConsentIds":["C0002",3]}"#,
            isUnreadable: true),
    ]

    private func read(_ context: String) throws -> ConsentSignal {
        var parser = JSONParser()
        let text = #"{"type":"track","event":"x","context":{\#(context)}}"#
        return try parser.parse(Array(text.utf8)) { view in
            EventParts(
                item: view, envelopeType: nil, sharedContext: nil, sharedIntegrations: nil,
                sentAt: nil, serverMessageID: nil, hasGPC: false, isImport: false
            ).withBody {
                ConsentSignal.read($0, by: Self.reading, received: Timestamp(microseconds: 0))
            }
        }
    }

    @Test(arguments: rows)
    func `C1, C6: asserts what it lists, withholds what it does not, and is unreadable otherwise`(
        _ row: Row
    ) throws {
        let signal = try read(#""consentManagement":\#(row.object)"#)
        #expect(signal.isUnreadable == row.isUnreadable)
        #expect(signal.missing == row.missing)
        let statement = signal.others.first
        #expect((statement?.granted ?? 0) == row.granted)
        #expect((statement?.denied ?? 0) == row.denied)
        #expect(statement == nil || statement?.reader == .rudderstack)
        #expect(signal.narrowed == row.denied | row.missing)
    }

    @Test func `C3: of Segment's categories beside it the denial holds`() throws {
        let signal = try read(
            #""consentManagement":{"allowedConsentIds":["C0002"],"deniedConsentIds":["C0003"]},"#
                + #""consent":{"categoryPreferences":{"C0002":false,"C0003":true,"C0004":true}}"#)
        #expect(signal.denials == 0b11)
    }
}
