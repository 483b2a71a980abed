internal import CustomerModel

extension SegmentReader.Shape {
    /// What is posted to this path; nil when the path is none of Segment's. A slash at the end is the same
    /// path: hosts are configured with and without one.
    init?(path: String) {
        guard path.hasPrefix("/v1/") else { return nil }
        var name = path.dropFirst(4)
        if name.hasSuffix("/") { name.removeLast() }
        switch name {
        case "batch", "import", "b": self = .batch
        case "track", "t": self = .single(.track)
        case "identify", "i": self = .single(.identify)
        case "page", "p": self = .single(.page)
        case "screen", "s": self = .single(.screen)
        case "group", "g": self = .single(.group)
        case "alias", "a": self = .single(.alias)
        // RudderStack's: two identifiers are one person's.
        case "merge": self = .single(.alias)
        default: return nil
        }
    }
}
