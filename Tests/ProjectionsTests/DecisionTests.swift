import CustomerModel
import Hashing
import JSONText
import PolicyText
import Projections
import Testing

@Suite struct `A decision` {
    static let granted = Message.preference(
        id: "consent", user: "u1", ["Analytics": true, "Advertising": true])

    @Test func `D1: gives all failing gates in order, not the first`() throws {
        var history = try History(
            policy: Policies.shop(
                warehouse: """
                        sources: [app]
                        requires: [email]
                        maximumAge: 1d
                        filter: { field: properties.revenue, atLeast: 10 }
                    """.replacing("        ", with: "    ")))
        let event = try history.event(
            #"{"type":"track","messageId":"1","userId":"u1","event":"Secret Event","properties":{"revenue":5},"timestamp":"2020-01-01T00:00:00Z","integrations":{"All":false}}"#
        )
        #expect(
            try history.gates(event, "warehouse") == [
                "source not connected", "event not listed", "filter", "consent unknown",
                "integrations switch", "missing identifier", "too old",
            ])
    }

    @Test func `D1: reads exactly up to its own event`() throws {
        var history = try History(policy: Policies.shop)
        let early = try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        try history.event(Self.granted)
        let late = try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        #expect(try history.gates(early, "warehouse") == ["consent unknown"])
        #expect(try history.gates(late, "warehouse") == ["allow"])
    }

    @Test func `D1: names the policy version and the consent offset it used`() throws {
        var history = try History(policy: Policies.shop)
        let consent = try history.event(Self.granted)
        let event = try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        let explanation = try #require(try history.explain(event, "ads"))
        #expect(explanation.policyVersion == 1)
        #expect(explanation.purposes.map(\.state.offset) == [consent])
        #expect(explanation.rule?.selector.name == "Order Completed")
    }

    @Test func `A2: every gate asked again agrees with the column, over random histories`() throws {
        for seed in 0..<30 {
            let history = try RandomHistory(seed: UInt64(seed), length: 120).history
            for (record, _) in history.records where record.kind == 1 {
                for destination in ["warehouse", "ads"] {
                    guard let explanation = try history.explain(record.offset, destination) else {
                        continue
                    }
                    #expect(
                        explanation.agrees,
                        "seed \(seed), offset \(record.offset), \(destination): recorded \(String(describing: explanation.recorded?.gates)), again \(explanation.rederived.gates)"
                    )
                }
            }
        }
    }

    @Test func `P4: what is not listed is withheld`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Self.granted)
        let unlisted = try history.event(Message.track("Something Else", id: "2", user: "u1"))
        let page = try history.event(
            #"{"type":"page","messageId":"3","userId":"u1","name":"Order Completed"}"#)
        #expect(try history.gates(unlisted, "warehouse") == ["event not listed"])
        #expect(try history.gates(page, "warehouse") == ["event not listed"])
    }

    @Test func `P1: activation applies from its own offset on`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Self.granted)
        let before = try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        try history.activate(
            Policies.shop.replacing("track: Order Completed", with: "track: Other"))
        let after = try history.event(Message.track("Order Completed", id: "3", user: "u1"))
        #expect(try history.gates(before, "warehouse") == ["allow"])
        #expect(try history.gates(after, "warehouse") == ["event not listed"])
        #expect(try history.explain(before, "warehouse")?.policyVersion == 1)
        #expect(try history.explain(after, "warehouse")?.policyVersion == 2)
    }

    @Test func `P1: a candidate judges from its own offset on`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Self.granted)
        let before = try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        let after = try history.event(Message.track("Order Completed", id: "3", user: "u1"))
        let other = try PolicyFile.read(
            Policies.shop.replacing("track: Order Completed", with: "track: Other"), name: "other")
        let state = history.rebuilt(schedule: .candidate(other, from: after))
        #expect(state.allowed("warehouse", in: 0..<history.next) == [before])
        let all = history.rebuilt(schedule: .candidate(other, from: 0))
        #expect(all.allowed("warehouse", in: 0..<history.next) == [])
    }

    @Test func `P4: a destination without a purpose gets nothing, however it came to be`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Self.granted)
        let event = try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        var policy = try PolicyFile.read(Policies.shop, name: "shop")
        #expect(
            history.rebuilt(schedule: .candidate(policy, from: 0))
                .allowed("warehouse", in: 0..<history.next) == [event])
        policy.destinations[0].purposes = []
        #expect(
            history.rebuilt(schedule: .candidate(policy, from: 0))
                .allowed("warehouse", in: 0..<history.next) == [])
    }

    @Test func `X1: a second suppression takes nothing from the first`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Self.granted)
        history.append(SuppressionRecord(type: "user_id", value: "u1", by: "test"))
        let between = try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        history.append(SuppressionRecord(type: "user_id", value: "u1", by: "test"))
        #expect(try history.gates(between, "warehouse") == ["suppressed"])
        #expect(try history.explain(between, "warehouse")?.agrees == true)
    }

    @Test func `X1: a suppressed subject is withheld from that offset on`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Self.granted)
        let before = try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        history.append(SuppressionRecord(type: "user_id", value: "u1", by: "test"))
        let after = try history.event(Message.track("Order Completed", id: "3", user: "u1"))
        #expect(try history.gates(before, "warehouse") == ["allow"])
        #expect(try history.gates(after, "warehouse") == ["suppressed"])
        #expect(try history.explain(before, "warehouse")?.agrees == true)
    }

    @Test func `L9: a parked record withholds every later event of whoever it names`() throws {
        var history = try History(policy: Policies.shop)
        for user in ["u1", "u2"] {
            try history.event(
                Message.preference(id: "c-\(user)", user: user, ["Analytics": true]))
        }
        let before = try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        let parked = try history.unreadable(like: Message.track("x", id: "2", user: "u1"))
        let after = try history.event(Message.track("Order Completed", id: "3", user: "u1"))
        let other = try history.event(Message.track("Order Completed", id: "4", user: "u2"))
        #expect(try history.gates(before, "warehouse") == ["allow"])
        #expect(try history.gates(after, "warehouse") == ["unreadable"])
        #expect(try history.gates(other, "warehouse") == ["allow"])
        #expect(history.state.counts().parked.map(\.offset) == [parked])
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test func `D4: a sample keeps or leaves a person for good`() throws {
        var history = try History(policy: Policies.shop(warehouse: "    sample: 50%"))
        var kept = 0
        for user in 0..<200 {
            var answers: Set<[String]> = []
            try history.event(
                Message.preference(id: "c\(user)", user: "u\(user)", ["Analytics": true]))
            for turn in 0..<3 {
                let event = try history.event(
                    Message.track("Order Completed", id: "\(user)-\(turn)", user: "u\(user)"))
                answers.insert(try history.gates(event, "warehouse"))
            }
            #expect(answers.count == 1)
            if answers == [["allow"]] { kept += 1 }
        }
        #expect((70...130).contains(kept))
    }
}

