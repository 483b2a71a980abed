public import JSONText

extension Comparison {
    /// Whether a field's value satisfies the comparison; nil for a field that is not there.
    ///
    /// `null` counts as not there. Text is compared byte by byte after unescaping, without regard to
    /// Unicode equivalence; numbers are compared by value and exactly, so `1.0` equals `1`.
    ///
    /// - Parameter received: what ``withinLast(_:)`` counts from.
    public func matches(_ value: JSONView?, received: Int64? = nil) -> Bool {
        guard let value, !value.isNull else {
            return self == .isAbsent
        }
        switch self {
        case .isPresent: return true
        case .isAbsent: return false
        case .equals(let scalar): return scalar.equals(value)
        case .isOneOf(let scalars): return scalars.contains { $0.equals(value) }
        case .atLeast(let bound): return Self.order(value, bound).map { $0 >= 0 } ?? false
        case .atMost(let bound): return Self.order(value, bound).map { $0 <= 0 } ?? false
        case .moreThan(let bound): return Self.order(value, bound).map { $0 > 0 } ?? false
        case .lessThan(let bound): return Self.order(value, bound).map { $0 < 0 } ?? false
        case .startsWith, .endsWith, .matches: return value.withUTF8(matches(utf8:)) ?? false
        case .contains(let scalar):
            guard value.kind == .array else { return value.withUTF8(matches(utf8:)) ?? false }
            var isFound = false
            value.forEachElement { if scalar.equals($0) { isFound = true } }
            return isFound
        case .before(let bound):
            return EventClock.time(value).map { $0.microseconds < bound } ?? false
        case .after(let bound):
            return EventClock.time(value).map { $0.microseconds > bound } ?? false
        case .withinLast(let length):
            guard let received, let time = EventClock.time(value)?.microseconds else {
                return false
            }
            let age = received.subtractingReportingOverflow(time)
            return !age.overflow && age.partialValue >= 0 && age.partialValue <= length
        }
    }

    /// Whether a text satisfies the comparison; for what is no JSON value of its own, as an event's type.
    public func matches(text: String) -> Bool {
        switch self {
        case .isPresent: true
        case .equals(let scalar): scalar.isText(text)
        case .isOneOf(let scalars): scalars.contains { $0.isText(text) }
        case .startsWith, .endsWith, .contains, .matches:
            Array(text.utf8).withUnsafeBytes { matches(utf8: $0) }
        case .isAbsent, .atLeast, .atMost, .moreThan, .lessThan, .before, .after, .withinLast: false
        }
    }

    /// The comparisons that look into a text; false for every other.
    private func matches(utf8 text: UnsafeRawBufferPointer) -> Bool {
        switch self {
        case .startsWith(let prefix): text.starts(with: prefix.utf8)
        case .endsWith(let suffix): text.reversed().starts(with: suffix.utf8.reversed())
        case .contains(.text(let part)): Self.holds(text, Array(part.utf8))
        case .matches(let pattern): pattern.pattern.matches(utf8: text)
        default: false
        }
    }

    private static func holds(_ text: UnsafeRawBufferPointer, _ part: [UInt8]) -> Bool {
        guard let first = part.first else { return true }
        guard text.count >= part.count else { return false }
        for place in 0...(text.count - part.count) where text[place] == first {
            if text[place..<place + part.count].elementsEqual(part) { return true }
        }
        return false
    }

    /// The same as ``matches(_:)`` for a trait kept as its JSON text; nil for one that is not kept.
    ///
    /// Bytes that are no JSON satisfy only `isPresent`: a profile holds nothing but checked tokens.
    public func matches(token: [UInt8]?, received: Int64? = nil) -> Bool {
        guard let token else { return self == .isAbsent }
        var parser = JSONParser()
        do {
            return try parser.parse(token) { matches($0, received: received) }
        } catch {
            return self == .isPresent
        }
    }

    /// Whether a sum or a count satisfies the comparison.
    public func matches(_ amount: Amount) -> Bool {
        switch self {
        case .isPresent: true
        case .isAbsent: false
        case .equals(let scalar): scalar == .number(amount)
        case .isOneOf(let scalars): scalars.contains(.number(amount))
        case .atLeast(let bound): amount >= bound
        case .atMost(let bound): amount <= bound
        case .moreThan(let bound): amount > bound
        case .lessThan(let bound): amount < bound
        case .startsWith, .endsWith, .contains, .matches, .before, .after, .withinLast: false
        }
    }

    private static func order(_ value: JSONView, _ bound: Amount) -> Int? {
        guard value.kind == .number else { return nil }
        return ExactNumber.compare(value.rawBytes, with: bound)
    }
}

extension Scalar {
    fileprivate func equals(_ value: JSONView) -> Bool {
        switch self {
        case .text(let text):
            var text = text
            return text.withUTF8 { value.equals(utf8: UnsafeRawBufferPointer($0)) }
        case .number(let number):
            guard value.kind == .number else { return false }
            return ExactNumber.compare(value.rawBytes, with: number) == 0
        case .bool(let bool):
            return value.bool == bool
        }
    }

    /// By bytes, as everywhere: `==` on strings would join what Unicode calls equivalent.
    fileprivate func isText(_ other: String) -> Bool {
        guard case .text(let text) = self else { return false }
        return text.utf8.elementsEqual(other.utf8)
    }
}
