/// A pattern as it was read.
indirect enum PatternNode {
    case empty
    case scalar(UInt32)
    case set(CharacterRanges)
    case start
    case end
    case wordBoundary
    case noWordBoundary
    case sequence([PatternNode])
    case either([PatternNode])
    /// `most` is nil where there is no bound.
    case repeated(PatternNode, least: Int, most: Int?)
}
