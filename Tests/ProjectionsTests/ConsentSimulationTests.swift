import CustomerModel
import JSONText
import PolicyText
import Projections
import Testing

/// Other consent rules, from columns and by folding every line: the same counts, event by event.
@Suite struct `A simulation of other consent rules` {
    @Test(arguments: 0..<60)
    func `R1, C3-C6: equals a fold of every line`(_ seed: Int) throws {
        var random = SplitMix(seed: UInt64(40_000 + seed))
        let history = try RandomHistory(
            seed: UInt64(31_000 + seed), length: 160, policies: seed % 3 + 1,
            restores: seed % 4 == 3 ? 1 : 0, damages: seed % 5 == 4 ? 1 : 0
        ).history
        // What is planned changes with the version, and a plan that is another one folds the lines.
        let first = try #require(history.state.policy).activatedAt
        for _ in 0..<20 {
            let from = random.next(upTo: 2) == 0 ? first : (first + history.next) / 2
            try Self.compare(history, from: from, &random, "seed \(seed)")
        }
    }

    @Test(arguments: 0..<80)
    func `R1, C3-C6: equals a fold where times are equal and readers disagree`(_ seed: Int) throws {
        var random = SplitMix(seed: UInt64(50_000 + seed))
        let history = try Self.quarrels(&random)
        var changed = 0
        for _ in 0..<20 {
            let from = random.next(upTo: 2) == 0 ? 1 : history.next / 2
            changed += try Self.compare(history, from: from, &random, "seed \(seed)")
        }
        #expect(changed > 0, "seed \(seed): no rule changed anything")
    }

    /// - Returns: how many judgements the candidate turns.
    @discardableResult
    private static func compare(
        _ history: History, from: UInt64, _ random: inout SplitMix, _ seed: String
    ) throws -> Int {
        var candidate = try #require(history.state.policy).policy
        let words = change(&candidate, &random)
        let fold = history.rebuilt(schedule: .candidate(candidate, from: from))
        var changed = 0
        for range in [0..<history.next, history.next / 3..<history.next * 3 / 4] {
            let basis = history.state.basis(for: candidate)
            let columns = try basis.difference(
                under: candidate, from: from, range: range, samples: 3)
            // As a log of millions is cut: people apart, events in windows.
            var parts = basis
            parts.cut = WalkCut()
            parts.cut.partBits = random.next(upTo: 4)
            parts.cut.window = 1 + random.next(upTo: 60)
            let walked = try parts.difference(
                under: candidate, from: from, range: range, samples: 3)
            #expect(walked == columns, "\(seed): \(words), from \(from), \(range), \(parts.cut)")
            let folded = fold.difference(from: basis, range: range, samples: 3)
            #expect(columns == folded, "\(seed): \(words), from \(from), \(range)")
            for item in columns.destinations {
                changed += item.counts.newlyAllowed + item.counts.newlyWithheld
            }
        }
        return changed
    }

    /// Makes some consent rules others, and now and then something of a destination. Returns what.
    private static func change(_ policy: inout Policy, _ random: inout SplitMix) -> String {
        var words: [String] = []
        for index in policy.destinations.indices {
            // These two must be read from lines or from who is in which audience.
            policy.destinations[index].filter = nil
            policy.destinations[index].tcf = nil
        }
        policy.consent.resolution = random.next(upTo: 2) == 0 ? .latest : .strictest
        policy.consent.supersedesWeaker = random.next(upTo: 2) == 0
        words.append(
            "\(policy.consent.resolution)\(policy.consent.supersedesWeaker ? ", supersedes" : "")")
        let days: [Int64?] = [nil, 0, 1, 2, 5, 30]
        let countries = ["US", "DE"].compactMap { CountryCode($0) }
        for index in policy.purposes.indices {
            let end = days[random.next(upTo: days.count)]
            policy.purposes[index].expiresAfterMicroseconds = end.map { $0 * 86_400_000_000 + 1 }
            policy.purposes[index].signals.defaultCountries = Array(
                countries.prefix(random.next(upTo: 3)))
            if random.next(upTo: 6) == 0 { policy.purposes[index].basis = .legitimateInterest }
            words.append("\(policy.purposes[index].name) ends \(end.map(String.init) ?? "never")")
        }
        let last = policy.destinations.count - 1
        switch random.next(upTo: 6) {
        case 0: policy.destinations[last].purposes = [0]
        case 1: policy.destinations[0].samplePerMillion = 500_000
        case 2: policy.destinations[0].anyPurposes = Array(policy.purposes.indices)
        case 3:
            policy.purposes.reverse()
        default: break
        }
        return words.joined(separator: ", ")
    }

