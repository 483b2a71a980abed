import CustomerModel
import Testing

@Suite struct `A GPP string` {
    @Test(
        arguments: [
            ("DBAA", []), ("DBABTA~1YNN", [6]),
            ("DBABM~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", [2]),
            ("DBACNY~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN", [2, 6]),
            ("DBACNYA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN", [2, 6]),
            ("DBABjw~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN", [5, 6]),
            ("DBABLA~BVVVkkkkkpFY.YA", [7]),
        ] as [(String, [Int])])
    func `has the sections that its header names`(_ row: (String, [Int])) throws {
        let read = try GPPString(row.0)
        #expect(read.sectionIDs == row.1)
        // Canada's section only looks like Europe's.
        #expect((read.tcf != nil) == row.1.contains(2))
    }

    @Test func `reads every field of the national section`() throws {
        let section = try USSection(id: 7, "BVVVkkkkkpFY.YA")
        #expect(section.gpc == true)
        #expect(
            section[.sensitiveDataProcessing]?.map(Int.init)
                == [2, 1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0, 2])
        #expect(section[.knownChildSensitiveDataConsents]?.map(Int.init) == [2, 1, 0])
        #expect(section[.mspaServiceProviderMode] == [2])
        #expect(section[.processingNotice] == nil)
    }

    @Test func `tells the older national section by its length, and takes version 2`() throws {
        #expect(try USSection(id: 7, "BAAAAAAAAQA.QA")[.sensitiveDataProcessing]?.count == 12)
        #expect(try USSection(id: 7, "BAAAAAAAAAAA")[.sensitiveDataProcessing]?.count == 16)
        #expect(try USSection(id: 7, "CAAAAAAAAAAA")[.sensitiveDataProcessing]?.count == 16)
        #expect(throws: ConsentTextError.self) { try USSection(id: 8, "CAAAAABA") }
        #expect(throws: ConsentTextError.self) { try USSection(id: 7, "DAAAAAAAAAAA") }
    }

    @Test(
        arguments: [
            // National: notices, then opt-outs.
            ("BVQqAAAAAgA.QA", 7, OptOuts(all: .notOptedOut)),
            ("BVVVkkkkkpFY.QA", 7, OptOuts(all: .optedOut)),
            ("BVQqAAAAAgA.YA", 7, OptOuts(all: .optedOut)),
            ("BAAAAAAAAQA.QA", 7, OptOuts()),
            // California has no targeted advertising, Virginia no sharing.
            ("BVWSSSVY.QA", 8, OptOuts(sale: .optedOut, sharing: .optedOut)),
            ("BVWSSVY", 9, OptOuts(sale: .optedOut, targetedAdvertising: .optedOut)),
            ("BVWSSVg.YA", 10, OptOuts(all: .optedOut)),
        ] as [(String, Int, OptOuts)])
    func `maps to opt-outs`(_ row: (String, Int, OptOuts)) throws {
        #expect(try USSection(id: row.1, row.0).optOuts == row.2)
    }

    @Test func `counts "did not opt out" only where the person was told how`() throws {
        for (notice, expected) in [(0, OptOut.notStated), (1, .notOptedOut), (2, .notStated)] {
            let text = USContent(
                id: 8, values: [notice, 1, 1, 2, 2] + [Int](repeating: 0, count: 15)
            ).text()
            #expect(try USSection(id: 8, text).optOuts.sale == expected)
            #expect(try USSection(id: 8, text).optOuts.sharing == .notOptedOut)
        }
    }

    @Test func `joins what its sections take away`() throws {
        // US Privacy: not opted out. Virginia: opted out of sale and targeted advertising.
        let text = GPPContent(sections: [(6, "1YNN"), (9, "BVWSSVY")]).text()
        let read = try GPPString(text)
        #expect(read.sectionIDs == [6, 9])
        #expect(read.optOuts == OptOuts(sale: .optedOut, targetedAdvertising: .optedOut))
    }

    @Test func `with a state's section that is not known answers nothing better than unreadable`()
        throws
    {
        let read = try GPPString(GPPContent(sections: [(6, "1YYN"), (26, "BAAA")]).text())
        #expect(
            read.optOuts
                == OptOuts(
                    sale: .optedOut, sharing: .unreadable,
                    targetedAdvertising: .unreadable))
        let canada = try GPPString(GPPContent(sections: [(5, "BAAA"), (6, "1YNN")]).text())
        #expect(canada.optOuts == OptOuts(sale: .notOptedOut))
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

    static let faults = [
        Fault("empty", "", .gppHeader, 0, .cutShort),
        Fault("of another type", "CBAA", .gppHeader, 1, .wrongType(2)),
        Fault("of another version", "DCAA", .gppHeader, 2, .unsupportedVersion(2)),
        Fault("without its section", "DBABTA", .gppHeader, 5, .countMismatch),
        Fault("with one section too many", "DBABTA~1YNN~1YNN", .gppHeader, 5, .countMismatch),
        Fault("with a number that never closes", "DBABA~1YNN", .gppHeader, 5, .cutShort),
        Fault("with an id beyond all", "DBABAAAAAABgAAAAA~1YNN", .gppHeader, 8, .numberTooLarge),
        Fault(
            "with a US Privacy string of version 2", "DBABTA~2YNN", .usPrivacy, 7,
            .unsupportedVersion(2)),
        Fault(
            "with a US Privacy string in lower case", "DBABTA~1ynn", .usPrivacy, 8,
            .badCharacter),
        Fault("with a US Privacy string that goes on", "DBABTA~1YNNN", .usPrivacy, 11, .tooLong),
        Fault("with a short section", "DBABLA~BVVV", .gppSection(7), 11, .cutShort),
        Fault(
            "with a value that is not defined", "DBABLA~B____________", .gppSection(7), 8,
            .undefinedValue(3)),
        Fault("with GPC twice", "DBABLA~BAAAAAAAAQA.QA.QA", .gppSection(7), 22, .repeatedSegment),
        Fault("with a TC string that is none", "DBABM~BPXx", .tcCore, 7, .unsupportedVersion(1)),
    ]

    @Test(arguments: faults)
    func `that is none is refused with its place`(_ fault: Fault) {
        #expect(throws: fault.error) { try GPPString(fault.text) }
    }

    @Test func `of one group of all ids costs no room`() {
        // Group from 1, 65,534 long, and no sections.
        var header = ConsentBuilder()
        for (value, width) in [(3, 6), (1, 6), (1, 12), (1, 1)] { header.put(value, width) }
        header.put(fibonacci: 1)
        header.put(fibonacci: 65_534)
        #expect { try GPPString(header.text()) } throws: {
            ($0 as? ConsentTextError)?.problem == .countMismatch
        }
    }

    @Test(arguments: [31, 32] as [UInt64])
    func `reads back what an encoder of its own wrote`(_ seed: UInt64) throws {
        var random = SeededBits(seed: seed)
        for round in 0..<3_000 {
            var sections: [(Int, String)] = []
            var contents: [Int: USContent] = [:]
            for id in [1, 2, 5, 6] + Array(7...30) + [400, 40_000] where random.onceIn(4) {
                switch id {
                case 2: sections.append((2, TCContent.random(&random).text()))
                case 6: sections.append((6, random.onceIn(2) ? "1YYN" : "1YNN"))
                case 7...23:
                    let content = USContent.random(id, &random)
                    contents[id] = content
                    sections.append((id, content.text()))
                default: sections.append((id, "whatever"))
                }
            }
            let text = GPPContent(sections: sections).text()
            let read = try GPPString(text)
            let place: Comment = "seed \(seed), round \(round): \(text)"
            #expect(read.sectionIDs == sections.map(\.0), place)
            for case .us(let section) in read.sections {
                let content = try #require(contents[section.id])
                #expect(section.fields.flatMap { $0.values.map(Int.init) } == content.values, place)
                #expect(section.gpc == content.gpc, place)
            }
        }
    }
}

