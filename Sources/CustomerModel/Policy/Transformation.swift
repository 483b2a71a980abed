/// One change to what leaves, made after the allowlist chose it. A rule's are applied in their order.
///
/// Lists are gone through: a path that meets a list means every element of it. Where a value is not of the
/// kind that the change is for, the field is left out: what cannot be hidden does not leave.
public struct Transformation: Equatable, Sendable {
    public enum Act: Equatable, Sendable {
        case drop
        /// Another name in the same object. What had that name before is replaced.
        case rename(to: String)
        /// SHA-256 in lower-case hexadecimal, of the text or the number's token in its normal form. What has
        /// no normal form is left out.
        case hash(Normalisation)
        /// `***` and the last `keep` characters; the stars alone where there are no more than those.
        case mask(keep: Int)
        /// The first so many characters (Unicode scalars) of a text.
        case truncate(to: Int)
        /// A constant, whether or not the event has the field.
        case set(Scalar)
    }

    /// From the message's root: `properties.total`, `traits.email`, `context.page.url`. At least two names.
    public var path: FieldPath
    public var act: Act

    public init(path: FieldPath, act: Act) {
        self.path = path
        self.act = act
    }
}

extension Transformation {
    /// `hash traits.email as email`.
    var text: String {
        switch act {
        case .drop: "drop \(path)"
        case .rename(let name): "rename \(path) to \(name)"
        case .hash(.none): "hash \(path)"
        case .hash(let form): "hash \(path) as \(form.rawValue)"
        case .mask(let keep): "mask \(path)" + (keep == 0 ? "" : " but for the last \(keep)")
        case .truncate(let length): "truncate \(path) to \(length)"
        case .set(let value): "set \(path) to \(value.text)"
        }
    }
}

extension [Transformation] {
    var text: String { isEmpty ? "none" : map(\.text).joined(separator: ", ") }
}

extension Scalar {
    var text: String {
        switch self {
        case .text(let text): "\"\(text)\""
        case .number(let number): "\(number)"
        case .bool(let bool): "\(bool)"
        }
    }
}
