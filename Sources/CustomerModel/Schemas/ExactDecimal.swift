import JSONText

/// A JSON number of any length, exactly: `0.d₁d₂d₃… × 10^power`.
///
/// ``Amount`` holds what is added up and has nine decimals; a bound or a constant of a schema is compared
/// only, so it may be any number that JSON writes. No binary fraction is ever made of it.
struct ExactDecimal: Equatable, Sendable {
    /// False for zero.
    private(set) var isNegative = false
    /// Significant digits, 0 to 9, the first and the last not 0; empty for zero.
    private(set) var digits: [UInt8] = []
    /// 0 for zero.
    private(set) var power = 0

    /// Reads a number token; nil when it is none. Exponents beyond ±10^15 are held there.
    init?(_ token: some Collection<UInt8>) {
        var rest = token[...]
        if rest.first == UInt8(ascii: "-") {
            isNegative = true
            rest = rest.dropFirst()
        }
        var wholeCount = 0
        var sawPoint = false
        var sawDigit = false
        var exponent = 0
        scan: while let byte = rest.first {
            rest = rest.dropFirst()
            switch byte {
            case 0x30...0x39:
                sawDigit = true
                if !sawPoint { wholeCount += 1 }
                if digits.isEmpty, byte == 0x30 {
                    // A zero before the first digit that counts moves the point.
                    wholeCount -= 1
                } else {
                    digits.append(byte - 0x30)
                }
            case UInt8(ascii: ".") where !sawPoint && sawDigit: sawPoint = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                guard let read = DecimalExponent.read(rest, limit: 1_000_000_000_000_000) else {
                    return nil
                }
                exponent = read
                break scan
            default: return nil
            }
        }
        guard sawDigit else { return nil }
        while digits.last == 0 { digits.removeLast() }
        if digits.isEmpty { isNegative = false } else { power = wholeCount + exponent }
    }

    /// Whether it is whole, however it is written: `1.0` and `10e-1` are.
    var isWhole: Bool { digits.count <= power || digits.isEmpty }

    /// A whole number from 0 up to 2^53; nil for anything else.
    var count: Int? {
        guard isWhole, !isNegative, power <= 16 else { return nil }
        var value = 0
        for place in 0..<power {
            value = value * 10 + (place < digits.count ? Int(digits[place]) : 0)
        }
        return value <= 1 << 53 ? value : nil
    }

    /// -1, 0 or 1 as it stands below, at or above `other`.
    func compare(with other: ExactDecimal) -> Int {
        guard isNegative == other.isNegative else { return isNegative ? -1 : 1 }
        let order = compareMagnitude(with: other)
        return isNegative ? -order : order
    }

    private func compareMagnitude(with other: ExactDecimal) -> Int {
        if digits.isEmpty || other.digits.isEmpty {
            return digits.count == other.digits.count ? 0 : digits.isEmpty ? -1 : 1
        }
        guard power == other.power else { return power < other.power ? -1 : 1 }
        for (mine, theirs) in zip(digits, other.digits) where mine != theirs {
            return mine < theirs ? -1 : 1
        }
        return (digits.count - other.digits.count).signum()
    }
}

/// A JSON value of a schema's `enum` or `const`, ready to be compared.
///
/// Equality is JSON Schema's: numbers by value, objects without regard to order.
enum SchemaConstant: Sendable {
    case null
    case bool(Bool)
    case number(ExactDecimal)
    case string([UInt8])
    case array([SchemaConstant])
    case object([(name: [UInt8], value: SchemaConstant)])

    init(_ view: JSONView) {
        switch view.kind {
        case .null: self = .null
        case .bool: self = .bool(view.bool == true)
        case .number:
            guard let number = ExactDecimal(view.rawBytes) else {
                preconditionFailure("a parsed number that is none")
            }
            self = .number(number)
        case .string: self = .string(Self.text(view))
        case .array:
            var elements: [SchemaConstant] = []
            view.forEachElement { elements.append(SchemaConstant($0)) }
            self = .array(elements)
        case .object:
            var members: [(name: [UInt8], value: SchemaConstant)] = []
            view.forEachMember { members.append((Self.text($0), SchemaConstant($1))) }
            self = .object(members)
        }
    }

    /// A string's bytes, unescaped.
    static func text(_ view: JSONView) -> [UInt8] {
        guard let bytes = view.withUTF8({ [UInt8]($0) }) else { preconditionFailure("no string") }
        return bytes
    }

    func equals(_ view: JSONView) -> Bool {
        switch self {
        case .null: return view.isNull
        case .bool(let value): return view.bool == value
        case .number(let number):
            return view.kind == .number && ExactDecimal(view.rawBytes) == number
        case .string(let bytes): return bytes.withUnsafeBytes { view.equals(utf8: $0) }
        case .array(let elements):
            guard view.kind == .array, view.count == elements.count else { return false }
            var place = 0
            var isEqual = true
            view.forEachElement { element in
                if isEqual { isEqual = elements[place].equals(element) }
                place += 1
            }
            return isEqual
        case .object(let members):
            guard view.kind == .object, view.count == members.count else { return false }
            return members.allSatisfy { name, value in
                name.withUnsafeBytes { view.member(utf8: $0) }.map(value.equals) == true
            }
        }
    }
}
