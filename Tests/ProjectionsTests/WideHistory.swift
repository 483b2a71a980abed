import CustomerModel
import JSONText
import Projections

/// A random history from a seed under random policies: few people with many identifiers, every kind of
/// event, clocks that are wrong, consent said in every way, and what operators do.
struct WideHistory {
    var history: History
    private var random: SplitMix
    private static let hour: Int64 = 3_600_000_000

    init(seed: UInt64, length: Int) throws {
        random = SplitMix(seed: seed)
        var policies = RandomPolicy(seed: seed)
        history = try History(policy: policies.text())
        var changes = random.next(upTo: 3)
        for index in 0..<length {
            history.clock += Int64(random.next(upTo: 6)) * Self.hour
            switch random.next(upTo: 24) {
            case 0 where changes > 0:
                changes -= 1
                try history.activate(policies.text())
            case 1, 2:
                let late = Int64(random.next(upTo: 2)) * Self.hour
                history.append(
                    TickRecord(time: Timestamp(microseconds: history.clock - late), asIfLive: false)
                )
            case 3 where isTrue(oneIn: 8):
                history.append(
                    SuppressionRecord(type: "user_id", value: "u\(random.next(upTo: 4))", by: "t"))
            case 4, 5: decide()
            case 6: say()
            default: try history.event(message(index), source: source(), envelope: envelope())
            }
        }
    }

    private mutating func isTrue(oneIn count: Int) -> Bool { random.next(upTo: count) == 0 }
    private mutating func source() -> String { isTrue(oneIn: 3) ? "server" : "web" }
    private mutating func pick(_ choices: [String]) -> String {
        choices[random.next(upTo: choices.count)]
    }

    private mutating func identifier() -> (type: String, value: String) {
        switch random.next(upTo: 4) {
        case 0: ("user_id", "u\(random.next(upTo: 4))")
        case 1: ("email", "e\(random.next(upTo: 4))@x.org")
        case 2: ("crm_id", "c\(random.next(upTo: 3))")
        default: ("anonymous_id", "a\(random.next(upTo: 6))")
        }
    }

    /// Takes links back and lets them go on; decides on what waits.
    private mutating func decide() {
        if let review = history.state.linkReviews(all: false).first, isTrue(oneIn: 2) {
            history.decide(
                isTrue(oneIn: 3) ? .reject : .approve, review.first.text, review.second.text)
            return
        }
        let bars = history.state.barredPairs().filter { $0.liftedAt == nil }
        if !bars.isEmpty, isTrue(oneIn: 3) {
            let bar = bars[random.next(upTo: bars.count)]
            history.decide(.lift, bar.first.text, bar.second.text)
            return
        }
        let (one, other) = (identifier(), identifier())
        guard one != other else { return }
        history.decide(
            isTrue(oneIn: 2) ? .retract : .lift, "\(one.type):\(one.value)",
            "\(other.type):\(other.value)")
    }

    /// What somebody told an operator.
    private mutating func say() {
        let purposes = ["analytics", "advertising", "service"]
        let granted = purposes.filter { _ in isTrue(oneIn: 3) }
        let denied = purposes.filter { !granted.contains($0) && isTrue(oneIn: 3) }
        let who = identifier()
        // Few distinct times, so that some are equal.
        let asserted =
            (history.clock / (24 * Self.hour) - Int64(random.next(upTo: 3) - 1)) * 24 * Self.hour
        history.append(
            ConsentRecord(
                type: who.type, value: who.value, granted: granted, denied: denied,
                asserted: isTrue(oneIn: 3) ? nil : Timestamp(microseconds: asserted), by: "test"))
    }

    private mutating func envelope() -> String {
        var text = isTrue(oneIn: 12) ? ",\"gpc\":true" : ""
        // A clock that is wrong shows in when the request was sent.
        if isTrue(oneIn: 6) {
            let sent = Timestamp(
                microseconds: history.clock + Int64(random.next(upTo: 40) - 20) * Self.hour)
            text += ",\"sentAt\":\"\(sent)\""
        }
        return text
    }

