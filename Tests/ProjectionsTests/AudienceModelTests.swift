import CustomerModel
import JSONText
import Projections
import Testing

/// The fold beside ``PlainPerson``, over random histories: people who turn out to be one, events that come
/// days late or at the same moment, ticks that fall on the edges of windows, policies that change.
@Suite struct `Audiences and attributes by hand` {
    private static let start: Int64 = 1_767_225_600_000_000

    private struct Walk {
        var history: History
        var people: [PlainPerson] = []
        var names: [String]
        var now: Int64?
        var random: SplitMix
        /// Members as they were found right after an offset, to ask for again later.
        var seen: [(offset: UInt64, audience: String, members: [ProfileID])] = []

        init(seed: UInt64) throws {
            random = SplitMix(seed: seed)
            names = PlainPerson.definitions.map(\.name)
            let later = ["counted", "outer", "nested", "left", "stepped", "varied", "first"]
            // Some audiences come later, and count all of history then (P1).
            if random.next(upTo: 2) == 0 {
                names.removeAll { later.contains($0) }
                names += ["counted"]
            }
            history = try History(policy: PlainPerson.policy(names))
        }

        /// The whole hour.
        var hour: Int64 { history.clock - (history.clock - start) % PlainPerson.hour }

        /// Joins the people of some identifiers; the place of the one.
        mutating func person(_ identifiers: [String]) -> Int {
            var joined = PlainPerson()
            joined.identifiers = Set(identifiers)
            for other in people where !other.identifiers.isDisjoint(with: identifiers) {
                joined.absorb(other)
            }
            people.removeAll { !$0.identifiers.isDisjoint(with: identifiers) }
            people.append(joined)
            return people.count - 1
        }

        /// Says what happens next; returns what it was, for the message of a failure.
        mutating func step(_ index: Int) throws -> String {
            history.clock += Int64(random.next(upTo: 9)) * PlainPerson.hour
            let late = random.next(upTo: 3) == 0 ? Int64(random.next(upTo: 120)) : 0
            let time = hour - late * PlainPerson.hour
            let user = random.next(upTo: 3) == 0 ? nil : "u\(random.next(upTo: 4))"
            let device = user == nil || random.next(upTo: 6) == 0 ? "d\(random.next(upTo: 4))" : nil
            let identifiers = [user, device].compactMap { $0 }
            let stamp = ",\"timestamp\":\"\(Timestamp(microseconds: time))\""
            switch random.next(upTo: 12) {
            case 0, 1, 2:
                now = hour
                history.append(TickRecord(time: Timestamp(microseconds: hour), asIfLive: false))
                return "tick"
            case 3:
                let place = person(identifiers)
                let plan = "p\(random.next(upTo: 2))"
                var json = Message.identify(
                    id: "m\(index)", user: user, anonymous: device, traits: "{\"plan\":\"\(plan)\"}"
                )
                json.removeLast()
                let offset = try history.event(json + stamp + "}")
                // Traits hang on the identifier that the event is anchored to, the user's where there is one.
                if people[place].plan.map({ ($0.time, $0.offset) < (time, offset) }) ?? true {
                    people[place].plan = (time, offset, plan)
                }
                return "trait"
            case 4:
                let place = person(identifiers)
                let isGrant = random.next(upTo: 3) > 0
                try history.event(
                    Message.preference(
                        id: "m\(index)", user: user, anonymous: device, ["Analytics": isGrant],
                        timestamp: Timestamp(microseconds: time).description))
                people[place].assertions.append(
                    PlainPerson.Assertion(
                        anchor: identifiers[0], time: time, isGrant: isGrant))
                return "consent"
            case 5 where names.count < PlainPerson.definitions.count:
                names = PlainPerson.definitions.map(\.name)
                try history.activate(PlainPerson.policy(names))
                return "policy"
            default:
                let place = person(identifiers)
                let name = ["A", "B", "C", "D"][random.next(upTo: 4)]
                var event = PlainPerson.Event(offset: 0, time: time, name: name)
                var properties: [String] = []
                if random.next(upTo: 5) > 0 {
                    let amount = random.next(upTo: 120)
                    event.amount = amount
                    properties.append("\"v\":\(amount / 10).\(amount % 10)")
                }
                if random.next(upTo: 4) > 0 {
                    let text = "k\(random.next(upTo: 3))"
                    event.text = text
                    properties.append("\"k\":\"\(text)\"")
                }
                event.offset = try history.event(
                    Message.track(
                        name, id: "m\(index)", user: user, anonymous: device,
                        properties: "{\(properties.joined(separator: ","))}", more: stamp))
                people[place].events.append(event)
                return name
            }
        }

        /// What the fold says differently, in words; nil when it agrees.
        func difference() -> String? {
            for person in people {
                guard let identifier = person.identifiers.min() else { continue }
                let type = identifier.hasPrefix("u") ? "user_id" : "anonymous_id"
                guard let profile = history.profile("\(type):\(identifier)") else {
                    return "nobody is \(identifier)"
                }
                let found = Set(profile.memberships.map(\.audience))
                let wanted = person.audiences(names, now: now)
                if found != wanted {
                    return "\(identifier) is in \(found.sorted()), not in \(wanted.sorted())"
                }
                let values = Set(profile.attributes.map { "\($0.name) \($0.json ?? "unknown")" })
                let wantedValues = person.attributes(now: now)
                if values != wantedValues {
                    return "\(identifier) has \(values.sorted()), not \(wantedValues.sorted())"
                }
            }
            return nil
        }

        mutating func remember() {
            let audience = names[random.next(upTo: names.count)]
            guard let members = history.state.members(ofAudience: audience, asOf: nil) else {
                return
            }
            seen.append((history.next - 1, audience, members.map(\.profile)))
        }
    }

    @Test(arguments: 0..<20)
    func `T1, T2, P1: agree with the fold over random histories`(_ block: UInt64) throws {
        for seed in block * 100..<block * 100 + 100 {
            var walk = try Walk(seed: seed)
            let length = 40 + walk.random.next(upTo: 80)
            for index in 0..<length {
                let what = try walk.step(index)
                if what == "tick" || what == "policy" || walk.random.next(upTo: 4) == 0 {
                    if let difference = walk.difference() {
                        Issue.record("seed \(seed), record \(walk.history.next - 1): \(difference)")
                        return
                    }
                    walk.remember()
                }
                if walk.random.next(upTo: 60) == 0 {
                    // Who begins again from a checkpoint goes on as if nothing had been.
                    walk.history.state = try FoldState(
                        canonicalBytes: walk.history.state.canonicalBytes(), key: History.key)
                }
            }
            for (offset, audience, members) in walk.seen {
                let then = walk.history.state.members(ofAudience: audience, asOf: offset)
                #expect(then?.map(\.profile) == members, "seed \(seed), \(audience) at \(offset)")
            }
            if seed % 5 == 0 {
                #expect(
                    walk.history.rebuilt().digest() == walk.history.state.digest(), "seed \(seed)")
            }
            for person in walk.people.prefix(2) {
                guard let user = person.identifiers.filter({ $0.hasPrefix("u") }).min() else {
                    continue
                }
                for name in walk.names {
                    let reference = try #require(PersonReference("user_id:\(user)"))
                    let why = try #require(
                        walk.history.state.explain(audience: name, of: reference))
                    #expect(why.agrees, "seed \(seed): \(name) of \(user)")
                }
            }
        }
    }
}
