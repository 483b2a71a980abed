/// Appends JSON text to a byte array, without white space.
///
/// It puts commas and colons; the order of calls is the caller's business: a name before each value
/// inside an object, as many ends as begins. What `raw` is given must be one whole JSON value.
public struct JSONWriter: Sendable {
    /// What was written so far.
    public private(set) var bytes: [UInt8] = []

    /// - Parameter reserving: bytes to make room for.
    public init(reserving: Int = 0) {
        bytes.reserveCapacity(reserving)
    }

    public mutating func beginObject() { open(UInt8(ascii: "{")) }
    public mutating func endObject() { bytes.append(UInt8(ascii: "}")) }
    public mutating func beginArray() { open(UInt8(ascii: "[")) }
    public mutating func endArray() { bytes.append(UInt8(ascii: "]")) }

    /// The name of the member whose value comes next.
    public mutating func key(_ k: String) {
        string(k)
        bytes.append(UInt8(ascii: ":"))
    }

    public mutating func string(_ s: String) {
        var s = s
        s.withUTF8 { string(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// A string from its unescaped bytes.
    /// - Precondition: `utf8` is valid UTF-8; it is not checked.
    public mutating func string(utf8: UnsafeRawBufferPointer) {
        separate()
        JSONStringText.append(utf8: utf8, to: &bytes)
    }

    public mutating func int(_ value: some BinaryInteger) {
        separate()
        bytes.append(contentsOf: String(value).utf8)
    }

    public mutating func bool(_ value: Bool) {
        separate()
        bytes.append(
            contentsOf: value ? [0x74, 0x72, 0x75, 0x65] : [0x66, 0x61, 0x6c, 0x73, 0x65])
    }

    public mutating func null() {
        separate()
        bytes.append(contentsOf: [0x6e, 0x75, 0x6c, 0x6c])
    }

    /// One value that is JSON text already, taken byte for byte.
    public mutating func raw(_ b: UnsafeRawBufferPointer) {
        precondition(!b.isEmpty, "nothing is not a JSON value")
        separate()
        bytes.append(contentsOf: b)
    }

    /// One value that is JSON text already, taken byte for byte.
    public mutating func raw(_ b: [UInt8]) {
        b.withUnsafeBytes { raw($0) }
    }

    public mutating func value(_ v: JSONValue) {
        separate()
        v.write(into: &bytes)
    }

    /// A value of a parsed text, its tokens byte for byte.
    public mutating func value(_ v: JSONView) {
        separate()
        v.writeMinified(into: &bytes)
    }

    public mutating func member(_ key: String, _ value: String) {
        self.key(key)
        string(value)
    }

    public mutating func member(_ key: String, _ value: some BinaryInteger) {
        self.key(key)
        int(value)
    }

    public mutating func member(_ key: String, _ value: Bool) {
        self.key(key)
        bool(value)
    }

    public mutating func member(_ key: String, _ value: JSONValue) {
        self.key(key)
        self.value(value)
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
    }

    /// The last byte says whether a value ended before this one; so no stack is kept.
    private mutating func separate() {
        switch bytes.last {
        case nil, UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: ":"): break
        default: bytes.append(UInt8(ascii: ","))
        }
    }
}