    private mutating func message(_ index: Int) -> String {
        let type = pick([
            "track", "track", "track", "identify", "identify", "page", "group", "alias", "merge",
        ])
        var members = ["\"type\":\"\(type)\"", "\"messageId\":\"m\(index)\""]
        let isPreference = type == "track" && isTrue(oneIn: 4)
        if isTrue(oneIn: 2) { members.append("\"userId\":\"u\(random.next(upTo: 4))\"") }
        if !isTrue(oneIn: 4) {
            let value =
                isTrue(oneIn: 10) ? pick(["null", "0-0", "test-1"]) : "a\(random.next(upTo: 6))"
            members.append("\"anonymousId\":\"\(value)\"")
        }
        switch type {
        case "track":
            let name = isPreference ? "Segment Consent Preference Updated" : pick(["Buy", "View"])
            members.append("\"event\":\"\(name)\"")
            members.append(
                "\"properties\":{\"v\":\(random.next(upTo: 9)).\(random.next(upTo: 3)),\"w\":{\"x\":1}}"
            )
        case "page": members.append("\"name\":\"\(pick(["Home", "Cart"]))\"")
        case "alias": members.append("\"previousId\":\"a\(random.next(upTo: 6))\"")
        case "merge":
            members.append(
                "\"mergeProperties\":[\(mergeProperty(isTrue(oneIn: 2))),\(mergeProperty(true))]")
        case "identify": members.append("\"traits\":{\(traits())}")
        default: members.append("\"traits\":{\"plan\":\"group\"}")
        }
        if isTrue(oneIn: 3) {
            let stamp = Timestamp(
                microseconds: history.clock - Int64(random.next(upTo: 70) - 10) * Self.hour)
            members.append("\"timestamp\":\"\(stamp)\"")
        }
        if isTrue(oneIn: 5) {
            members.append(
                "\"integrations\":{\(pick(["", #""Example":false"#, #""All":false"#, #""All":false,"Example":true"#, #""d1":false"#, #""d0":{"a":1},"All":false"#]))}"
            )
        }
        if isTrue(oneIn: 10) {
            let moment = (history.clock - Int64(random.next(upTo: 60)) * Self.hour) / 1_000
            members.append(
                #""consent_state":{"gdpr":{"\#(pick(["analytics", "other"]))":{"consented":\#(isTrue(oneIn: 2)),"timestamp_unixtime_ms":\#(moment)}},"ccpa":{"data_sale_opt_out":{"consented":\#(isTrue(oneIn: 2)),"timestamp_unixtime_ms":\#(moment)}}}"#
            )
        }
        members.append("\"context\":{\(context(isPreference))}")
        return "{\(members.joined(separator: ","))}"
    }

    /// One of the two whom RudderStack's `merge` names.
    private mutating func mergeProperty(_ isOfPerson: Bool) -> String {
        let device = (type: "anonymousId", value: "a\(random.next(upTo: 6))")
        let one =
            isOfPerson
            ? [
                (type: "userId", value: "u\(random.next(upTo: 4))"),
                (type: "email", value: "e\(random.next(upTo: 4))@x.org"), device,
                (type: "nobody", value: "n"),
            ][random.next(upTo: 4)] : device
        return #"{"type":"\#(one.type)","value":"\#(one.value)"}"#
    }

    /// RudderStack's two lists; an id may stand in both or in neither.
    private mutating func consentManagement() -> String {
        if isTrue(oneIn: 10) { return pick(["7", "[]", #"{"allowedConsentIds":"Analytics"}"#]) }
        let lists = ["allowedConsentIds", "deniedConsentIds"].map { name in
            let chance = name.hasPrefix("a") ? 2 : 4
            let ids = ["Analytics", "Advertising", "Service"].filter { _ in isTrue(oneIn: chance) }
            return "\"\(name)\":[\(ids.map { "\"\($0)\"" }.joined(separator: ","))]"
        }
        let given = isTrue(oneIn: 6) ? [lists[0]] : lists
        return #"{\#(given.joined(separator: ",")),"provider":"custom","resolutionStrategy":"or"}"#
    }

    private mutating func traits() -> String {
        var traits: [String] = []
        if isTrue(oneIn: 2) {
            let name = isTrue(oneIn: 6) ? " E1@X.org" : "e\(random.next(upTo: 4))@x.org"
            traits.append("\"email\":\"\(isTrue(oneIn: 12) ? "a@blocked.org" : name)\"")
        }
        if isTrue(oneIn: 2) { traits.append("\"plan\":\"\(pick(["gold", "free"]))\"") }
        if isTrue(oneIn: 4) { traits.append("\"crm\":\"c\(random.next(upTo: 3))\"") }
        if isTrue(oneIn: 6) { traits.append("\"country\":\"\(pick(["us", "DE"]))\"") }
        return traits.joined(separator: ",")
    }

    private mutating func context(_ isPreference: Bool) -> String {
        var context: [String] = []
        if isPreference || isTrue(oneIn: 4) {
            let categories = ["Analytics", "Advertising", "Service"].filter { _ in
                !isTrue(oneIn: 4)
            }.map { "\"\($0)\":\(!isTrue(oneIn: 3))" }
            var consent = "\"categoryPreferences\":{\(categories.joined(separator: ","))}"
            if isTrue(oneIn: 12) { consent = pick(["", #""categoryPreferences":7"#]) }
            if isTrue(oneIn: 8) {
                consent +=
                    (consent.isEmpty ? "" : ",")
                    + "\"usPrivacy\":\"\(pick(["1YNN", "1YYN", "1NNN", "1---", "2"]))\""
            }
            if isTrue(oneIn: 4) {
                let string = TCText.make(
                    purposes: isTrue(oneIn: 3) ? [1] : [1, 4],
                    vendors: isTrue(oneIn: 3) ? [] : [755],
                    disclosed: isTrue(oneIn: 5) ? [] : [755])
                consent += (consent.isEmpty ? "" : ",") + "\"tcf\":\"\(string)\""
            }
            context.append("\"consent\":{\(consent)}")
        }
        if isTrue(oneIn: 6) {
            context.append("\"consentManagement\":\(consentManagement())")
        }
        if isTrue(oneIn: 5) { context.append("\"country\":\"\(pick(["US", "DE", "usa"]))\"") }
        if isTrue(oneIn: 14) {
            context.append("\"gpc\":\(pick(["true", "false", "1", "\"maybe\""]))")
        }
        if isTrue(oneIn: 8) {
            context.append("\"traits\":{\"email\":\"e\(random.next(upTo: 4))@x.org\"}")
        }
        return context.joined(separator: ",")
    }
}
