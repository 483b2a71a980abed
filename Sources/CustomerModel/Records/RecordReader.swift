import Hashing
import JSONText

/// Reads the members of one object of a control record, and says which one was wrong.
///
/// Paths into lists are put together only when something fails, so that reading costs no text.
struct RecordReader {
    let view: JSONView
    let kind: RecordKind

    init(_ view: JSONView, kind: RecordKind) {
        self.view = view
        self.kind = kind
    }

    func error(_ key: StaticString, _ problem: RecordError.Problem) -> RecordError {
        RecordError(kind: kind, member: key.description, problem: problem)
    }

    func member(_ key: StaticString) throws(RecordError) -> JSONView {
        guard let found = view[key] else { throw error(key, .missing) }
        return found
    }

    func string(_ key: StaticString) throws(RecordError) -> String {
        guard let text = try member(key).string else { throw error(key, .illTyped) }
        return text
    }

    func bool(_ key: StaticString) throws(RecordError) -> Bool {
        guard let value = try member(key).bool else { throw error(key, .illTyped) }
        return value
    }

    /// A whole number from `lowest` up.
    func int(_ key: StaticString, from lowest: Int = 0) throws(RecordError) -> Int {
        guard let value = try member(key).int else { throw error(key, .illTyped) }
        guard value >= lowest else { throw error(key, .outOfRange) }
        return Int(value)
    }

    /// An offset of the log.
    func offset(_ key: StaticString) throws(RecordError) -> UInt64 {
        UInt64(try int(key))
    }

    func time(_ key: StaticString) throws(RecordError) -> Timestamp {
        let read = try member(key).withUTF8 { Timestamp(utf8: $0) }
        guard let read, let time = read else { throw error(key, .illTyped) }
        return time
    }

    func digest(_ key: StaticString) throws(RecordError) -> Digest256 {
        guard let bytes = try member(key).withUTF8({ Hexadecimal.decode(utf8: $0) }) ?? nil,
            bytes.count == 32
        else { throw error(key, .illTyped) }
        return Digest256(bytes: bytes)
    }

    /// A profile's id in its text form.
    func profile(_ key: StaticString) throws(RecordError) -> ProfileID {
        guard let profile = ProfileID(try string(key)) else { throw error(key, .illTyped) }
        return profile
    }

    /// One of the words of an enum.
    func word<Word: RawRepresentable<String>>(_ key: StaticString) throws(RecordError) -> Word {
        guard let word = Word(rawValue: try string(key)) else { throw error(key, .illTyped) }
        return word
    }

    /// A bitmap over the offsets `from` up to `to`.
    func bitmap(
        _ key: StaticString, from: UInt64, to: UInt64
    ) throws(RecordError) -> OffsetBitmap {
        guard from <= to else { throw error("to", .outOfRange) }
        guard let bytes = Base64.decode(try string(key)) else { throw error(key, .illTyped) }
        guard let bitmap = OffsetBitmap(from: from, to: to, bytes: bytes) else {
            throw error(key, .lengthMismatch)
        }
        return bitmap
    }

    /// What `read` makes of a member, or nil when there is none.
    func ifPresent<Value>(
        _ key: StaticString, _ read: (StaticString) throws(RecordError) -> Value
    ) throws(RecordError) -> Value? {
        view[key] == nil ? nil : try read(key)
    }

    /// An object inside this one.
    func object<Value>(
        _ key: StaticString, _ read: (RecordReader) throws(RecordError) -> Value
    ) throws(RecordError) -> Value {
        let inner = try member(key)
        guard inner.kind == .object else { throw error(key, .illTyped) }
        do throws(RecordError) {
            return try read(RecordReader(inner, kind: kind))
        } catch {
            throw RecordError(
                kind: kind, member: "\(key).\(error.member)", problem: error.problem)
        }
    }

    /// A list of objects.
    func list<Element>(
        _ key: StaticString, _ read: (RecordReader) throws(RecordError) -> Element
    ) throws(RecordError) -> [Element] {
        try elements(key) { (element) throws(RecordError) in
            guard element.kind == .object else { throw elementError }
            return try read(RecordReader(element, kind: kind))
        }
    }

    /// A list of texts, each brought into a value; nil is ill-typed.
    func texts<Element>(
        _ key: StaticString, _ convert: (String) -> Element?
    ) throws(RecordError) -> [Element] {
        try elements(key) { (element) throws(RecordError) in
            guard let text = element.string, let value = convert(text) else {
                throw elementError
            }
            return value
        }
    }

    /// Of an element itself; `elements` puts its place before the empty name.
    private var elementError: RecordError {
        RecordError(kind: kind, member: "", problem: .illTyped)
    }

    private func elements<Element>(
        _ key: StaticString, _ read: (JSONView) throws(RecordError) -> Element
    ) throws(RecordError) -> [Element] {
        let list = try member(key)
        guard list.kind == .array else { throw error(key, .illTyped) }
        var out: [Element] = []
        out.reserveCapacity(list.count)
        var failure: RecordError?
        list.forEachElement { element in
            guard failure == nil else { return }
            do throws(RecordError) {
                out.append(try read(element))
            } catch {
                let inner = error.member.isEmpty ? "" : ".\(error.member)"
                failure = RecordError(
                    kind: kind, member: "\(key)[\(out.count)]\(inner)", problem: error.problem)
            }
        }
        if let failure { throw failure }
        return out
    }
}

extension JSONWriter {
    mutating func member(_ key: String, _ time: Timestamp) { member(key, time.description) }

    mutating func member(_ key: String, _ texts: some Sequence<String>) {
        self.key(key)
        beginArray()
        for text in texts { string(text) }
        endArray()
    }

    mutating func list<Element>(
        _ key: String, _ elements: [Element], _ write: (Element, inout JSONWriter) -> Void
    ) {
        self.key(key)
        beginArray()
        for element in elements {
            beginObject()
            write(element, &self)
            endObject()
        }
        endArray()
    }
}
