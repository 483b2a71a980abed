internal import Hashing
internal import JSONText

/// One line of the reject file.
///
/// ```
/// {"time":"…","source":"web","code":"missing_event","message":"…","record":12,"text":"{…}"}
/// ```
/// Bytes that are no UTF-8 stand as `base64` instead of `text`; what was cut off is counted in `cutBytes`.
struct RejectEntry: Sendable {
    /// Longer items are cut here: the file is for finding the mistake.
    static let keptBytes = 64 << 10

    let line: [UInt8]

    init(
        time: Timestamp, source: String, refusal: ItemRefusal, recordNumber: UInt64?,
        bytes: UnsafeRawBufferPointer
    ) {
        let kept = Array(bytes.prefix(Self.keptBytes))
        var writer = JSONWriter(reserving: kept.count + 256)
        writer.beginObject()
        writer.member("time", time.description)
        writer.member("source", source)
        writer.member("code", refusal.code)
        writer.member("message", refusal.message)
        if let recordNumber { writer.member("record", recordNumber) }
        if bytes.count > kept.count { writer.member("cutBytes", bytes.count - kept.count) }
        if let text = String(validating: kept, as: UTF8.self) {
            writer.member("text", text)
        } else {
            writer.member("base64", Base64.encode(kept))
        }
        writer.endObject()
        line = writer.bytes + [0x0A]
    }
}
