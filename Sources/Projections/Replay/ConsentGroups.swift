/// Who could ever be one person, put together: identifiers that one person carries today, or that a split
/// parted. What anybody says changes nothing outside its group, so groups can be walked through one after
/// another, or at once.
///
/// Every identifier has a *position*; those of a group follow each other, in the order in which people were
/// first met. Positions are cut into *parts* that hold whole groups and are small enough for all that is
/// known of them to stay in a processor's cache.
final class ConsentGroups: Sendable {
    static let none = UInt32.max

    /// More would be written to in turn than a processor keeps at hand.
    private static let mostParts = 256

    /// By identifier; `none` where it never belonged to anybody.
    let positions: [UInt32]
    /// By position; `none` where nobody stands.
    let identifiers: [UInt32]
    /// By position: where its group begins.
    let starts: [UInt32]
    /// By position where a group begins: the end of those of the group that ever said anything.
    let speakerEnds: [UInt32]
    /// By position, shifted to the right by ``shift``: the part.
    let partOfBlock: [UInt32]
    let shift: Int
    /// The positions of each part.
    let parts: [Range<Int>]

    @inline(__always)
    func part(ofPosition position: UInt32) -> Int { Int(partOfBlock[Int(position) >> shift]) }

    /// - Parameters:
    ///   - speaks: by identifier: whether it ever said anything.
    ///   - partBits: positions of a part, as a power of two, if no more than ``mostParts`` come of it.
    init(_ people: PersonHistory, speaks: [Bool], partBits: Int) {
        let groups = Self.groups(people)
        var shift = partBits
        while people.identifierCount >> shift >= Self.mostParts { shift += 1 }
        self.shift = shift
        var sizes = [UInt32](repeating: 0, count: people.nodeCount)
        for group in groups where group != Self.none { sizes[Int(group)] += 1 }
        // Where each group begins. No part ends within a group.
        var next = [UInt32](repeating: 0, count: people.nodeCount)
        var blocks: [UInt32] = []
        var parts: [Range<Int>] = []
        var end = 0
        let block = 1 << shift
        for (group, size) in sizes.enumerated() where size > 0 {
            if end & (block - 1) + Int(size) > block { end = (end + block - 1) & ~(block - 1) }
            next[group] = UInt32(end)
            if end >> shift == blocks.count { parts.append(end..<end) }
            end += Int(size)
            while blocks.count < (end + block - 1) >> shift {
                blocks.append(UInt32(parts.count - 1))
            }
            parts[parts.count - 1] = parts[parts.count - 1].lowerBound..<end
        }
        let begins = next
        var positions = [UInt32](repeating: Self.none, count: groups.count)
        var identifiers = [UInt32](repeating: Self.none, count: end)
        var starts = [UInt32](repeating: Self.none, count: end)
        var speakerEnds = [UInt32](repeating: 0, count: end)
        for isSpeaking in [true, false] {
            for (identifier, group) in groups.enumerated()
            where group != Self.none && speaks[identifier] == isSpeaking {
                let position = next[Int(group)]
                next[Int(group)] += 1
                positions[identifier] = position
                identifiers[Int(position)] = UInt32(identifier)
                starts[Int(position)] = begins[Int(group)]
            }
            guard isSpeaking else { continue }
            for (group, size) in sizes.enumerated() where size > 0 {
                speakerEnds[Int(begins[group])] = next[group]
            }
        }
        self.positions = positions
        self.identifiers = identifiers
        self.starts = starts
        self.speakerEnds = speakerEnds
        self.parts = parts
        partOfBlock = blocks
    }

    /// By identifier: a node that stands for its group; `none` where it never belonged to anybody.
    private static func groups(_ people: PersonHistory) -> [UInt32] {
        var joined: [UInt32: UInt32] = [:]
        func first(_ node: UInt32) -> UInt32 {
            var node = node
            while let before = joined[node] { node = before }
            return node
        }
        for identifier in people.moved {
            var known: UInt32?
            people.forEachCarrier(of: identifier) { carrier in
                let node = first(carrier)
                if let known, known != node { joined[max(known, node)] = min(known, node) }
                known = min(known ?? node, node)
            }
        }
        return (0..<UInt32(people.identifierCount)).map { identifier in
            let carrier = people.carrier(identifier)
            return carrier == PersonHistory.none || joined.isEmpty ? carrier : first(carrier)
        }
    }
}
