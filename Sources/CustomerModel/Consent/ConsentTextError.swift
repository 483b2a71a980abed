/// Why a consent string could not be read, and where. Nothing is granted by a string that was not read
/// (C6). Holds no part of the string.
public struct ConsentTextError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was being read.
    public enum Part: Equatable, Sendable {
        case tcCore
        case disclosedVendors
        case allowedVendors
        case publisherTC
        /// A segment of a TC string whose type is not known yet, or is none of ours.
        case tcSegment
        case gppHeader
        /// A section of a GPP string, by its id.
        case gppSection(Int)
        case usPrivacy
        /// The first letter, which says what kind of string it is.
        case form
    }

    public enum Problem: Equatable, Sendable {
        /// More characters than any string that we take.
        case tooLong
        /// The bits end inside a field.
        case cutShort
        /// A character that cannot stand here.
        case badCharacter
        /// A version whose layout is not known.
        case unsupportedVersion(Int)
        /// A header or segment of another type than belongs here.
        case wrongType(Int)
        /// Id 0, an end before its start, or an id above the section's own maximum.
        case badRange
        /// Two segments of one type.
        case repeatedSegment
        /// A number beyond what an id may be.
        case numberTooLarge
        /// The header names another number of sections than there are.
        case countMismatch
        /// A value that its field does not define.
        case undefinedValue(Int)
    }

    public var part: Part
    /// The character, counted from 0 from the start of the whole string.
    public var position: Int
    public var problem: Problem

    public init(part: Part, position: Int, problem: Problem) {
        self.part = part
        self.position = position
        self.problem = problem
    }

    public var description: String {
        "\(part.name): \(problem.text) at character \(position)"
    }
}

extension ConsentTextError.Part {
    public var name: String {
        switch self {
        case .tcCore: "TC string, core"
        case .disclosedVendors: "TC string, disclosed vendors"
        case .allowedVendors: "TC string, allowed vendors"
        case .publisherTC: "TC string, publisher"
        case .tcSegment: "TC string, segment"
        case .gppHeader: "GPP string, header"
        case .gppSection(let id): "GPP string, section \(id)"
        case .usPrivacy: "US Privacy string"
        case .form: "consent string"
        }
    }
}

extension ConsentTextError.Problem {
    public var text: String {
        switch self {
        case .tooLong: "too long"
        case .cutShort: "cut short"
        case .badCharacter: "a character that cannot stand here"
        case .unsupportedVersion(let version): "version \(version) is not known"
        case .wrongType(let type): "type \(type) does not belong here"
        case .badRange: "a range that holds no ids"
        case .repeatedSegment: "a segment that was there before"
        case .numberTooLarge: "a number too large for an id"
        case .countMismatch: "the header names another number of sections"
        case .undefinedValue(let value): "\(value) is not a value of this field"
        }
    }
}
