import JSONText

/// What a destination is told about something that it was told before (E3).
///
/// ```
/// {"id":"<key of the correction>","type":"correction","correction":"amend","plan":"plan-…",
///  "corrects":"<effect key>","messageId":"m1","effect":{"id":"<effect key>","type":"track",…}}
/// {"id":"…","type":"correction","correction":"retract","plan":"plan-…","corrects":"<effect key>",
///  "messageId":"m1","identifiers":{"user_id":"u1"}}
/// ```
///
/// The type is no event's, so that nobody takes one for something that happens now (R3). `effect` is the
/// whole body that counts from here on, as it would be delivered. A retraction holds nothing but what the
/// recipient needs to find what it has: the key, the message id and identifiers that it was told.
extension Rendering {
    /// - Parameters:
    ///   - id: the key of the correction itself.
    ///   - corrects: the key of what was delivered.
    ///   - effect: the event as it is delivered under the rules in force.
    public static func amendment(
        id: String, plan: String, corrects: String, messageID: String, effect: Rendered
    ) -> Rendered {
        var out = opened(.amend, id, plan, corrects, messageID, reserving: effect.bytes.count)
        out.key("effect")
        out.raw(effect.bytes)
        out.endObject()
        var rendered = effect
        rendered.bytes = out.bytes
        return rendered
    }

    /// - Parameter identifiers: what the recipient was told of whom the event is about.
    public static func retraction(
        id: String, plan: String, corrects: String, messageID: String,
        identifiers: [OutgoingIdentifier]
    ) -> Rendered {
        var out = opened(.retract, id, plan, corrects, messageID, reserving: 0)
        write(identifiers, into: &out)
        out.endObject()
        return Rendered(
            bytes: out.bytes, fields: [], identifierTypes: identifiers.map(\.type))
    }

    private static func opened(
        _ correction: Correction, _ id: String, _ plan: String, _ corrects: String,
        _ messageID: String, reserving: Int
    ) -> JSONWriter {
        var out = JSONWriter(reserving: 256 + reserving)
        out.beginObject()
        out.member("id", id)
        out.member("type", "correction")
        out.member("correction", correction.rawValue)
        out.member("plan", plan)
        out.member("corrects", corrects)
        out.member("messageId", messageID)
        return out
    }
}
