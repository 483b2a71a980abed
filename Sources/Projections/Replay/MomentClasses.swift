/// Moments whose judgements before and after have the same first reasons everywhere count as one class, so
/// that an event costs one addition however many destinations there are.
struct MomentClasses {
    /// By moment.
    let classes: [UInt32]
    /// By class: whether some judgement changes from or to `allow`.
    let changing: [Bool]
    let leavesOut: [Bool]
    /// By class: one moment of it.
    private let examples: [UInt32]
    private let old: [UInt16]
    private let new: [UInt16]
    private let width: Int

    var count: Int { examples.count }

    /// - Parameters:
    ///   - old, new: by moment and destination.
    ///   - leavingOut: destinations that are counted elsewhere.
    init(moments: Int, width: Int, old: [UInt16], new: [UInt16], leavingOut: [Bool]) {
        self.width = width
        self.old = old
        self.new = new
        leavesOut = leavingOut
        // Refined a destination at a time: a class so far and a pair of reasons make the next class.
        var classes = [UInt32](repeating: 0, count: moments)
        for number in 0..<width where !leavingOut[number] {
            var table = PairNumbers()
            for moment in 0..<moments {
                let place = moment * width + number
                let pair = ReasonPairs.pair(old[place], new[place])
                classes[moment] = table.intern(classes[moment], UInt32(pair))
            }
        }
        var examples: [UInt32] = []
        for (moment, number) in classes.enumerated() where Int(number) == examples.count {
            examples.append(UInt32(moment))
        }
        changing = examples.map { moment in
            (0..<width).contains { number in
                let place = Int(moment) * width + number
                return !leavingOut[number] && (old[place] == 0) != (new[place] == 0)
            }
        }
        self.classes = classes
        self.examples = examples
    }

    /// What was counted by class and day, as pairs of one destination's first reasons.
    func pairs(of number: Int, _ days: [(day: Int64, counts: [Int])]) -> [(
        day: Int64, counts: [Int]
    )] {
        let pairs = examples.map { moment in
            let place = Int(moment) * width + number
            return ReasonPairs.pair(old[place], new[place])
        }
        return days.map { day, counts in
            var sums = [Int](repeating: 0, count: ReasonPairs.width)
            for (number, count) in counts.enumerated() where count > 0 {
                sums[pairs[number]] += count
            }
            return (day, sums)
        }
    }
}
