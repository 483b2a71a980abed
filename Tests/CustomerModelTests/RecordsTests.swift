import CustomerModel
import Hashing
import JSONText
import Testing

@Suite struct `Control records` {
    @Test(arguments: RecordSamples.all)
    func `come back from their own JSON as they were written`(_ sample: RecordSamples.Sample) throws
    {
        try sample.roundTrip()
    }

    @Test(arguments: RecordSamples.all)
    func `are read when a later version has added members`(_ sample: RecordSamples.Sample) throws {
        try sample.readsWithUnknownMembers()
    }

    @Test(arguments: RecordSamples.all)
    func `name the member that is missing`(_ sample: RecordSamples.Sample) throws {
        for (path, isOptional) in sample.members where !isOptional {
            let error = sample.error(changing: path, to: nil)
            #expect(error == RecordError(kind: sample.kind, member: path, problem: .missing))
        }
    }

    @Test(arguments: RecordSamples.all)
    func `name the member that has the wrong type`(_ sample: RecordSamples.Sample) throws {
        for (path, _) in sample.members {
            for wrong in [JSONValue.null, .array([.int(1)]), .number("1.5")] {
                let error = sample.error(changing: path, to: wrong)
                #expect(error?.member.hasPrefix(path) == true, "\(path) as \(wrong)")
                #expect(error?.problem == .illTyped, "\(path) as \(wrong)")
            }
        }
    }

    @Test func `refuse a negative offset and a version of zero`() throws {
        let settled = RecordSamples.sample("settled")
        #expect(settled.error(changing: "at", to: .int(-1))?.problem == .outOfRange)
        let policy = RecordSamples.sample("policy")
        #expect(policy.error(changing: "version", to: .int(0))?.problem == .outOfRange)
        let cancelled = RecordSamples.sample("cancelled")
        let error = cancelled.error(changing: "members[0].gates", to: .int(65_536))
        #expect(error?.problem == .outOfRange)
    }

    @Test func `refuse a bitmap that has not one bit for each offset`() throws {
        let released = RecordSamples.sample("released")
        let longer = Base64.encode([0x05, 0, 0, 0])
        for (member, value) in [
            ("bitmap", JSONValue.string(longer)), ("bitmap", ""), ("to", 130), ("allowed", 3),
        ] {
            let error = released.error(changing: member, to: value)
            let blamed = member == "allowed" ? "allowed" : "bitmap"
            #expect(
                error == RecordError(kind: .released, member: blamed, problem: .lengthMismatch))
        }
        #expect(released.error(changing: "to", to: 1)?.member == "to")
        #expect(released.error(changing: "to", to: .int(.max))?.problem == .lengthMismatch)
        let plan = RecordSamples.sample("plan")
        #expect(plan.error(changing: "bitmap", to: "AA==")?.problem == .lengthMismatch)
    }

    @Test func `L1: stand in a line as its tail, from the kind to the closing brace`() throws {
        let tick = TickRecord(time: Timestamp(microseconds: 1_000_001), asIfLive: true)
        let tail = tick.tail(received: Timestamp(microseconds: 2_000_000))
        #expect(
            String(decoding: tail, as: UTF8.self)
                == #""kind":"tick","source":"sluice","received":"1970-01-01T00:00:02.000000Z","#
                + #""changed":[],"body":{"time":"1970-01-01T00:00:01.000001Z","asIfLive":true}}"#)
        let line = Array(#"{"v":1,"offset":7,"#.utf8) + tail
        var parser = JSONParser()
        try parser.parse(line) { line in
            let body = try #require(line["body"])
            #expect(try TickRecord(body) == tick)
        }
    }

    @Test func `say in words what is wrong`() {
        let error = RecordError(kind: .attempt, member: "members[3].digest", problem: .missing)
        #expect(error.description == "attempt record: members[3].digest is missing")
    }

    @Test func `have kinds with names that lead back to them`() {
        for kind in RecordKind.allCases {
            #expect(RecordKind(name: kind.name) == kind)
        }
        #expect(RecordKind(name: "Event") == nil)
        #expect(Set(RecordKind.allCases.map(\.name)).count == RecordKind.allCases.count)
    }

    @Test func `give an attempt the first 32 different identifiers as column keys`() {
        func attempt(_ identifiers: [[UInt64]]) -> AttemptRecord {
            let digest = Hashing.SHA256.of("")
            let members = identifiers.enumerated().map { place, identifiers in
                AttemptRecord.Member(
                    key: EffectKey(high: 0, low: UInt64(place)), action: .deliver, at: 0,
                    digest: digest, policy: 1, consent: nil, fieldSet: 0,
                    identifiers: identifiers)
            }
            return AttemptRecord(
                destination: "crm", epoch: 1, recipient: "", slot: "event", plan: nil, look: 0,
                generation: 1, try: 1, request: "", bodyDigest: digest, bodyBytes: 0,
                started: Timestamp(microseconds: 0), position: nil, members: members)
        }
        #expect(attempt([]).columnKeys == [])
        #expect(attempt([[7, 8], [8, 9], [], [7]]).columnKeys == [7, 8, 9])
        let many = attempt((0..<20).map { [UInt64($0) * 2, UInt64($0) * 2 + 1] })
        #expect(many.columnKeys == Array(0..<32))
    }

    @Test func `give a receipt's exceptions before its own outcome`() {
        let receipt = ReceiptRecord(
            attempt: 1, outcome: .delivered, reason: "", settled: Timestamp(microseconds: 0),
            exceptions: [.init(member: 1, outcome: .rejected)])
        #expect(receipt.outcome(ofMember: 0) == .delivered)
        #expect(receipt.outcome(ofMember: 1) == .rejected)
    }
}

@Suite struct `An effect key` {
    @Test func `E1: is the same for ever`() {
        // printf 'crm\0001\000web\000m-1\000event\000deliver' | sha256sum | cut -c1-32
        let key = EffectKey.make(
            destination: "crm", epoch: 1, source: "web", messageID: "m-1", slot: "event",
            action: .deliver)
        #expect(key.hex == "7c5ee3ff7faffca41471f7a9afb7af27")
        #expect(EffectKey(hex: key.hex) == key)
    }

    @Test func `E1: differs when any of its parts does, also when they only move across a border`()
    {
        func key(_ d: String, _ e: Int, _ s: String, _ m: String, _ o: String, _ a: EffectAction)
            -> EffectKey
        {
            .make(destination: d, epoch: e, source: s, messageID: m, slot: o, action: a)
        }
        let keys = [
            key("crm", 1, "web", "m", "event", .deliver),
            key("crn", 1, "web", "m", "event", .deliver),
            key("crm", 2, "web", "m", "event", .deliver),
            key("crm", 1, "app", "m", "event", .deliver),
            key("crm", 1, "web", "n", "event", .deliver),
            key("crm", 1, "web", "m", "other", .deliver),
            key("crm", 1, "web", "m", "event", .entered),
            key("crm", 1, "webm", "", "event", .deliver),
            key("crm1", 1, "web", "m", "event", .deliver),
            key("crm", 11, "web", "m", "event", .deliver),
        ]
        #expect(Set(keys).count == keys.count)
    }

    @Test(arguments: [
        "", "00", String(repeating: "g", count: 32), String(repeating: "0", count: 33),
    ])
    func `is not read from other text`(_ text: String) {
        #expect(EffectKey(hex: text) == nil)
    }
}
