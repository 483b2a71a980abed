import CustomerModel
import PolicyText
import Projections
import Testing

/// What columns answer is what a fold of every line answers, event by event.
@Suite struct `A simulation from columns` {
    /// Changes of destinations that columns can tell.
    private static let changes: [@Sendable (inout Policy) -> Void] = [
        { _ in },
        { $0.destinations[0].isEnabled = false },
        { $0.destinations[1].purposes = [0] },
        { $0.destinations[1].purposes = [] },
        { $0.destinations[0].purposes = Array($0.purposes.indices) },
        { $0.destinations[0].sources = ["web"] },
        { $0.destinations[1].sources = ["elsewhere"] },
        { $0.destinations[0].events.removeFirst() },
        { $0.destinations[1].events.append(rule("Cart Viewed")) },
        { $0.destinations[0].requiredIdentifiers = ["email"] },
        { $0.destinations[1].requiredIdentifiers = ["user_id", "unheard_of"] },
        { $0.destinations[1].integrationName = "Another" },
        { $0.destinations[0].maximumAgeMicroseconds = 50 * 3_600_000_000 },
        { $0.destinations[1].samplePerMillion = 300_000 },
        { policy in
            policy.destinations[0].samplePerMillion = 700_000
            policy.destinations[0].maximumAgeMicroseconds = 3_600_000_000
            policy.destinations[1].isEnabled = false
        },
        { $0.destinations[1].anyPurposes = [0, 1] },
        { policy in
            policy.destinations[1].purposes = []
            policy.destinations[1].anyPurposes = [1, 0]
        },
        { $0.destinations.removeFirst() },
        { policy in
            var fresh = policy.destinations[1]
            fresh.name = "fresh"
            policy.destinations.append(fresh)
        },
        { $0.purposes[0].basis = .contract },
    ]

    private static func rule(_ name: String) -> EventRule {
        EventRule(
            selector: EventSelector(type: .track, name: name), fields: .none, context: .none)
    }

    @Test(arguments: 0..<40)
    func `R1: equals a fold of every line`(_ seed: Int) throws {
        let random = try RandomHistory(
            seed: UInt64(9_000 + seed), length: 160, policies: seed % 3 + 1,
            restores: seed % 4 == 3 ? 1 : 0)
        let history = random.history
        for (number, change) in Self.changes.enumerated() {
            var candidate = try #require(history.state.policy).policy
            change(&candidate)
            let from = number % 2 == 0 ? 1 : history.next / 2
            for range in [0..<history.next, history.next / 3..<history.next * 3 / 4] {
                let basis = history.state.basis(for: candidate)
                let columns: SimulationReport
                do {
                    columns = try basis.difference(
                        under: candidate, from: from, range: range, samples: 3)
                } catch {
                    // Version 2 of three judges by the TCF, and version 3 by audiences.
                    #expect(seed % 3 > 0, "seed \(seed), change \(number): \(error.reason)")
                    continue
                }
                let fold = history.rebuilt(schedule: .candidate(candidate, from: from))
                    .difference(from: basis, range: range, samples: 3)
                for (one, other) in zip(columns.destinations, fold.destinations) {
                    #expect(one == other, "seed \(seed), change \(number), from \(from), \(range)")
                }
                #expect(columns.events == fold.events)
                #expect(columns.destinations.count == fold.destinations.count)
            }
        }
    }

    @Test func `says what it cannot tell`() throws {
        let history = try RandomHistory(seed: 5, length: 60, policies: 1).history
        func reason(_ change: (inout Policy) -> Void) throws -> String? {
            var candidate = try #require(history.state.policy).policy
            change(&candidate)
            do {
                _ = try history.state.basis(for: candidate).difference(
                    under: candidate, from: 0, range: 0..<history.next, samples: 1)
                return nil
            } catch {
                return error.reason
            }
        }
        #expect(try reason { $0.identity.reviewAbove = 2 } == "the identity rules are others")
        #expect(try reason { $0.consent.supersedesWeaker.toggle() } == nil)
        #expect(try reason { $0.purposes[0].expiresAfterMicroseconds = 1 } == nil)
        #expect(
            try reason { $0.purposes[0].segmentCategories = ["Other"] }
                == "the purpose analytics is new or means something else")
        #expect(
            try reason { $0.consent.places.tcf = [] }
                == "other signals are read, or in other places")
        #expect(
            try reason { $0.consent.countryFields[0].sources = ["web"] }
                == "a country must be read from other fields")
        #expect(
            try reason { policy in
                policy.consent.resolution = .latest
                policy.destinations[1].tcf = TCFUse(vendor: 755, onConsent: [])
            } == "what the TCF permits ads must be read again")
        #expect(
            try reason {
                $0.destinations[0].filter = .field(
                    FieldPath(names: ["properties", "revenue"]), .isPresent)
            } == "the filter of warehouse is another")
        #expect(try reason { $0.destinations[0].purposes = [] } == nil)
        #expect(try reason { $0.plans[0].unplanned = .withhold } == "the tracking plans are others")
        #expect(
            try reason { $0.destinations[1].followsPlans = false }
                == "no destination was judged by the tracking plans as ads is")
    }

    @Test func `R1, I5: a fold that judges by audiences divides them where people are divided`()
        throws
    {
        var history = try History(
            policy: Policies.shop(
                ads: "    filter: { field: profile.audiences, contains: viewers }",
                audiences: """
                    audiences:
                      viewers: { count: { event: Product Viewed, moreThan: 1 } }
                    """))
        // The known one is older, and so keeps what carried the two as one.
        try history.event(Message.preference(id: "c", user: "u1", ["Advertising": true]))
        for index in 0..<3 {
            try history.event(Message.track("Product Viewed", id: "v\(index)", anonymous: "a1"))
        }
        try history.event(Message.identify(id: "i", user: "u1", anonymous: "a1", traits: "{}"))
        let together = try history.event(Message.track("Order Completed", id: "o1", user: "u1"))
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        let apart = try history.event(Message.track("Order Completed", id: "o2", user: "u1"))
        #expect(try history.gates(together, "ads") == ["allow"])
        #expect(try history.gates(apart, "ads") == ["filter"])
        let policy = try #require(history.state.policy).policy
        let report = history.rebuilt(schedule: .candidate(policy, from: 1)).difference(
            from: history.state.basis(for: policy), range: 0..<history.next, samples: 3)
        for destination in report.destinations {
            #expect(destination.allowedSamples.isEmpty && destination.withheldSamples.isEmpty)
        }
    }
}
