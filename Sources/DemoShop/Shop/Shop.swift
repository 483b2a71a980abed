import JSONText

/// The shop: who comes, when, and what their browsers send.
///
/// Each visitor has numbers of their own, drawn from the seed, so that more people do not change
/// the first ones.
struct Shop {
    private var visitors: [Visitor] = []
    private var randoms: [SplitMix64] = []
    private let days: Int
    private let end: Int64

    private static let minute: Int64 = 60_000_000
    private static let day: Int64 = 1440 * minute

    init(seed: UInt64, people: Int, days: Int, end: Timestamp) {
        self.days = days
        self.end = end.microseconds
        for number in 0..<people {
            var random = SplitMix64(seed: seed &* 0x1000_0000_01B3 &+ UInt64(number))
            visitors.append(Visitor.make(number, after: visitors.last, random: &random))
            randoms.append(random)
        }
    }

    /// Everything up to an hour before the end, in the order of arrival.
    mutating func history() -> [Message] {
        var messages: [Message] = []
        for index in visitors.indices {
            let visits = visitTimes(index)
            for (place, start) in visits.enumerated() {
                play(index, start: start, device: place / 3, into: &messages) { visit in
                    visit.play(isFirst: place == 0, buys: place > 0)
                    if visit.visitor.role == .withdraws, place == visits.count / 2 {
                        visit.withdrawAdvertising()
                    }
                }
            }
        }
        return arrived(messages)
    }

    /// Requests of the last minutes: one batch for each of some visitors who are back, two of them
    /// with the header of Global Privacy Control.
    mutating func lastMinutes() -> [JSONValue] {
        let back = visitors.indices.filter { $0 % 8 == 0 || visitors[$0].role == .sharesDevice }
        return back.map { index in
            var messages: [Message] = []
            let ago = Int64(3 + randoms[index].below(7)) * Self.minute
            play(index, start: end - ago, device: 0, into: &messages) {
                $0.play(isFirst: false, buys: true)
            }
            let hasGPC = index == 16 || index == 24
            return [
                "gpc": .bool(hasGPC),
                "body": [
                    "batch": .array(messages.map { $0.json.withoutSentAt }),
                    "sentAt": .string(sentAt(of: index)),
                ],
            ]
        }
    }

    private mutating func play(
        _ index: Int, start: Int64, device: Int, into messages: inout [Message],
        _ body: (inout Visit) -> Void
    ) {
        var visit = Visit(visitors[index], device: device, start: start, random: randoms[index])
        body(&visit)
        visitors[index] = visit.visitor
        randoms[index] = visit.random
        messages += visit.messages
        // Clients repeat what they are not sure to have sent.
        if let again = visit.messages.last, randoms[index].chance(2) { messages.append(again) }
    }

    /// When somebody comes: two to five times, in order.
    private mutating func visitTimes(_ index: Int) -> [Int64] {
        let count = visitors[index].role == .ordinary ? 2 + randoms[index].below(4) : 4
        let span = Int(Int64(days) * Self.day / Self.minute) - 8 * 60
        let start = end - Int64(days) * Self.day
        return (0..<count)
            .map { _ in start + Int64(randoms[index].below(span)) * Self.minute }
            .sorted()
    }

    private func arrived(_ messages: [Message]) -> [Message] {
        messages.sorted { ($0.arrives, $0.id) < ($1.arrives, $1.id) }
    }

    /// By the device's own clock.
    private func sentAt(of index: Int) -> String {
        let skew: Int64 = visitors[index].role == .slowClock ? -300 * Self.minute : 0
        return Timestamp(microseconds: end + skew).description
    }
}

extension JSONValue {
    /// In a batch the request says when it was sent.
    fileprivate var withoutSentAt: JSONValue {
        guard case .object(var object) = self else { return self }
        object["sentAt"] = nil
        return .object(object)
    }
}
