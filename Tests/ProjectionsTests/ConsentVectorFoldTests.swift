import CustomerModel
import JSONText
import Projections
import Testing

/// Every public string, sent on an event, against what its independent decoding means.
@Suite(.enabled(if: VectorFile.isPresent, VectorFile.absence))
struct `A public consent string on an event` {
    /// One purpose for each purpose of the TCF, and each opt-out.
    private static let policy: String = {
        let tcf = (1...24).map { "  p\($0): { tcf: { purposes: [\($0)] } }" }
        let optOuts = ["saleOptOut", "sharingOptOut", "targetedAdvertisingOptOut"]
        return """
            policy: test
            \(Policies.identity)
            purposes:
            \(tcf.joined(separator: "\n"))
            \(optOuts.map { "  \($0): { gpp: [\($0)] }" }.joined(separator: "\n"))
              gpc: { deniedByGPC: true }
            """
    }()

    private func fold(_ consent: String) throws -> (history: History, event: UInt64) {
        var history = try History(policy: Self.policy)
        let event = try history.event(Message.order("1", consent: consent))
        return (history, event)
    }

    /// What a TC string means for each purpose, from the table alone.
    private func expectTCF(_ decoded: JSONValue, _ history: History) throws {
        let agreed = try #require(decoded["purposesConsent"]?.array).compactMap(\.int)
        let made = max(
            try #require(decoded["created_ds"]?.int), try #require(decoded["lastUpdated_ds"]?.int))
        let policy = try #require(decoded["tcfPolicyVersion"]?.int)
        let hasDisclosed = decoded["disclosedVendors"].map { !$0.isNull } ?? false
        // Deciseconds: 2023-09-30 and 2026-03-01.
        let counts =
            decoded["isServiceSpecific"]?.bool == true
            && !(policy < 4 && made >= 16_960_320_000)
            && (hasDisclosed || (policy < 5 && made < 17_723_232_000))
        let isOneUndisclosed = decoded["purposeOneTreatment"]?.bool == true
        for purpose in 1...24 {
            let expected: String
            if purpose == 1 && isOneUndisclosed {
                expected = "unknown"
            } else if !agreed.contains(Int64(purpose)) {
                expected = "denied"
            } else {
                expected = counts ? "granted" : "unknown"
            }
            #expect(history.consent("user_id:u1", "p\(purpose)") == expected, "purpose \(purpose)")
        }
    }

    @Test(arguments: VectorFile.rows("tcf"))
    func `C7: asserts what a TC string agrees to, if it counts today`(_ row: VectorFile.Row) throws
    {
        let (history, _) = try fold(#""tcf":"\#(row.text)""#)
        try expectTCF(row.decoded, history)
    }

    @Test(arguments: VectorFile.rows("tcf_invalid"))
    func `C6: asserts nothing when it is no TC string`(_ row: VectorFile.Row) throws {
        var history = try History(policy: Policies.signals)
        let text = JSONValue.string(row.text).text
        let event = try history.event(Message.order("1", consent: "\"tcf\":\(text)"))
        #expect(try history.gates(event, "ads") == ["consent unknown", "unreadable"])
        #expect(history.consent("user_id:u1", "advertising") == "unknown")
    }

    @Test(arguments: VectorFile.rows("gpp"))
    func `C7: asserts what a GPP string's sections say`(_ row: VectorFile.Row) throws {
        let (history, _) = try fold(#""gpp":"\#(row.text)""#)
        let sections = try #require(row.decoded["sections"]?.object)
        var us: [JSONValue] = []
        for (id, section) in sections {
            switch Int(id) {
            case 2: try expectTCF(section, history)
            case 5: break
            default: us.append(section)
            }
        }
        if sections.allSatisfy({ $0.key != "2" }) {
            #expect(history.consent("user_id:u1", "p2") == "unknown")
        }
        expectOptOuts(us, history)
    }

    @Test(arguments: VectorFile.rows("gpp_us_sections"))
    func `C1: asserts what a section of the United States says`(_ row: VectorFile.Row) throws {
        let id = Int(try #require(row.json["sectionId"]?.int))
        let (history, _) = try fold(#""gpp":"\#(Self.header(id))~\#(row.text)""#)
        expectOptOuts([row.decoded], history)
    }

    /// The header that names one section: type 3, version 1, one single id in Fibonacci coding.
    private static func header(_ id: Int) -> String {
        var bits: [Bool] = []
        for (value, width) in [(3, 6), (1, 6), (1, 12), (0, 1)] {
            for place in (0..<width).reversed() { bits.append(value >> place & 1 == 1) }
        }
        let terms = [1, 2, 3, 5, 8, 13, 21]
        var left = id
        var code = [Bool](repeating: false, count: terms.count)
        for place in terms.indices.reversed() where terms[place] <= left {
            code[place] = true
            left -= terms[place]
        }
        while code.last == false { code.removeLast() }
        bits += code + [true]
        while bits.count % 6 != 0 { bits.append(false) }
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        return String(
            stride(from: 0, to: bits.count, by: 6).map { start in
                alphabet[bits[start..<start + 6].reduce(0) { $0 * 2 + ($1 ? 1 : 0) }]
            })
    }

    private func expectOptOuts(_ sections: [JSONValue], _ history: History) {
        for (purpose, field) in [
            ("saleOptOut", "SaleOptOut"), ("sharingOptOut", "SharingOptOut"),
            ("targetedAdvertisingOptOut", "TargetedAdvertisingOptOut"),
        ] {
            var answers: [String] = []
            for section in sections {
                if section["Gpc"]?.bool == true {
                    answers.append("denied")
                } else if let letter = section["OptOutSale"]?.string {
                    // The US Privacy string speaks of sale only.
                    guard field == "SaleOptOut" else { continue }
                    switch (letter, section["Notice"]?.string) {
                    case ("Y", _): answers.append("denied")
                    case ("N", "Y"): answers.append("granted")
                    default: break
                    }
                } else {
                    switch (section[field]?.int, section[field + "Notice"]?.int) {
                    case (1?, _): answers.append("denied")
                    case (2?, 1?): answers.append("granted")
                    default: break
                    }
                }
            }
            let expected =
                answers.contains("denied")
                ? "denied" : answers.contains("granted") ? "granted" : "unknown"
            #expect(history.consent("user_id:u1", purpose) == expected, "\(purpose)")
        }
        let isRaised = sections.contains { $0["Gpc"]?.bool == true }
        #expect(history.consent("user_id:u1", "gpc") == (isRaised ? "denied" : "unknown"))
    }
}
