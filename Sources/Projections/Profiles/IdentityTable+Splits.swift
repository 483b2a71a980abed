/// How one person becomes two (I5, I6).
extension IdentityTable {
    /// What a retraction came to.
    enum Retraction: Equatable {
        /// Nothing held the pair together, or something else still does.
        case kept
        /// `gone` carries those who went; `root` keeps its id.
        case split(root: UInt32, gone: UInt32)
    }

    /// Bars a pair and takes its link away; divides its person where that link was what joined it.
    mutating func retract(_ a: UInt32, _ b: UInt32, at offset: UInt64) -> Retraction {
        _ = retractions.bar(a, b, at: offset)
        guard links.cut(a, b, at: offset), let root = root(ofIdentifier: a) else { return .kept }
        var side = Set(links.reached(from: b).map(\.identifier))
        // One link less in what held together leaves two parts at most.
        guard !side.contains(a) else { return .kept }
        if side.contains(oldestMembers[Int(root)]) {
            side = Set(links.reached(from: a).map(\.identifier))
        }
        return .split(root: root, gone: split(root, taking: side, at: offset))
    }

    /// Gives some of a person's identifiers a node of their own: the person that they are from here on.
    ///
    /// - Precondition: the oldest of the person's identifiers stays, so that its id does.
    private mutating func split(_ root: UInt32, taking side: Set<UInt32>, at offset: UInt64)
        -> UInt32
    {
        var staying: [UInt32] = []
        var going: [UInt32] = []
        forEachMember(ofRoot: root) { member in
            if side.contains(member) { going.append(member) } else { staying.append(member) }
        }
        precondition(!going.isEmpty && !staying.isEmpty, "a split leaves nobody empty")
        let node = UInt32(parents.count)
        parents.append(Self.none)
        mergedAt.append(.max)
        firstMembers.append(Self.none)
        lastMembers.append(Self.none)
        memberCounts.append(0)
        oldestMembers.append(going[0])
        for member in going {
            moves.append(member, from: nodes[Int(member)], at: offset)
            nodes[Int(member)] = node
        }
        thread(staying, at: root)
        thread(going, at: node)
        for member in going { keepOlder(member, at: node) }
        beginners.append(oldestMembers[Int(node)])
        lineage.append(
            .split, kept: oldestMembers[Int(root)], other: oldestMembers[Int(node)], at: offset)
        return node
    }

    /// Makes `members` the list of a node.
    private mutating func thread(_ members: [UInt32], at node: UInt32) {
        firstMembers[Int(node)] = members[0]
        lastMembers[Int(node)] = members[members.count - 1]
        memberCounts[Int(node)] = UInt32(members.count)
        for (member, next) in zip(members, members.dropFirst()) {
            nextMembers[Int(member)] = next
        }
        nextMembers[Int(members[members.count - 1])] = Self.none
    }
}
