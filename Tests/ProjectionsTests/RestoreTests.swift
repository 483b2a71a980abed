import CustomerModel
import EventLog
import JSONText
import Projections
import Testing

/// What a restored backup means: nobody knows what was told since it was made.
@Suite struct `A restore` {
    static let second: UInt64 = 1 << 44

    @Test func `L3: keeps offsets and costs nothing for the gap`() throws {
        var history = try `A loss`.shop()
        let before = try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        let small = history.state.canonicalBytes().count
        for incarnation in 2...9 as ClosedRange<UInt64> {
            #expect(history.restore(incarnation: incarnation) == (incarnation - 1) << 44)
        }
        let after = try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        #expect(after == (8 << 44) + 1)
        #expect(try history.gates(before, "warehouse") == ["allow"])
        #expect(try history.gates(after, "warehouse") == ["allow"])
        #expect(history.state.canonicalBytes().count < small + 2_000)
        #expect(history.state.recordCount == history.records.count)
        #expect(history.state.eventCount(in: 0..<UInt64.max) == 4)
        #expect(history.state.eventCount(in: before + 1..<Self.second) == 0)
        #expect(history.state.eventCount(in: Self.second..<UInt64.max) == 1)
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test func `L3: holds every destination until an operator resumes it`() throws {
        var history = try `A loss`.shop()
        history.restore(incarnation: 2)
        try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        history.release("warehouse")
        history.release("ads")
        #expect(history.state.destinationsHeldByRestore == ["ads", "warehouse"])
        #expect(history.pending("warehouse").isEmpty)
        #expect(try history.look("warehouse").isHeld)
        history.append(OperatorRecord(act: .resume, subject: "warehouse", by: "test"))
        #expect(history.state.destinationsHeldByRestore == ["ads"])
        #expect(history.pending("warehouse").count == 1)
        #expect(try !history.look("warehouse").isHeld)
        #expect(history.pending("ads").isEmpty)
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test func `L3: cancels what waited, and only a plan sends it`() throws {
        var history = try `A loss`.shop()
        let released = try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        let unreleased = try history.event(Message.track("Order Completed", id: "2", user: "u2"))
        history.restore(incarnation: 2)
        history.append(OperatorRecord(act: .resume, subject: "warehouse", by: "test"))
        history.release("warehouse")
        #expect(history.pending("warehouse").isEmpty)
        #expect(try history.explain(released, "warehouse")?.status == .cancelled)
        #expect(try history.explain(released, "warehouse")?.wasLeftBehind == true)
        #expect(try history.explain(unreleased, "warehouse")?.status == nil)

        var bitmap = OffsetBitmap(from: 0, to: unreleased + 1)
        bitmap.set(released)
        bitmap.set(unreleased)
        history.append(
            PlanRecord(
                id: "plan", act: .backfill, destination: "warehouse", epoch: 1,
                slot: Lane.eventSlot, policyVersion: 1, approver: "test", ratePerSecond: nil,
                counts: PlanRecord.Counts(
                    considered: 2, allowed: 2, alreadyTold: 0, deniedNow: 0, planned: 2),
                planned: bitmap))
        #expect(history.pending("warehouse").map(\.plan) == ["plan", "plan"])
        #expect(try history.deliver("warehouse").count == 2)
        #expect(try history.explain(released, "warehouse")?.status == .delivered)
        #expect(history.state.planStatuses().first?.counts == [.delivered: 2])
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test(arguments: [nil, ReceiptOutcome.unknown])
    func `L3: what was on its way is unknown and stays so`(_ outcome: ReceiptOutcome?) throws {
        var history = try `A loss`.shop()
        let event = try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        _ = try history.deliver("warehouse", outcome: outcome)
        history.restore(incarnation: 2)
        history.append(OperatorRecord(act: .resume, subject: "warehouse", by: "test"))
        #expect(try history.explain(event, "warehouse")?.status == .unknown)
        #expect(history.pending("warehouse").isEmpty)
        // A plan does not guess at it either (R3); only an operator settles it.
        #expect(
            history.state.isTold(event, lane: Lane(destination: "warehouse", epoch: 1)))
        history.append(
            SettledRecord(
                destination: "warehouse", epoch: 1, slot: Lane.eventSlot, at: event,
                outcome: .pending, by: "test"))
        #expect(history.pending("warehouse").count == 1)
    }

    @Test func `L3: a released range never spans the gap`() throws {
        var history = try `A loss`.shop()
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.restore(incarnation: 2)
        let after = try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        let released = history.release("warehouse")
        let record = try #require(released)
        #expect(record.from == Self.second)
        #expect(record.to == after + 1)
        #expect(record.allowed.members == [after])
    }

    @Test func `L3: a record that names offsets of the gap is parked`() throws {
        var history = try `A loss`.shop()
        history.restore(incarnation: 2)
        var bitmap = OffsetBitmap(from: 100, to: 200)
        bitmap.set(150)
        history.append(
            PlanRecord(
                id: "plan", act: .backfill, destination: "warehouse", epoch: 1,
                slot: Lane.eventSlot, policyVersion: 1, approver: "test", ratePerSecond: nil,
                counts: PlanRecord.Counts(
                    considered: 1, allowed: 1, alreadyTold: 0, deniedNow: 0, planned: 1),
                planned: bitmap))
        #expect(history.state.parkedCount == 1)
    }

    @Test func `L3: is met even where its record cannot be read`() throws {
        var history = try `A loss`.shop()
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        history.skipToIncarnation(2)
        history.lose(1, keys: nil, kinds: nil)
        #expect(history.state.logRestores.map(\.at) == [Self.second])
        #expect(history.state.destinationsHeldByRestore == ["ads", "warehouse"])
        #expect(history.state.isHeldByLoss)
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test func `P2, L3: live, rebuilt and restored from a checkpoint agree over incarnations`()
        throws
    {
        for seed in 0..<12 as Range<UInt64> {
            let history = try RandomHistory(
                seed: seed, length: 160, restores: 3, damages: Int(seed % 3)
            ).history
            #expect(history.state.logRestores.count == 3)
            let live = history.state.digest()
            #expect(history.rebuilt().digest() == live, "seed \(seed)")
            let ends = history.records.indices.filter { $0 % 37 == 0 }
            for end in ends {
                let early = history.rebuilt(upTo: history.records[end].record.offset)
                var later = try FoldState(
                    canonicalBytes: early.canonicalBytes(), key: History.key)
                history.advance(&later)
                #expect(later.digest() == live, "seed \(seed), from record \(end)")
            }
        }
    }

    @Test func `A2, L3: explain agrees with the columns on both sides of a gap`() throws {
        for seed in 0..<10 as Range<UInt64> {
            let history = try RandomHistory(
                seed: seed, length: 120, restores: 2, damages: 3
            ).history
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
}

@Suite struct `An offset space` {
    @Test func `maps rows and offsets both ways, and nothing in a gap`() {
        var space = OffsetSpace()
        space.begin(at: 1000, row: 10)
        space.begin(at: 5000, row: 13)
        let offsets = Array(0..<10 as Range<UInt64>) + [1000, 1001, 1002, 5000, 5001]
        for (row, offset) in offsets.enumerated() {
            #expect(space.row(offset) == UInt64(row))
            #expect(space.offset(ofRow: UInt64(row)) == offset)
        }
        for gap in [10, 999, 1003, 4999] as [UInt64] {
            #expect(space.row(gap) == nil, "\(gap) lies in a gap")
        }
        #expect(space.pastGap(10) == 1000)
        #expect(space.pastGap(1002) == 1002)
        #expect(space.pastGap(1003) == 5000)
        #expect(space.runEnd(of: 4) == 10)
        #expect(space.runEnd(of: 1001) == 1003)
        #expect(space.runEnd(of: 6000) == .max)
    }

    @Test func `cuts a range where the gaps are`() {
        var space = OffsetSpace()
        space.begin(at: 1000, row: 10)
        let all = space.stretches(in: 0..<UInt64.max, count: 12)
        #expect(all.map(\.offsets) == [0..<10, 1000..<1002])
        #expect(all.map(\.rows) == [0..<10, 10..<12])
        #expect(space.stretches(in: 5..<1001, count: 12).map(\.offsets) == [5..<10, 1000..<1001])
        #expect(space.stretches(in: 10..<1000, count: 12).isEmpty)
        #expect(space.stretches(in: 0..<UInt64.max, count: 3).map(\.offsets) == [0..<3])
    }

    @Test func `does not depend on where somebody stopped in a gap`() {
        var stopped = OffsetSpace()
        stopped.begin(at: 500, row: 10)
        stopped.begin(at: 1000, row: 10)
        var straight = OffsetSpace()
        straight.begin(at: 1000, row: 10)
        #expect(stopped == straight)
    }
}
