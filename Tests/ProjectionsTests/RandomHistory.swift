import CustomerModel
import JSONText
import Projections

/// A random history from a seed: people who share devices and addresses, consent given and taken, policies
/// that change, releases, attempts and receipts of every outcome, suppressions and ticks.
struct RandomHistory {
    var history: History
    private var random: SplitMix

    /// - Parameters:
    ///   - restores: how often the log is restored from a backup along the way (L3).
    ///   - damages: how often records are lost (L9).
    init(
        seed: UInt64, length: Int, policies: Int = 3, restores: Int = 0, damages: Int = 0
    ) throws {
        random = SplitMix(seed: seed)
        history = try History(policy: Self.policy(0))
        var version = 1
        let stretch = length / (restores + 1)
        for index in 0..<length {
            if index > 0, index % stretch == 0, index / stretch <= restores {
                history.restore(incarnation: UInt64(index / stretch + 1))
                history.append(OperatorRecord(act: .resume, subject: "ads", by: "test"))
            }
            if damages > 0, index % (length / (damages + 1)) == 7 { try lose(index) }
            history.clock += Int64(random.next(upTo: 4)) * 3_600_000_000
            switch random.next(upTo: 20) {
            case 0 where version < policies:
                try history.activate(Self.policy(version))
                version += 1
            case 1:
                history.append(
                    TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
            case 2 where random.next(upTo: 4) == 0:
                history.append(SuppressionRecord(type: "user_id", value: user(), by: "test"))
            case 3:
                history.release("warehouse")
                history.release("ads")
            case 4:
                let outcomes: [ReceiptOutcome?] = [.delivered, .rejected, .retry, .unknown, nil]
                _ = try history.deliver(
                    random.next(upTo: 2) == 0 ? "warehouse" : "ads",
                    outcome: outcomes[random.next(upTo: outcomes.count)])
            case 5:
                history.append(
                    OperatorRecord(
                        act: random.next(upTo: 2) == 0 ? .pause : .resume, subject: "ads",
                        by: "test"))
            case 10: decideOnLinks()
            case 11 where random.next(upTo: 2) == 0: correct(index)
            case 6, 7:
                try history.event(
                    Message.identify(
                        id: "m\(index)", user: maybe(user()), anonymous: device(),
                        traits:
                            #"{"email":"e\#(random.next(upTo: 5))@x.org","plan":"p\#(random.next(upTo: 2))"}"#
                    ))
            case 8:
                try signal(index)
            case 9:
                try history.event(
                    Message.preference(
                        id: "m\(index)", user: maybe(user()), anonymous: device(), consent(),
                        timestamp: Timestamp(
                            microseconds: history.clock
                                - Int64(random.next(upTo: 100)) * 3_600_000_000
                        ).description))
            default:
                let names = ["Order Completed", "Product Viewed", "Cart Viewed"]
                try history.event(
                    Message.track(
                        names[random.next(upTo: 3)], id: "m\(index)", user: maybe(user()),
                        anonymous: device(),
                        properties: #"{"revenue":\#(random.next(upTo: 200)).5,"order_id":"o"}"#,
                        consent: random.next(upTo: 3) == 0 ? consent() : nil),
                    envelope: (random.next(upTo: 15) == 0 ? ",\"gpc\":true" : "")
                        + (random.next(upTo: 10) == 0 ? ",\"import\":true" : ""))
            }
        }
    }

    /// Corrects some of what a destination was told, whether it needs it or not.
    private mutating func correct(_ index: Int) {
        let destination = random.next(upTo: 2) == 0 ? "warehouse" : "ads"
        let told = history.state.deliveries(
            in: 0..<history.next, lane: Lane(destination: destination, epoch: 1)
        ).map(\.at).filter { _ in random.next(upTo: 2) == 0 }
        guard let first = told.first, let last = told.last, last - first < 1 << 20 else { return }
        let retracted = told.filter { _ in random.next(upTo: 2) == 0 }
        history.planCorrections(
            "plan-\(index)", destination, amend: told.filter { !retracted.contains($0) },
            retract: retracted)
    }

    /// Takes links back, lets them go on, decides on those that wait.
    private mutating func decideOnLinks() {
        let waiting = history.state.linkReviews(all: false)
        if !waiting.isEmpty, random.next(upTo: 2) == 0 {
            let review = waiting[random.next(upTo: waiting.count)]
            history.decide(
                random.next(upTo: 3) > 0 ? .approve : .reject, review.first.text,
                review.second.text)
            return
        }
        let other =
            random.next(upTo: 2) == 0
            ? "anonymous_id:" + device() : "email:e\(random.next(upTo: 5))@x.org"
        history.decide(
            random.next(upTo: 3) > 0 ? .retract : .lift, "user_id:" + user(), other)
    }

    /// One signal of any kind.
    private mutating func signal(_ index: Int) throws {
        let time = Timestamp(
            microseconds: history.clock - Int64(random.next(upTo: 100)) * 3_600_000_000)
        let milliseconds = time.microseconds / 1_000
        let flag = random.next(upTo: 3) > 0
        var text = #"{"type":"track","messageId":"m\#(index)","event":"Order Completed""#
        if let user = maybe(user()) { text += #","userId":"\#(user)""# }
        text += #","anonymousId":"\#(device())""#
        switch random.next(upTo: 8) {
        case 0:
            let vendors: Set<Int> = random.next(upTo: 3) == 0 ? [] : [755]
            let string = TCText.make(purposes: flag ? [1, 4] : [1], vendors: vendors)
            text += #","context":{"consent":{"tcf":"\#(string)"}}}"#
        case 1:
            text += #","context":{"consent":{"gpp":"DBABTA~\#(flag ? "1YNN" : "1YYN")"}}}"#
        case 2: text += #","context":{"consent":{"usPrivacy":"\#(flag ? "1YNN" : "1NNN")"}}}"#
        case 3:
            text +=
                #","consent_state":{"gdpr":{"analytics":{"consented":\#(flag),"timestamp_unixtime_ms":\#(milliseconds)}},"ccpa":{"data_sale_opt_out":{"consented":\#(!flag),"timestamp_unixtime_ms":\#(milliseconds)}}}}"#
        case 4: text += #","context":{"consent":{"tcf":"\#(flag ? "C?" : "")"}}}"#
        case 5: text += #","context":{"country":"\#(flag ? "US" : "DE")"}}"#
        case 6: text += #","context":{"gpc":\#(flag)}}"#
        default:
            history.append(
                ConsentRecord(
                    type: flag ? "user_id" : "email", value: flag ? user() : "e1@x.org",
                    granted: flag ? ["analytics"] : [], denied: flag ? [] : ["advertising"],
                    asserted: random.next(upTo: 2) == 0 ? time : nil, by: "test"))
            return
        }
        try history.event(text, source: random.next(upTo: 2) == 0 ? "web" : "server")
    }

    private mutating func lose(_ index: Int) throws {
        let message = Message.track("x", id: "lost\(index)", user: user(), anonymous: device())
        let isKnown = random.next(upTo: 2) == 0
        let lost = history.lose(
            1 + random.next(upTo: 5), keys: isKnown ? try history.keys(of: message) : nil,
            kinds: isKnown ? [1] : nil)
        guard random.next(upTo: 3) > 0 else { return }
        history.append(
            OperatorRecord(
                act: .acceptLoss, subject: "log", by: "test", from: lost.lowerBound,
                to: lost.upperBound))
    }

    private mutating func user() -> String { "u\(random.next(upTo: 5))" }
    private mutating func device() -> String { "a\(random.next(upTo: 6))" }
    private mutating func maybe(_ value: String) -> String? {
        random.next(upTo: 2) == 0 ? value : nil
    }
    private mutating func consent() -> [String: Bool] {
        var given: [String: Bool] = [:]
        for category in ["Analytics", "Advertising"] where random.next(upTo: 3) > 0 {
            given[category] = random.next(upTo: 3) > 0
        }
        return given
    }

    private static func policy(_ version: Int) -> String {
        let audiences = """
            audiences:
              buyers:
                any:
                  - sum: { event: Order Completed, of: properties.revenue, within: 5d, atLeast: 100 }
                  - count: { event: Product Viewed, moreThan: \(3 + version) }
                  - trait: { name: plan, is: p1 }
              movers:
                any:
                  - sequence: { steps: [{ event: Product Viewed }, { event: Cart Viewed }], within: 2d, over: 6d }
                  - absence: { of: { event: Order Completed }, after: { event: Cart Viewed }, within: \(1 + version)d }
                  - distinct: { event: Order Completed, of: properties.revenue, within: 4d, moreThan: 3 }
              agreed:
                all:
                  - consent: { analytics: granted }
                  - not: { audience: movers }
            attributes:
              views: { count: { event: Product Viewed, within: 3d } }
              last_order: { last: { event: Order Completed, of: properties.revenue } }
              most: { max: { event: Order Completed, of: properties.revenue, within: \(2 + version)d } }
            """
        let rules = ["  block:", "  reviewAbove: 5\n  block:"]
        let burst = "  burst: { knownProfiles: 2, within: 2d }\n  block:"
        let shop = Policies.shop(
            resolve: version == 1 ? "latest" : "strictest",
            warehouse: version == 1 ? "    plans: ignore" : "",
            ads: [
                "    audiences: [buyers, movers]",
                """
                    audiences: [buyers]
                    filter: { not: { field: profile.traits.plan, is: p0 } }
                """,
                """
                    sample: 50%
                    audiences: [buyers]
                    filter:
                      any:
                        - { field: profile.audiences, contains: buyers }
                        - { field: profile.traits.plan, startsWith: p }
                """,
            ][min(version, 2)],
            audiences: audiences + "\n" + plans(version))
        return shop.replacing(
            "purposes:\n  analytics: { segment: [Analytics],",
            with: """
                  \(version == 0 ? "supersedes: weaker" : "places: { gpc: [context.gpc] }")
                  country: [{ field: context.country, sources: [server] }]
                purposes:
                  analytics: { segment: [Analytics], mparticle: [analytics], defaults: { granted: [US] },
                """
        ).replacing(
            "{ segment: [Advertising],",
            with:
                "{ segment: [Advertising], tcf: { purposes: [1, 4] }, gpp: [saleOptOut], usPrivacy: [saleOptOut], ccpa: true,"
        ).replacing(
            "recipient: Ads Inc",
            with: "recipient: Ads Inc"
                + (version == 1 ? "\n    tcf: { vendor: 755, purposes: [1, 4] }" : "")
        )
        .replacing("  block:", with: version < 2 ? rules[version] : burst)
    }

    /// Orders of little worth break the plan; what becomes of them changes with the version.
    private static func plans(_ version: Int) -> String {
        """
        plans:
          web:
            sources: [web]
            unplanned: \(version == 2 ? "quarantine" : "allow")
            violation: \(["quarantine", "strip", "withhold"][min(version, 2)])
            events:
              - track: Order Completed
                properties:
                  required: [revenue]
                  properties:
                    revenue: { type: number, minimum: \(20 - version) }
                    order_id: { maxLength: \(version == 1 ? 0 : 5) }
              - track: Product Viewed
              - track: Segment Consent Preference Updated
        """
    }
}