    /// What nothing in the histories turned on could be wrong unseen.
    @Test func `the histories tell every rule from the others`() throws {
        let toggles: [(name: String, change: (inout Policy) -> Void)] = [
            (
                "resolution",
                { $0.consent.resolution = $0.consent.resolution == .latest ? .strictest : .latest }
            ),
            ("supersedes", { $0.consent.supersedesWeaker.toggle() }),
            ("expiry", { $0.purposes[0].expiresAfterMicroseconds = 86_400_000_000 }),
            (
                "a moment more",
                {
                    let before = $0.purposes[0].expiresAfterMicroseconds ?? 0
                    $0.purposes[0].expiresAfterMicroseconds = before + 86_400_000_000
                }
            ),
            (
                "defaults",
                {
                    for index in $0.purposes.indices {
                        $0.purposes[index].signals.defaultCountries = ["US", "DE"].compactMap {
                            CountryCode($0)
                        }
                    }
                }
            ),
        ]
        var told = [Int](repeating: 0, count: toggles.count)
        for seed in 0..<100 {
            var random = SplitMix(seed: UInt64(50_000 + seed))
            let history = try Self.quarrels(&random)
            var plain = try #require(history.state.policy).policy
            plain.purposes[0].expiresAfterMicroseconds = 3 * 86_400_000_000
            func report(_ policy: Policy) throws -> SimulationReport {
                try history.state.basis(for: policy).difference(
                    under: policy, from: 1, range: 0..<history.next, samples: 3)
            }
            for (number, toggle) in toggles.enumerated() {
                var other = plain
                toggle.change(&other)
                if try report(other) != report(plain) { told[number] += 1 }
            }
        }
        for (toggle, count) in zip(toggles, told) {
            #expect(count > 0, "nothing depends on \(toggle.name)")
        }
    }

    // MARK: People who contradict themselves

    /// Few people with many identifiers, times by the day, and events that say several things at once.
    private static func quarrels(_ random: inout SplitMix) throws -> History {
        let text = Policies.shop(
            resolve: random.next(upTo: 2) == 0 ? "latest" : "strictest"
        ).replacing(
            "purposes:\n  analytics: { segment: [Analytics],",
            with: """
                  country: [{ field: context.country, sources: [web] }]
                purposes:
                  analytics: { segment: [Analytics], mparticle: [analytics],
                """
        ).replacing(
            "{ segment: [Advertising],",
            with: "{ segment: [Advertising], usPrivacy: [saleOptOut], ccpa: true,")
        var history = try History(policy: text)
        for index in 0..<120 {
            history.clock += Int64(random.next(upTo: 3)) * 14_400_000_000
            switch random.next(upTo: 12) {
            case 0: decide(&history, &random)
            case 1:
                // Said on an identifier that may belong to nobody yet.
                let isGrant = random.next(upTo: 2) == 0
                history.append(
                    ConsentRecord(
                        type: ["user_id", "email", "anonymous_id"][random.next(upTo: 3)],
                        value: ["u1", "e1@x.org", "a1"][random.next(upTo: 3)],
                        granted: isGrant ? ["analytics", "advertising"] : [],
                        denied: isGrant ? [] : ["advertising"],
                        asserted: day(history, &random), by: "test"))
            default: try event(index, &history, &random)
            }
        }
        return history
    }

    private static func decide(_ history: inout History, _ random: inout SplitMix) {
        let act: IdentityRecord.Act = random.next(upTo: 3) > 0 ? .retract : .lift
        let other =
            random.next(upTo: 2) == 0
            ? "anonymous_id:a\(random.next(upTo: 5))" : "email:e\(random.next(upTo: 4))@x.org"
        history.decide(act, "user_id:u\(random.next(upTo: 3))", other)
    }

