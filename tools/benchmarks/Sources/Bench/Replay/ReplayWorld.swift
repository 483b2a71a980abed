import CustomerModel
import EventLog
import Foundation
import Hashing
import JSONText
import Projections

/// Made-up people and what they do: half a million of them for ten million events, 20 event names, and a tenth
/// of all events with the state of a consent banner of eight categories.
///
/// The same number gives the same event, so that the log and the peer's tables hold the same.
struct ReplayWorld {
    static let names = 20
    static let purposes = 8
    static let destinations = 10

    let events: Int
    var people: Int { max(1, events / 20) }
    /// 2026-01-01T00:00:00Z.
    static let start: Int64 = 1_767_225_600_000_000
    static let length: Int64 = 30 * 86_400_000_000

    struct Event {
        var person: Int
        var name: Int
        var received: Int64
        /// Bit n: category n was ticked; nil where the event says nothing.
        var consent: UInt8?
        var amount: Int
    }

    func event(_ number: Int) -> Event {
        var state = UInt64(number) &* 0x9e37_79b9_7f4a_7c15
        func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var word = state
            word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
            return word ^ (word >> 31)
        }
        // Some do much and most do little.
        let share = Double(next() >> 11) / Double(1 << 53)
        let person = Int(share * share * Double(people))
        let name = Int(next() % UInt64(Self.names))
        var consent: UInt8?
        if next() % 10 == 0 {
            // Seven of ten categories are ticked.
            var mask: UInt8 = 0
            for purpose in 0..<Self.purposes where next() % 10 < 7 { mask |= 1 << UInt8(purpose) }
            consent = mask
        }
        let step = Self.length / Int64(events)
        return Event(
            person: person, name: name, received: Self.start + Int64(number) * step,
            consent: consent, amount: Int(next() % 500))
    }

    // MARK: The log

    func draft(_ number: Int, _ extractor: inout EventExtractor, _ parser: inout JSONParser) throws
        -> RecordDraft
    {
        let event = event(number)
        let received = Timestamp(microseconds: event.received)
        var consent = ""
        if let mask = event.consent {
            let categories = (0..<Self.purposes).map {
                "\"C\($0)\":\(mask & (1 << UInt8($0)) != 0)"
            }
            consent =
                ",\"consent\":{\"categoryPreferences\":{\(categories.joined(separator: ","))}}"
        }
        let tail =
            "\"kind\":\"event\",\"source\":\"web\",\"received\":\"\(received)\",\"changed\":[],\"body\":{\"type\":\"track\",\"event\":\"Event \(event.name)\",\"messageId\":\"m\(number)\",\"userId\":\"u\(event.person)\",\"timestamp\":\"\(received)\",\"properties\":{\"amount\":\(event.amount).25,\"currency\":\"EUR\",\"product_id\":\"p\(event.amount)\",\"category\":\"shoes\"},\"context\":{\"library\":{\"name\":\"analytics.js\",\"version\":\"4.1.0\"},\"page\":{\"path\":\"/products/\(event.amount)\",\"url\":\"https://shop.example/products/\(event.amount)\"},\"locale\":\"en-GB\"\(consent)}}}"
        return try parser.parse(Array(("{" + tail).utf8)) { line in
            let read = EventBody.read(line: line) {
                extractor.columns(of: $0, source: "web", received: received)
            }
            guard let columns = read else { throw BenchError("a made line is none") }
            return RecordDraft(
                kind: RecordKind.event.rawValue, source: "web", name: columns.name,
                occurred: columns.occurred.microseconds, keys: columns.keys, tail: Array(tail.utf8))
        }
    }

    /// Writes the log: the policy first, then every event.
    func write(to path: String, policy: String) throws {
        let log = try EventLog.open(directory: path)
        let record = PolicyRecord(
            version: 1, text: policy, sha256: SHA256.of(policy), approver: "bench", note: nil)
        _ = try log.append([
            ControlDraft.make(record, at: Timestamp(microseconds: Self.start))
        ])
        var extractor = EventExtractor(key: log.identity.key)
        var parser = JSONParser()
        var batch: [RecordDraft] = []
        var before: AppendTicket?
        for number in 0..<events {
            batch.append(try draft(number, &extractor, &parser))
            if batch.count == 1000 || number == events - 1 {
                // One batch is made while the one before goes to the disk.
                if let before { try log.blockingWaitDurable(before) }
                before = try log.append(batch)
                batch.removeAll(keepingCapacity: true)
            }
        }
        if let before { try log.blockingWaitDurable(before) }
        log.close()
    }

    // MARK: The rules

    /// By destination: the purposes that it needs, and events that it gets.
    struct Rules {
        var purposes: [[Int]]
        var events: [[Int]]
        /// By purpose: the days after which a grant ends; nothing for never.
        var days: [Int: Int] = [:]
        /// By destination: the least amount that it gets; nothing for every event.
        var amounts: [Int: Int] = [:]

        static let before = Rules(
            purposes: (0..<destinations).map {
                [$0 % ReplayWorld.purposes, ($0 * 3 + 1) % ReplayWorld.purposes]
            },
            events: (0..<destinations).map { number in
                (0..<names).filter { ($0 + number) % 3 != 0 }
            })

        /// Three destinations need something else or get other events.
        static var after: Rules {
            var rules = before
            rules.purposes[1] = [5]
            rules.purposes[4] = [0, 2, 7]
            rules.events[7] = Array(0..<10)
            return rules
        }

        /// Grants of three purposes end.
        static var ending: Rules {
            var rules = before
            rules.days = [0: 2, 3: 5, 4: 5]
            return rules
        }

        /// Two destinations get only what is worth something.
        static var filtered: Rules {
            var rules = before
            rules.amounts = [2: 250, 6: 490]
            return rules
        }

        func text(resolve: String = "strictest") -> String {
            var out = "policy: bench\nidentity:\n  types:\n    - { type: user_id, limit: 1 }\n"
            out += "consent:\n  resolve: \(resolve)\npurposes:\n"
            for purpose in 0..<ReplayWorld.purposes {
                let end = days[purpose].map { ", expires: \($0)d" } ?? ""
                out += "  p\(purpose): { segment: [C\(purpose)]\(end) }\n"
            }
            out += "destinations:\n"
            for number in purposes.indices {
                let names = Set(purposes[number]).sorted().map { "p\($0)" }.joined(separator: ", ")
                out += "  d\(number):\n    recipient: Recipient \(number) Ltd\n"
                out += "    file: d\(number).ndjson\n    purposes: [\(names)]\n"
                if let amount = amounts[number] {
                    out += "    filter: { field: properties.amount, atLeast: \(amount) }\n"
                }
                out += "    identifiers: [user_id]\n    events:\n"
                for event in events[number] { out += "      - track: Event \(event)\n" }
            }
            return out
        }

        var json: [String: Any] {
            [
                "purposes": purposes, "events": events,
                "ends": (0..<ReplayWorld.purposes).map { (days[$0] ?? 0) * 86_400_000_000 },
                "amounts": purposes.indices.map { amounts[$0] ?? 0 },
            ]
        }
    }
}
