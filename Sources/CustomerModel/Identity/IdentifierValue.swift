/// Brings identifier values into the form in which they are compared (I1).
public enum IdentifierValue {
    /// The longest value that is an identifier, in bytes after normalisation.
    public static let maximumBytes = 512

    /// The normalised bytes of `value` in `out`, which is emptied first.
    ///
    /// - Returns: false when the value is no identifier: empty, too long, holding NUL, or not of the form
    ///   that the rule asks for.
    /// - Parameter country: for phone numbers, the calling code of national ones.
    public static func normalise(
        _ value: UnsafeRawBufferPointer, _ rule: Normalisation, country: String? = nil,
        into out: inout [UInt8]
    ) -> Bool {
        out.removeAll(keepingCapacity: true)
        guard value.count <= maximumBytes * 2 else { return false }
        switch rule {
        case .none:
            out.append(contentsOf: value)
        case .lowercase, .email:
            for byte in value { out.append(lowercased(byte)) }
            trim(&out)
            if rule == .email && !isEmail(out) { return false }
        case .phone:
            if let country { return PhoneNumber.normalise(value, country: country, into: &out) }
            for byte in value where byte >= 0x30 && byte <= 0x39 || byte == 0x2B {
                if byte == 0x2B && !out.isEmpty { return false }
                out.append(byte)
            }
            guard out.first == 0x2B, (8...16).contains(out.count) else { return false }
        }
        return !out.isEmpty && out.count <= maximumBytes && !out.contains(0)
    }

    /// The normalisation of the log's key columns (L7), which never changes: e-mail addresses trimmed
    /// and in ASCII lower case, everything else as it stands. Policies normalise on their own.
    public static func keyForm(type: String, _ value: UnsafeRawBufferPointer) -> [UInt8] {
        var form: [UInt8] = []
        appendKeyForm(type: type, value, to: &form)
        return form
    }

    /// The same behind what stands in `out`.
    public static func appendKeyForm(
        type: String, _ value: UnsafeRawBufferPointer, to out: inout [UInt8]
    ) {
        guard type == "email" else {
            out.append(contentsOf: value)
            return
        }
        let isEnd = { (byte: UInt8) in !isSpace(byte) }
        guard let first = value.firstIndex(where: isEnd), let last = value.lastIndex(where: isEnd)
        else { return }
        for byte in value[first...last] { out.append(lowercased(byte)) }
    }

    /// Whether `value`, normalised, is of this kind.
    public static func isBlocked(
        type: String, value: UnsafeRawBufferPointer, by rules: [BlockedValue]
    ) -> Bool {
        for rule in rules {
            if let only = rule.type, only != type { continue }
            if matches(value, rule.match) { return true }
        }
        return false
    }

    private static func matches(_ value: UnsafeRawBufferPointer, _ match: BlockedValue.Match)
        -> Bool
    {
        switch match {
        case .exactly(let text):
            var text = text
            return text.withUTF8 { wanted in
                wanted.count == value.count
                    && zip(wanted, value).allSatisfy { lowercased($0) == lowercased($1) }
            }
        case .allOf(let characters):
            var characters = characters
            return characters.withUTF8 { allowed in value.allSatisfy { allowed.contains($0) } }
        case .prefix(let text): return value.starts(with: text.utf8)
        case .suffix(let text): return value.reversed().starts(with: text.utf8.reversed())
        case .pattern(let blocked): return blocked.pattern.matches(utf8: value)
        }
    }

    @inline(__always) private static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
    }

    private static func trim(_ bytes: inout [UInt8]) {
        while let last = bytes.last, isSpace(last) { bytes.removeLast() }
        let leading = bytes.prefix(while: isSpace).count
        if leading > 0 { bytes.removeFirst(leading) }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (byte >= 0x09 && byte <= 0x0D)
    }

    private static func isEmail(_ bytes: [UInt8]) -> Bool {
        guard let at = bytes.firstIndex(of: 0x40), at > 0, at < bytes.count - 1 else {
            return false
        }
        return bytes[(at + 1)...].firstIndex(of: 0x40) == nil && !bytes.contains(where: isSpace)
    }
}