@Suite struct `A rebuild` {
    @Test(arguments: 0..<60)
    func `P2: live equals rebuilt equals restored, by digest`(_ seed: Int) throws {
        let history = try RandomHistory(seed: UInt64(seed), length: 150).history
        let live = history.state.digest()
        #expect(history.rebuilt().digest() == live, "seed \(seed)")
        let restored = try FoldState(
            canonicalBytes: history.state.canonicalBytes(), key: History.key)
        #expect(restored.digest() == live, "seed \(seed)")
    }

    @Test(arguments: 0..<20)
    func `P2: a restored checkpoint goes on as the live fold does`(_ seed: Int) throws {
        let random = try RandomHistory(seed: UInt64(seed), length: 120)
        let half = random.history.next / 2
        let early = random.history.rebuilt(upTo: half)
        var restored = try FoldState(canonicalBytes: early.canonicalBytes(), key: History.key)
        random.history.advance(&restored)
        #expect(restored.digest() == random.history.state.digest(), "seed \(seed)")
    }

    @Test func `P2: another log gives another digest`() throws {
        let one = try RandomHistory(seed: 1, length: 50).history.state.digest()
        let two = try RandomHistory(seed: 2, length: 50).history.state.digest()
        #expect(one != two)
    }

    @Test(arguments: 0..<200)
    func `damaged checkpoint bytes are an error, never a crash`(_ seed: Int) throws {
        var random = SplitMix(seed: UInt64(seed))
        var bytes = try RandomHistory(seed: 7, length: 40).history.state.canonicalBytes()
        switch seed % 2 {
        case 0: bytes.removeLast(random.next(upTo: bytes.count))
        default: bytes[random.next(upTo: bytes.count)] ^= UInt8(1 << random.next(upTo: 8))
        }
        // A flipped byte inside a value may still be a state; a cut never is.
        if seed % 2 == 0 {
            #expect(throws: (any Error).self) {
                _ = try FoldState(canonicalBytes: bytes, key: History.key)
            }
        }
    }
}

@Suite struct `A simulation` {
    @Test func `R1: counts exactly what a candidate changes, by reason, and changes nothing`()
        throws
    {
        var history = try History(policy: Policies.shop)
        try history.event(Message.preference(id: "c1", user: "u1", ["Analytics": true]))
        for index in 0..<5 {
            try history.event(Message.track("Order Completed", id: "o\(index)", user: "u1"))
            try history.event(Message.track("Cart Viewed", id: "v\(index)", user: "u1"))
        }
        let before = history.state.digest()
        let candidate = try PolicyFile.read(
            Policies.shop.replacing("track: Product Viewed", with: "track: Cart Viewed")
                .replacing(
                    "track: Order Completed\n        properties: [order_id, revenue]",
                    with: "track: Nothing\n        properties: [order_id, revenue]"),
            name: "candidate")
        let simulated = history.rebuilt(schedule: .candidate(candidate, from: 0))
        let report = simulated.difference(
            from: history.state.basis(for: candidate), range: 0..<history.next, samples: 2)
        let warehouse = try #require(report.destinations.first { $0.name == "warehouse" })
        #expect(warehouse.counts.allowedBefore == 5)
        #expect(warehouse.counts.allowedAfter == 5)
        #expect(warehouse.counts.newlyAllowed == 5)
        #expect(warehouse.counts.newlyWithheld == 5)
        #expect(warehouse.newlyAllowedBefore.map(\.reason) == ["event not listed"])
        #expect(warehouse.newlyWithheldBy.map(\.reason) == ["event not listed"])
        #expect(warehouse.allowedSamples.count == 2)
        #expect(history.state.digest() == before)
    }

    @Test(arguments: 0..<20)
    func `the policy in force against itself changes nothing`(_ seed: Int) throws {
        var random = try RandomHistory(seed: UInt64(seed), length: 100, policies: 1)
        let policy = try #require(random.history.state.policy).policy
        let simulated = random.history.rebuilt(schedule: .candidate(policy, from: 1))
        let report = simulated.difference(
            from: random.history.state.basis(for: policy), range: 0..<random.history.next,
            samples: 1)
        random.history.clock += 1
        for destination in report.destinations {
            #expect(destination.counts.newlyAllowed == 0, "seed \(seed)")
            #expect(destination.counts.newlyWithheld == 0, "seed \(seed)")
        }
    }
}
