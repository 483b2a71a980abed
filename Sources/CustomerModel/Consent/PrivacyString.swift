/// A consent string of whichever kind, told apart by its first letter.
public enum PrivacyString: Equatable, Sendable {
    /// `C`: a TC string of version 2.
    case tcf(TCString)
    /// `D`.
    case gpp(GPPString)
    /// `1`.
    case usPrivacy(USPrivacyString)

    /// - Throws: ``ConsentTextError``, also for a first letter that is none of the three.
    public init(decoding text: UnsafeRawBufferPointer) throws(ConsentTextError) {
        switch text.first {
        case UInt8(ascii: "C")?: self = .tcf(try TCString(decoding: text))
        case UInt8(ascii: "D")?: self = .gpp(try GPPString(decoding: text))
        case UInt8(ascii: "1")?: self = .usPrivacy(try USPrivacyString(decoding: text))
        case nil: throw ConsentTextError(part: .form, position: 0, problem: .cutShort)
        case _?: throw ConsentTextError(part: .form, position: 0, problem: .badCharacter)
        }
    }

    public init(_ text: String) throws(ConsentTextError) {
        self = try text.decoded { text throws(ConsentTextError) in
            try PrivacyString(decoding: text)
        }
    }

    /// The TC string that it is or holds.
    public var tcf: TCString? {
        switch self {
        case .tcf(let string): string
        case .gpp(let string): string.tcf
        case .usPrivacy: nil
        }
    }

    public var optOuts: OptOuts {
        switch self {
        case .tcf: OptOuts()
        case .gpp(let string): string.optOuts
        case .usPrivacy(let string): string.optOuts
        }
    }
}
