import CustomerModel
import PolicyText
import Projections
import Testing

/// Filters that are other ones: asked of the lines that they concern, once, and from columns after that.
@Suite struct `A simulation of another filter` {
    @Test(arguments: 0..<50)
    func `R1: equals a fold of every line, the first time and every time after`(_ seed: Int) throws
    {
        var random = SplitMix(seed: UInt64(60_000 + seed))
        var history = try RandomHistory(
            seed: UInt64(61_000 + seed), length: 120, policies: 1,
            restores: seed % 4 == 3 ? 1 : 0, damages: seed % 5 == 4 ? 1 : 0
        ).history
        let verdicts = FilterVerdicts()
        var changed = 0
        for round in 0..<12 {
            // The log grows under what was kept.
            if round == 6 {
                for number in 0..<10 {
                    try history.event(
                        Message.track(
                            "Order Completed", id: "more\(number)", user: "u\(number % 3)",
                            properties: #"{"revenue":\#(number * 30),"order_id":"o"}"#))
                }
            }
            var candidate = try #require(history.state.policy).policy
            candidate.destinations[0].filter = Self.filter(&random)
            candidate.destinations[1].filter =
                random.next(upTo: 2) == 0 ? Self.filter(&random) : nil
            if random.next(upTo: 3) == 0 { candidate.consent.resolution = .latest }
            if random.next(upTo: 4) == 0 {
                candidate.destinations[0].events.append(
                    EventRule(
                        selector: EventSelector(type: .track, name: nil), fields: .none,
                        context: .none))
            }
            let from = random.next(upTo: 2) == 0 ? 1 : history.next / 2
            let basis = history.state.basis(for: candidate)
            let range =
                random.next(upTo: 2) == 0 ? 0..<history.next : history.next / 3..<history.next
            let folded = history.rebuilt(schedule: .candidate(candidate, from: from))
                .difference(from: basis, range: range, samples: 3)
            for isAgain in [false, true] {
                var lines = 0
                let source = history.lines { lines += 1 }
                let columns = try basis.difference(
                    under: candidate, from: from, range: range, samples: 3,
                    filters: FilterReading(source, keeping: verdicts))
                #expect(
                    columns == folded, "seed \(seed), round \(round), \(candidate.destinations)")
                if isAgain { #expect(lines == 0, "seed \(seed), round \(round)") }
            }
            for item in folded.destinations {
                changed += item.counts.newlyAllowed + item.counts.newlyWithheld
            }
        }
        #expect(changed > 0, "seed \(seed): no filter changed anything")
    }

    private static func filter(_ random: inout SplitMix) -> Condition {
        let revenue = FieldPath(names: ["properties", "revenue"])
        switch random.next(upTo: 7) {
        case 0: return .field(revenue, .atLeast(Amount(billionths: 100_000_000_000)))
        case 1: return .not(.field(revenue, .moreThan(Amount(billionths: 50_000_000_000))))
        case 2:
            return .any([
                filter(&random), .field(FieldPath(names: ["type"]), .equals(.text("track"))),
            ])
        case 3: return .all([filter(&random), filter(&random)])
        case 4: return .field(FieldPath(names: ["event"]), .startsWith("Order"))
        case 5: return .field(FieldPath(names: ["context", "country"]), .isAbsent)
        default: return .field(revenue, .isPresent)
        }
    }

    @Test func `reads the lines of events that reach it, and no others`() throws {
        var history = try History(policy: Policies.shop)
        for number in 0..<30 {
            try history.event(
                Message.track(
                    number % 3 == 0 ? "Order Completed" : "Cart Viewed", id: "m\(number)",
                    user: "u1", properties: #"{"revenue":\#(number)}"#))
        }
        var candidate = try #require(history.state.policy).policy
        candidate.destinations[0].filter = .field(
            FieldPath(names: ["properties", "revenue"]),
            .atLeast(Amount(billionths: 15_000_000_000)))
        let verdicts = FilterVerdicts()
        func ask(_ range: Range<UInt64>) throws -> (withheld: Int, asked: Int) {
            var asked = 0
            let report = try history.state.basis(for: candidate).difference(
                under: candidate, from: 1, range: range, samples: 0,
                filters: FilterReading(history.lines { asked += 1 }, keeping: verdicts))
            let filtered = report.destinations[0].withheldBy.first { $0.reason == "filter" }
            return (filtered?.count ?? 0, asked)
        }
        // Orders stand at every third offset from 1 on; a source hands out ranges, from the first to the last.
        let first = try ask(0..<16)
        #expect(first.withheld == 5 && first.asked == 13)
        let again = try ask(0..<16)
        #expect(again.withheld == 5 && again.asked == 0)
        let rest = try ask(0..<history.next)
        #expect(rest.withheld == 5 && rest.asked == 13)
        #expect(verdicts.lengthBytes > 0)
    }

    @Test func `answers what filters read of profiles from what was read at the event`() throws {
        var history = try History(
            policy: Policies.shop(
                ads: "    filter: { field: profile.traits.plan, is: pro }"))
        func order(_ id: String) throws -> UInt64 {
            try history.event(Message.track("Order Completed", id: id, user: "u1"))
        }
        try history.event(Message.identify(id: "i1", user: "u1", traits: #"{"plan":"free"}"#))
        try history.event(Message.preference(id: "c", user: "u1", ["Advertising": true]))
        let free = try order("o1")
        try history.event(Message.identify(id: "i2", user: "u1", traits: #"{"plan":"pro"}"#))
        let pro = try order("o2")
        func report(_ filter: String) throws -> SimulationReport {
            let candidate = try PolicyFile.read(
                Policies.shop(ads: "    filter: \(filter)"), name: "candidate")
            return try history.state.basis(for: candidate).difference(
                under: candidate, from: 1, range: 0..<history.next, samples: 3,
                filters: FilterReading(
                    history.lines { Issue.record("no line is needed") }, keeping: FilterVerdicts()))
        }
        let other = try report("{ field: profile.traits.plan, is: free }")
        #expect(other.destinations[1].allowedSamples == [free])
        #expect(other.destinations[1].withheldSamples == [pro])
        do {
            _ = try report("{ field: profile.traits.country, is: free }")
            Issue.record("nobody read the country of a profile")
        } catch let error as NeedsFold {
            #expect(error.reason == "profile.traits.country was not read of every event")
        }
    }

    @Test func `says that it must fold where a line is not there any more`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Message.track("Order Completed", id: "o", user: "u1"))
        var candidate = try #require(history.state.policy).policy
        candidate.destinations[0].filter = .field(
            FieldPath(names: ["properties", "revenue"]), .isPresent)
        let nothing = LineSource { _, _ in }
        do {
            _ = try history.state.basis(for: candidate).difference(
                under: candidate, from: 1, range: 0..<history.next, samples: 0,
                filters: FilterReading(nothing, keeping: FilterVerdicts()))
            Issue.record("a filter cannot be asked without a line")
        } catch {
            #expect(error.reason == "the lines of some events are not there any more")
        }
    }

    @Test func `keeps no more than it may, and nothing of another state`() throws {
        let history = try RandomHistory(seed: 3, length: 200, policies: 1).history
        let small = FilterVerdicts(limitBytes: 8)
        let verdicts = FilterVerdicts()
        var candidate = try #require(history.state.policy).policy
        candidate.destinations[0].filter = .field(
            FieldPath(names: ["properties", "revenue"]), .isPresent)
        func lines(_ kept: FilterVerdicts, _ state: UInt64) throws -> Int {
            var lines = 0
            _ = try history.state.basis(for: candidate).difference(
                under: candidate, from: 1, range: 0..<history.next, samples: 0,
                filters: FilterReading(history.lines { lines += 1 }, keeping: kept, of: state))
            return lines
        }
        #expect(try lines(small, 0) > 0)
        #expect(try lines(small, 0) > 0)
        #expect(small.lengthBytes == 0)
        #expect(try lines(verdicts, 0) > 0)
        #expect(try lines(verdicts, 0) == 0)
        #expect(try lines(verdicts, 1) > 0)
    }
}

extension History {
    /// Its lines, as a simulation asks for them; `counting` is called for each.
    func lines(counting: @escaping () -> Void) -> LineSource {
        LineSource { range, body in
            for (record, line) in records where range.contains(record.offset) {
                counting()
                try line.withUnsafeBytes { try body(record.offset, $0) }
            }
        }
    }
}
