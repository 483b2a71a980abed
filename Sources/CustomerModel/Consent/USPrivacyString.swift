/// The IAB's US Privacy string of four letters: `1YNN`.
///
/// `version 1 | notice given | opted out of sale | covered by the LSPA`, the last three `Y`, `N` or `-`
/// for "does not apply".
public struct USPrivacyString: Equatable, Sendable {
    public enum Answer: UInt8, Equatable, Sendable {
        case yes = 0x59
        case no = 0x4E
        case notApplicable = 0x2D
    }
    public var notice: Answer
    public var optedOutOfSale: Answer
    public var coveredByLSPA: Answer

    /// - Throws: ``ConsentTextError``; letters are upper case and nothing follows the fourth.
    public init(decoding text: UnsafeRawBufferPointer) throws(ConsentTextError) {
        try self.init(decoding: text, 0..<text.count)
    }

    public init(_ text: String) throws(ConsentTextError) {
        self = try text.decoded { text throws(ConsentTextError) in
            try USPrivacyString(decoding: text)
        }
    }

    init(decoding text: UnsafeRawBufferPointer, _ range: Range<Int>) throws(ConsentTextError) {
        let start = range.lowerBound
        guard range.count >= 4 else {
            throw ConsentTextError(
                part: .usPrivacy, position: range.upperBound, problem: .cutShort)
        }
        guard range.count == 4 else {
            throw ConsentTextError(part: .usPrivacy, position: start + 4, problem: .tooLong)
        }
        switch text[start] {
        case UInt8(ascii: "1"): break
        case let digit where (0x30...0x39).contains(digit):
            throw ConsentTextError(
                part: .usPrivacy, position: start,
                problem: .unsupportedVersion(Int(digit - 0x30)))
        default:
            throw ConsentTextError(part: .usPrivacy, position: start, problem: .badCharacter)
        }
        notice = try Self.answer(text, start + 1)
        optedOutOfSale = try Self.answer(text, start + 2)
        coveredByLSPA = try Self.answer(text, start + 3)
    }

    private static func answer(
        _ text: UnsafeRawBufferPointer, _ place: Int
    ) throws(ConsentTextError) -> Answer {
        guard let answer = Answer(rawValue: text[place]) else {
            throw ConsentTextError(part: .usPrivacy, position: place, problem: .badCharacter)
        }
        return answer
    }

    /// It speaks of sale only. "Not opted out" counts where the notice was given.
    public var optOuts: OptOuts {
        switch (optedOutOfSale, notice) {
        case (.yes, _): OptOuts(sale: .optedOut)
        case (.no, .yes): OptOuts(sale: .notOptedOut)
        case (.no, _), (.notApplicable, _): OptOuts()
        }
    }
}
