import CustomerModel
import JSONText
import Testing

/// Strings that the IAB's own libraries and texts publish, with what they say about them.
@Suite struct `A public TC string` {
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var text: String
        var consents: [Int] = []
        var interests: [Int] = []
        var vendors: [UInt16] = []
        var vendorInterests: [UInt16] = []
        var disclosed: [UInt16]?
        var isServiceSpecific = false
    }

    static let rows = [
        Row(
            testDescription: "core only, times to the decisecond",
            text: "COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA", consents: [2, 10],
            interests: [2, 9]),
        Row(
            testDescription: "vendors in bit fields",
            text:
                "COrEAV4OrXx94ACABBENAHCIAD-AAAAAAACAAxAAAAgAIAwgAgAAAAEAgQAAAAAEAYQAQAAAACAAAABAAA",
            consents: [3, 4, 5, 6, 7, 8, 9], vendors: [23, 37, 47, 48, 53, 65, 98],
            vendorInterests: [37, 47, 48, 53, 65, 98, 129]),
        Row(
            testDescription: "vendors in ranges",
            text: "COv__-wOv__-wC2AAAENAPCgAAAAAAAAAAAAA_wAQA_gEBABAEAAAA", vendors: [127],
            vendorInterests: [128], isServiceSpecific: true),
        Row(
            testDescription: "padding at the end of a segment",
            text: "COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA.cAAAAAAAITg=", consents: [2, 10],
            interests: [2, 9]),
        Row(
            testDescription: "disclosed vendors in ranges, from the text of TCF 2.3",
            text: "CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA.YAAAAAAAAAAA",
            vendors: [1, 2, 3, 4], disclosed: [1, 2, 3, 4, 5, 100, 404], isServiceSpecific: true),
    ]

    @Test(arguments: rows)
    func `reads as published`(_ row: Row) throws {
        let read = try TCString(row.text)
        #expect(read.purposesConsent.ids == row.consents)
        #expect(read.purposesLegitimateInterest.ids == row.interests)
        #expect(read.vendorConsents.ids == row.vendors)
        #expect(read.vendorLegitimateInterests.ids == row.vendorInterests)
        #expect(read.disclosedVendors?.ids == row.disclosed)
        #expect(read.isServiceSpecific == row.isServiceSpecific)
    }

    @Test func `has times of a tenth of a second`() throws {
        let read = try TCString(Self.rows[0].text)
        #expect(read.created == Timestamp(secondsSince1970: 1_580_058_060))
        #expect(read.lastUpdated == Timestamp(secondsSince1970: 1_612_285_260))
        #expect(read.language == "EN")
        #expect(read.publisherCountry == "AA")
        #expect(read.isPurposeOneUndisclosed)
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var text: String
        var error: ConsentTextError

        init(
            _ why: String, _ text: String, _ part: ConsentTextError.Part, _ position: Int,
            _ problem: ConsentTextError.Problem
        ) {
            testDescription = why
            self.text = text
            error = ConsentTextError(part: part, position: position, problem: problem)
        }
    }

    private static let core = "COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA"

    static let faults = [
        Fault("empty", "", .tcCore, 0, .cutShort),
        Fault(
            "a version of its own time", "BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", .tcCore, 1,
            .unsupportedVersion(1)),
        Fault("a letter of plain Base64", "COtybn4PA_zT4Kj*CBEN", .tcCore, 15, .badCharacter),
        Fault("= in the middle", "CO=ybn", .tcCore, 2, .badCharacter),
        Fault("three = at the end", core + "===", .tcCore, 44, .badCharacter),
        Fault("white space", core + " ", .tcCore, 44, .badCharacter),
        Fault("cut within the fixed part", String(core.prefix(34)), .tcCore, 33, .cutShort),
        Fault("no restrictions at all", String(core.prefix(42)), .tcCore, 41, .cutShort),
        Fault("an empty segment", core + ".", .tcSegment, 45, .cutShort),
        Fault("a second core", core + ".AAAA", .tcSegment, 45, .wrongType(0)),
        Fault(
            "disclosed vendors twice", core + ".IAAA.IAAA", .disclosedVendors, 50,
            .repeatedSegment),
        Fault(
            "a bit field longer than its segment", core + ".I__A", .disclosedVendors, 48,
            .cutShort),
    ]

    @Test(arguments: faults)
    func `that is none is refused with its place`(_ fault: Fault) {
        #expect(throws: fault.error) { try TCString(fault.text) }
    }

    @Test func `may have segments of types to come`() throws {
        #expect(try TCString(Self.core + ".gAAA.gAAA.-") == TCString(Self.core))
    }

    @Test(arguments: [
        ("id 0", [0...0], 9), ("an id above the maximum", [10...10], 9),
        ("a range past the maximum", [4...10], 9),
    ])
    func `with a range of no ids is refused`(_ row: (String, [ClosedRange<Int>], Int)) {
        var content = TCContent()
        content.vendors.maximum = row.2
        content.vendors.ranges = row.1
        #expect { try TCString(content.text()) } throws: {
            ($0 as? ConsentTextError)?.problem == .badRange
        }
    }

    @Test func `whose range ends before it starts is refused`() {
        var bits = ConsentBuilder()
        for (value, width) in [(1, 3), (20, 16), (1, 1), (1, 12), (1, 1), (9, 16), (8, 16)] {
            bits.put(value, width)
        }
        #expect { try TCString(Self.core + "." + bits.text()) } throws: {
            ($0 as? ConsentTextError)?.problem == .badRange
        }
    }

    @Test func `longer than any is refused before it is read`() {
        let long = Self.core + "." + String(repeating: "g", count: 65_536)
        #expect(
            throws: ConsentTextError(part: .tcCore, position: 65_536, problem: .tooLong)
        ) { try TCString(long) }
    }

    @Test func `that promises more entries than it has is refused before room is made`() {
        var bits = ConsentBuilder()
        for (value, width) in [(1, 3), (65_535, 16), (1, 1), (4_095, 12)] { bits.put(value, width) }
        #expect { try TCString(Self.core + "." + bits.text()) } throws: {
            ($0 as? ConsentTextError)?.problem == .cutShort
        }
    }
}
