import Hashing

/// The table as canonical bytes.
extension IdentityTable {
    func write(into out: inout CanonicalWriter) {
        out.section("IDEN")
        types.write(into: &out)
        values.write(into: &out)
        out.column(birthOffsets)
        out.column(birthOrdinals)
        out.column(nodes)
        out.column(linkOffsets)
        out.column(linkTimes)
        out.column(nextMembers)
        out.column(suppressedFrom)
        out.column(parents)
        out.column(mergedAt)
        out.column(firstMembers)
        out.column(lastMembers)
        out.column(memberCounts)
        out.column(oldestMembers)
        out.column(beginners)
        refusals.write(into: &out)
        links.write(into: &out)
        retractions.write(into: &out)
        reviews.write(into: &out)
        bursts.write(into: &out)
        lineage.write(into: &out)
        moves.write(into: &out)
    }

    init(from reader: inout CanonicalReader, key: SipKey) throws(CanonicalError) {
        try reader.section("IDEN")
        types = try NameTable(from: &reader)
        values = try ByteTable(from: &reader, key: key)
        birthOffsets = try reader.column()
        birthOrdinals = try reader.column()
        nodes = try reader.column()
        linkOffsets = try reader.column()
        linkTimes = try reader.column()
        nextMembers = try reader.column()
        suppressedFrom = try reader.column()
        parents = try reader.column()
        mergedAt = try reader.column()
        firstMembers = try reader.column()
        lastMembers = try reader.column()
        memberCounts = try reader.column()
        oldestMembers = try reader.column()
        beginners = try reader.column()
        refusals = try RefusalTable(from: &reader)
        let identifiers = values.count
        let sizes = [
            birthOffsets.count, birthOrdinals.count, nodes.count, linkOffsets.count,
            linkTimes.count, nextMembers.count, suppressedFrom.count,
        ]
        let nodeSizes = [
            mergedAt.count, firstMembers.count, lastMembers.count, memberCounts.count,
            oldestMembers.count, beginners.count,
        ]
        guard sizes.allSatisfy({ $0 == identifiers }),
            nodeSizes.allSatisfy({ $0 == parents.count })
        else { throw CanonicalError(position: reader.position, expected: "equal columns") }
        links = try LinkTable(from: &reader, identifiers: identifiers)
        retractions = try RetractionTable(from: &reader, identifiers: identifiers)
        reviews = try ReviewTable(from: &reader, identifiers: identifiers)
        bursts = try BurstTable(from: &reader, identifiers: identifiers)
        lineage = try LineageColumns(from: &reader, identifiers: identifiers)
        moves = try MoveColumns(
            from: &reader, identifiers: identifiers, nodes: parents.count)
    }
}
