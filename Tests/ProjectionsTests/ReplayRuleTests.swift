import CustomerModel
import EventLog
import Foundation
import JSONText
import Projections
import Testing

/// Lines of R3 that one fold shows. The others: `Tests/RULES.md`.
@Suite struct `A replay never` {
    private func started(_ policy: String = Policies.shop) throws -> History {
        var history = try History(policy: policy)
        for user in ["u1", "u2"] {
            try history.event(
                Message.preference(
                    id: "c" + user, user: user, ["Analytics": true, "Advertising": true]))
        }
        return history
    }

    /// Stores a plan that sends these events to the warehouse.
    private func plan(_ offsets: [UInt64], in history: inout History, policy: Int = 1) {
        var planned = OffsetBitmap(from: 0, to: history.next)
        for offset in offsets { planned.set(offset) }
        history.append(
            PlanRecord(
                id: "p", act: .backfill, destination: "warehouse", epoch: 1, slot: Lane.eventSlot,
                policyVersion: policy, approver: "test", ratePerSecond: nil,
                counts: PlanRecord.Counts(
                    considered: offsets.count, allowed: offsets.count, alreadyTold: 0,
                    deniedNow: 0, planned: offsets.count),
                planned: planned))
    }

    @Test func `R1, R3 (1): has a network within reach: what folds imports none, nor a clock`()
        throws
    {
        // What each target under the fold may see; nothing of it can open a connection but the C library,
        // of which two targets need the files and the clock, and the fold itself none.
        let allowed: [String: Set<String>] = [
            "Projections": [
                "CustomerModel", "EventLog", "Hashing", "JSONText", "PolicyText", "Synchronization",
            ],
            "PolicyText": ["CustomerModel", "JSONText", "Yams"],
            "CustomerModel": ["Hashing", "JSONText"],
            "EventLog": ["CLZ4", "Glibc", "Hashing", "Synchronization"],
            "Hashing": ["CChecksum", "CCrypto"], "JSONText": ["Glibc"],
        ]
        let visibilities: Set<Substring> = [
            "public", "package", "internal", "private", "fileprivate",
        ]
        let sources = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources")
        for (target, modules) in allowed {
            let folder = sources.appending(path: target).standardizedFileURL
            let files = try #require(
                FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
            var count = 0
            for case let file as URL in files where file.pathExtension == "swift" {
                count += 1
                for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                    let words = line.split(separator: " ")
                    if let place = words.firstIndex(of: "import"), place < 3,
                        words[..<place].allSatisfy({
                            $0.hasPrefix("@") || visibilities.contains($0)
                        })
                    {
                        #expect(
                            modules.contains(String(words[words.count - 1])),
                            "\(file.lastPathComponent): \(line)")
                    }
                    guard modules.contains("Glibc") else { continue }
                    for call in [" socket(", " connect(", " sendto("] {
                        #expect(!line.contains(call), "\(file.lastPathComponent): \(line)")
                    }
                }
            }
            #expect(count > 2, "no sources of \(target) were found at \(folder.path)")
        }
    }

    @Test(arguments: 0..<50)
    func `R3 (6), E2: overwrites newer state at a destination with older`(_ seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        var history = try History(
            policy: Policies.shop(
                ads: "    audiences: [it]",
                audiences: "audiences:\n  it:\n    trait: { name: plan, is: gold }"))
        /// What the destination holds, by what it was sent.
        var isHeld = false
        func isMember() -> Bool { history.profile("user_id:u1")?.memberships.isEmpty == false }
        func send(_ outcome: ReceiptOutcome) throws {
            history.release("ads")
            for sent in try history.deliver("ads", outcome: outcome) where sent.action != .deliver {
                #expect(
                    (sent.action == .entered) == isMember(),
                    "seed \(seed): sent \(sent.action) of \(sent.at) when a newer state stood")
                // An unknown outcome may or may not have arrived.
                let arrived =
                    outcome == .delivered || outcome == .unknown && random.next(upTo: 2) == 0
                if arrived { isHeld = sent.action == .entered }
            }
        }
        for index in 0..<40 {
            let plan = random.next(upTo: 2) == 0 ? "gold" : "free"
            try history.event(
                Message.identify(
                    id: "i\(index)", user: "u1",
                    traits: #"{"email":"e@x.org","plan":"\#(plan)"}"#,
                    consent: ["Advertising": true]))
            if random.next(upTo: 2) == 0 {
                try send([.delivered, .retry, .unknown][random.next(upTo: 3)])
            }
        }
        for _ in 0..<5 { try send(.delivered) }
        #expect(isHeld == isMember(), "seed \(seed)")
    }

    @Test func `R3 (7): passes a destination's maximum age`() throws {
        var history = try started(
            Policies.shop.replacing("file: warehouse.ndjson", with: "file: w\n    maximumAge: 2d"))
        let event = try history.event(Message.track("Product Viewed", id: "1", user: "u1"))
        plan([event], in: &history)
        guard case .send = try #require(history.look("warehouse").verdicts.first) else {
            Issue.record("it would not leave while it is young")
            return
        }
        history.clock += 3 * 86_400_000_000
        guard case .cancel(let decision) = try #require(history.look("warehouse").verdicts.first)
        else {
            Issue.record("a plan would send what is too old for the destination")
            return
        }
        #expect(decision.gates == [.tooOld])
    }

    @Test func `R3 (8): moves a live cursor`() throws {
        var history = try started()
        let old = try history.event(Message.track("Cart Viewed", id: "1", user: "u1"))
        history.release("warehouse")
        let live = try history.event(Message.track("Product Viewed", id: "2", user: "u1"))
        func releasedTo() throws -> UInt64? { try history.explain(live, "warehouse")?.releasedTo }
        let before = try #require(try releasedTo())
        #expect(before <= live)
        try history.activate(
            Policies.shop.replacing(
                "- track: Product Viewed",
                with: "- track: Cart Viewed\n      - track: Product Viewed"))
        plan([old], in: &history, policy: 2)
        #expect(try history.deliver("warehouse").map(\.at.value) == [old])
        #expect(try releasedTo() == before, "a plan moved the lane's own cursor")
        // Nor does a simulation or a rebuild beside it: the next release takes up where the last ended.
        _ = history.rebuilt(schedule: .candidate(history.state.policies[0].policy, from: 0))
        #expect(history.rebuilt().digest() == history.state.digest())
        let release = history.release("warehouse")
        let due = try #require(release)
        #expect(due.from == before)
        #expect(history.pending("warehouse").map(\.offset) == [live])
    }

    @Test
    func `R3 (10), X1: blocks a suppression: it counts in the midst of a plan, and ever after`()
        throws
    {
        var history = try started()
        let first = try history.event(Message.track("Product Viewed", id: "1", user: "u1"))
        let second = try history.event(Message.track("Product Viewed", id: "2", user: "u2"))
        plan([first, second], in: &history)
        history.append(SuppressionRecord(type: "user_id", value: "u1", by: "test"))
        let verdicts = try history.look("warehouse").verdicts
        guard case .cancel(let gates) = verdicts[0], case .send = verdicts[1] else {
            Issue.record("\(verdicts)")
            return
        }
        #expect(gates.gates == [.suppressed])
        #expect(try history.deliver("warehouse").map(\.at.value) == [second])
        #expect(history.state.duePlanEnds().isEmpty)
        history.append(
            CancelledRecord(
                destination: "warehouse", epoch: 1, slot: Lane.eventSlot, plan: "p",
                look: history.next, members: [.init(at: first, gates: gates)], memberships: []))
        #expect(history.state.duePlanEnds().map(\.outcome) == [.complete])
        // No rebuild and no candidate forgets it.
        let rebuilt = history.rebuilt()
        #expect(rebuilt.digest() == history.state.digest())
        #expect(rebuilt.holdsSuppression(type: "user_id", value: "u1"))
        let later = try history.event(Message.track("Product Viewed", id: "3", user: "u1"))
        let candidate = try #require(history.state.policy).policy
        let simulated = history.rebuilt(schedule: .candidate(candidate, from: 0))
        #expect(simulated.allowed("warehouse", in: 0..<history.next) == [first, second])
        #expect(try history.gates(later, "warehouse") == ["suppressed"])
    }

    @Test func `R3 (12): applies one policy version while recording another`() throws {
        var history = try started()
        let event = try history.event(
            Message.track(
                "Order Completed", id: "1", user: "u1",
                properties: #"{"order_id":"o","revenue":5}"#))
        history.release("warehouse")
        let narrower = Policies.shop.replacing(
            "properties: [order_id, revenue]", with: "properties: [revenue]")
        #expect(narrower != Policies.shop)
        try history.activate(narrower)
        let left = try history.deliver("warehouse")
        let sent = try #require(left.first)
        // Decided under the first version; what left, under the second, whose rules shaped it.
        let why = try #require(try history.explain(event, "warehouse"))
        #expect(why.policyVersion == 1 && why.agrees)
        #expect(sent.policyVersion == 2)
        #expect(sent.fields == ["properties.revenue"])
        #expect(!String(decoding: sent.body, as: UTF8.self).contains("order_id"))
        let rows = history.state.decisions(in: event..<event + 1, limit: 1)
        #expect(rows.map(\.policyVersion) == [1])
        #expect(rows.map(\.policyFrom) == [0])
    }

    @Test func `R3 (13): ends in success with an effect that was given up`() throws {
        var history = try started()
        let event = try history.event(Message.track("Product Viewed", id: "1", user: "u1"))
        plan([event], in: &history)
        _ = try history.deliver("warehouse", outcome: nil)
        #expect(history.state.duePlanEnds().isEmpty, "it is on its way")
        history.append(
            ReceiptRecord(
                attempt: history.next - 1, outcome: .retry, status: 503,
                retryAfterMilliseconds: nil, reason: "test",
                settled: Timestamp(microseconds: history.clock), exceptions: [], parked: true))
        #expect(history.state.duePlanEnds().map(\.outcome) == [.incomplete])
    }
}
