/// An IAB Global Privacy Platform string, decoded: `header ~ section ~ section …`.
///
/// A string is read whole or not at all: one section that is known and cannot be read makes all of it
/// unreadable (C6). Sections that are not known are kept by their id.
public struct GPPString: Equatable, Sendable {
    public enum Section: Equatable, Sendable {
        /// Id 2, the TCF of the European Union.
        case tcf(TCString)
        /// Id 6.
        case usPrivacy(USPrivacyString)
        /// Ids 7 to 23.
        case us(USSection)
        /// A section that is not read, such as Canada's TCF (5), which only looks like Europe's.
        case other(Int)
    }

    /// As the header names them, ascending.
    public let sectionIDs: [Int]
    /// One for each id, in the same order.
    public let sections: [Section]

    /// - Throws: ``ConsentTextError`` with the first thing that is wrong.
    public init(decoding text: UnsafeRawBufferPointer) throws(ConsentTextError) {
        guard text.count <= ConsentBits.maximumCharacters else {
            throw ConsentTextError(
                part: .gppHeader, position: ConsentBits.maximumCharacters, problem: .tooLong)
        }
        let pieces = text.pieces(0..<text.count, separator: UInt8(ascii: "~"))
        sectionIDs = try GPPHeader.sectionIDs(text, pieces[0], sectionCount: pieces.count - 1)
        var sections: [Section] = []
        sections.reserveCapacity(sectionIDs.count)
        for (id, piece) in zip(sectionIDs, pieces.dropFirst()) {
            sections.append(try Self.section(id, text, piece))
        }
        self.sections = sections
    }

    public init(_ text: String) throws(ConsentTextError) {
        self = try text.decoded { text throws(ConsentTextError) in try GPPString(decoding: text) }
    }

    private static func section(
        _ id: Int, _ text: UnsafeRawBufferPointer, _ range: Range<Int>
    ) throws(ConsentTextError) -> Section {
        switch id {
        case 2: .tcf(try TCString(decoding: text, range))
        case 6: .usPrivacy(try USPrivacyString(decoding: text, range))
        case 7...23: .us(try USSection(id: id, decoding: text, range))
        default: .other(id)
        }
    }

    /// The TC string within it; nil where there is none.
    public var tcf: TCString? {
        for case .tcf(let string) in sections { return string }
        return nil
    }

    /// What all its sections take away, joined. Ids above 23 belong to states whose layouts are not
    /// known here: they may hold an opt-out, so each answer is at least ``OptOut/unreadable`` then.
    public var optOuts: OptOuts {
        var joined = OptOuts()
        for section in sections {
            switch section {
            case .tcf: break
            case .usPrivacy(let string): joined.join(string.optOuts)
            case .us(let section): joined.join(section.optOuts)
            case .other(let id):
                if id > 23 { joined.join(OptOuts(all: .unreadable)) }
            }
        }
        return joined
    }
}
