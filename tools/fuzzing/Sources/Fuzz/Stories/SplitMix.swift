/// What the stories of the projections' tests draw from, which these links share.
struct SplitMix {
    private var random: Random
    init(seed: UInt64) { random = Random(seed: seed) }
    mutating func next(upTo bound: Int) -> Int { random.below(bound) }
}