    private static func day(_ history: History, _ random: inout SplitMix) -> Timestamp {
        let day: Int64 = 86_400_000_000
        return Timestamp(
            microseconds: (history.clock / day - Int64(random.next(upTo: 6))) * day)
    }

    private static func event(
        _ index: Int, _ history: inout History, _ random: inout SplitMix
    ) throws {
        func flag(_ random: inout SplitMix) -> Bool { random.next(upTo: 2) == 0 }
        var parts = [
            #""messageId":"m\#(index)""#, #""timestamp":"\#(day(history, &random))""#,
        ]
        if flag(&random) { parts.append(#""userId":"u\#(random.next(upTo: 3))""#) }
        if flag(&random) || parts.count == 2 {
            parts.append(#""anonymousId":"a\#(random.next(upTo: 5))""#)
        }
        if random.next(upTo: 4) == 0 {
            parts.append(#""type":"identify","traits":{"email":"e\#(random.next(upTo: 4))@x.org"}"#)
        } else {
            parts.append(#""type":"track","event":"Order Completed","properties":{}"#)
        }
        var consent: [String] = []
        if random.next(upTo: 3) == 0 {
            let given = ["Analytics", "Advertising"].compactMap { name in
                flag(&random) ? #""\#(name)":\#(flag(&random))"# : nil
            }
            consent.append(#""categoryPreferences":{\#(given.joined(separator: ","))}"#)
        }
        if random.next(upTo: 4) == 0 {
            consent.append(#""usPrivacy":"\#(flag(&random) ? "1YNN" : "1YYN")""#)
        }
        var context: [String] = []
        if !consent.isEmpty { context.append(#""consent":{\#(consent.joined(separator: ","))}"#) }
        if random.next(upTo: 4) == 0 {
            context.append(#""country":"\#(flag(&random) ? "US" : "de")""#)
        }
        if !context.isEmpty { parts.append(#""context":{\#(context.joined(separator: ","))}"#) }
        if random.next(upTo: 4) == 0 {
            let time = day(history, &random).microseconds / 1_000
            parts.append(
                #""consent_state":{"gdpr":{"analytics":{"consented":\#(flag(&random)),"timestamp_unixtime_ms":\#(time)}}}"#
            )
        }
        try history.event(
            "{\(parts.joined(separator: ","))}",
            source: random.next(upTo: 3) > 0 ? "web" : "server",
            envelope: random.next(upTo: 8) == 0 ? ",\"gpc\":true" : "")
    }

    // MARK: One story

    @Test func `C4, C5: a person who says no under another name is counted under either rule`()
        throws
    {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.preference(id: "no", anonymous: "a1", ["Analytics": false]))
        history.clock += 3_600_000_000
        try history.event(Message.preference(id: "yes", user: "u1", ["Analytics": true]))
        let alone = try history.event(Message.track("Order Completed", id: "o1", user: "u1"))
        try history.event(Message.identify(id: "i", user: "u1", anonymous: "a1"))
        let together = try history.event(Message.track("Order Completed", id: "o2", user: "u1"))
        #expect(try history.gates(alone, "warehouse") == ["allow"])
        #expect(try history.gates(together, "warehouse") == ["consent denied"])

        var candidate = try #require(history.state.policy).policy
        candidate.consent.resolution = .latest
        let latest = try history.state.basis(for: candidate).difference(
            under: candidate, from: 1, range: 0..<history.next, samples: 3)
        #expect(latest.destinations[0].allowedSamples == [together])
        #expect(latest.destinations[0].withheldSamples.isEmpty)

        // A grant that ends after an hour has ended when the next event is an hour later.
        candidate.purposes[0].expiresAfterMicroseconds = 3_600_000_000
        history.clock += 3_600_000_000
        let late = try history.event(Message.track("Order Completed", id: "o3", user: "u1"))
        let ended = try history.state.basis(for: candidate).difference(
            under: candidate, from: 1, range: late..<late + 1, samples: 3)
        #expect(ended.destinations[0].withheldBy.map(\.reason) == ["consent expired"])
    }
}
