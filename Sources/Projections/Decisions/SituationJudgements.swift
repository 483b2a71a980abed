import CustomerModel

/// What one policy's gates said of situations, but for what looks at more than a situation: a shortcut, never
/// written. Every failing gate is recorded (D1), so what the others said stands in the same bits.
struct SituationJudgements {
    private static let none = UInt32.max

    /// Whose judgements these are.
    private var policy: CompiledPolicy?
    /// By situation: where its judgements begin; `none` where it was not met yet.
    private var starts: [UInt32] = []
    private var bits: [UInt16] = []

    /// Puts the judgements on a situation into `room`; false where they are not known.
    func take(_ situation: UInt32, by policy: CompiledPolicy, into room: inout [UInt16]) -> Bool {
        guard self.policy === policy, Int(situation) < starts.count else {
            return false
        }
        let start = starts[Int(situation)]
        guard start != Self.none else { return false }
        room.removeAll(keepingCapacity: true)
        let count = policy.policy.destinations.count
        room.append(contentsOf: bits[Int(start)..<Int(start) + count])
        return true
    }

    /// Keeps what an event in a situation was judged.
    mutating func keep(_ judged: [UInt16], of situation: UInt32, by policy: CompiledPolicy) {
        if self.policy !== policy {
            self.policy = policy
            starts.removeAll(keepingCapacity: true)
            bits.removeAll(keepingCapacity: true)
        }
        while starts.count <= Int(situation) { starts.append(Self.none) }
        guard starts[Int(situation)] == Self.none else { return }
        starts[Int(situation)] = UInt32(bits.count)
        bits.append(contentsOf: judged)
        for detail in policy.details {
            bits[bits.count - judged.count + detail.destination] &= ~CompiledPolicy.Detail.gates
        }
    }
}
