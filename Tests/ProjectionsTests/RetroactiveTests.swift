import CustomerModel
import JSONText
import Projections
import Testing

/// What a plan may take up although it was not granted at the event (R2).
@Suite struct `What was not granted at the event` {
    private static let marked = Policies.shop.replacing(
        "expires: 30d }", with: "expires: 30d, retroactive: true }")

    /// Orders of whom nothing was known, who had refused, whose grant had run out, and who agreed; and what
    /// is not listed, of somebody of whom nothing was known.
    private func orders(_ policy: String) throws -> (history: History, offsets: [String: UInt64]) {
        var history = try History(policy: policy)
        for (user, says) in [("refused", false), ("expired", true)] {
            try history.event(
                Message.preference(id: "c" + user, user: user, ["Analytics": says]))
        }
        history.clock += 40 * 86_400_000_000
        try history.event(
            Message.preference(id: "cagreed", user: "agreed", ["Analytics": true]))
        var offsets: [String: UInt64] = [:]
        for user in ["unknown", "refused", "expired", "agreed"] {
            offsets[user] = try history.event(
                Message.track("Order Completed", id: user, user: user))
        }
        try history.event(Message.track("Cart Viewed", id: "x", user: "unknown"))
        return (history, offsets)
    }

    private func allowed(_ policy: String, isRetroactive: Bool) throws -> Set<String> {
        let (history, offsets) = try orders(policy)
        let found = history.state.allowed(
            "warehouse", in: 0..<history.next, isRetroactive: isRetroactive)
        let names = offsets.filter { found.contains($0.value) }.map(\.key)
        #expect(names.count == found.count)
        return Set(names)
    }

    @Test func `R2: is released where plan and policy say so, and never what was denied`() throws {
        #expect(try allowed(Self.marked, isRetroactive: false) == ["agreed"])
        #expect(
            try allowed(Self.marked, isRetroactive: true) == ["agreed", "unknown", "expired"])
        #expect(try allowed(Policies.shop, isRetroactive: true) == ["agreed"])
    }

    @Test func `R2, C7: is not released to a vendor whom the TCF did not permit`() throws {
        var history = try History(
            policy: Policies.signals.replacing(
                "segment: [Advertising]", with: "segment: [Advertising]\n    retroactive: true"))
        let event = try history.event(Message.order("1"))
        func allowed(_ destination: String) -> [UInt64] {
            history.state.allowed(destination, in: 0..<history.next, isRetroactive: true)
        }
        #expect(allowed("ads") == [event])
        #expect(allowed("vendor") == [])
    }
}