@Suite struct `The first letter of a consent string` {
    @Test func `tells its kind`() throws {
        #expect(try PrivacyString("1YYN") == .usPrivacy(USPrivacyString("1YYN")))
        #expect(try PrivacyString("1YYN").optOuts == OptOuts(sale: .optedOut))
        #expect(try PrivacyString("DBAA") == .gpp(GPPString("DBAA")))
        #expect(
            throws: ConsentTextError(part: .form, position: 0, problem: .badCharacter)
        ) { try PrivacyString("BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA") }
        #expect(
            throws: ConsentTextError(part: .form, position: 0, problem: .cutShort)
        ) { try PrivacyString("") }
    }

    @Test(arguments: [
        ("1---", OptOut.notStated), ("1YNN", .notOptedOut), ("1NNN", .notStated),
        ("1-NY", .notStated), ("1YYN", .optedOut), ("1NYN", .optedOut), ("1-Y-", .optedOut),
        ("1Y-N", .notStated),
    ])
    func `of US Privacy speaks of sale`(_ row: (String, OptOut)) throws {
        #expect(try USPrivacyString(row.0).optOuts == OptOuts(sale: row.1))
    }
}

@Suite struct `The Sec-GPC header` {
    @Test(arguments: [
        ("1", true), (" 1\t", true), ("", false), ("0", false), ("true", false), ("11", false),
        ("1, 1", false), ("1.0", false), ("\"1\"", false), ("１", false),
    ])
    func `means something only as 1`(_ row: (String, Bool)) {
        #expect(GlobalPrivacyControl.isRaised(by: row.0.utf8) == row.1)
    }
}
