public import JSONText

/// What one effect looks like on its way out: one JSON object and the account of what is in it.
public struct Rendered: Equatable, Sendable {
    /// The object's text, without white space between tokens and without an end of line.
    public var bytes: [UInt8]
    /// The fields that really left, as dotted paths from the message's root, sorted. A listed path is
    /// named as the policy names it; under `all`, each top-level field.
    public var fields: [String]
    /// Types of the identifiers in it, in the order given.
    public var identifierTypes: [String]

    public init(bytes: [UInt8], fields: [String], identifierTypes: [String]) {
        self.bytes = bytes
        self.fields = fields
        self.identifierTypes = identifierTypes
    }
}

/// An identifier as a destination is told it.
public struct OutgoingIdentifier: Equatable, Sendable {
    public var type: String
    public var value: String

    public init(type: String, value: String) {
        self.type = type
        self.value = value
    }
}

/// Writes what a destination is told. The same input gives the same bytes, for ever: bodies are digested
/// (E5), so a change here would make every retry a correction.
///
/// ```
/// {"id":"<effect key>","type":"track","event":"Order Completed","messageId":"m1",
///  "occurred":"2026-03-14T15:09:26.535000Z","received":"…","identifiers":{"user_id":"u1"},
///  "properties":{…},"context":{…}}
/// ```
///
/// `event` is there for a track, `name` for a page or screen that has one; `traits` stands for
/// `properties` in identify and group. `properties`, `traits` and `context` hold only what the rule
/// lists (P4), keys in the client's order, tokens byte for byte, and are left out when nothing of them
/// remains. Nothing else of the message leaves, but for its name, its id and its times. What a tracking
/// plan strips is taken out of that, and then the rule's transformations are made in their order. What was
/// decided or tried under other rules keeps inside those as well (``RenderingBound``).
public enum Rendering {
    /// One event for one destination under one rule.
    ///
    /// - Parameters:
    ///   - id: the effect's key as text (E1).
    ///   - rule: the destination's rule that means the event, narrowed if a retry narrows it.
    ///   - identifiers: what of the destination's `identifiers` is known, in the policy's order.
    ///   - stripped: what a tracking plan takes out, as paths from the message's root.
    ///   - bounds: what else it must keep inside, oldest first.
    /// - Returns: nil when the message says no type or has no message id; no event that reached the log
    ///   lacks either.
    public static func event(
        id: String, event: EventBody, occurred: Timestamp, received: Timestamp, rule: EventRule,
        identifiers: [OutgoingIdentifier], stripped: [FieldPath] = [],
        bounds: [RenderingBound] = []
    ) -> Rendered? {
        guard let type = event.type, let messageID = event.messageID else { return nil }
        var out = JSONWriter(reserving: 512)
        out.beginObject()
        out.member("id", id)
        out.member("type", type.name)
        if let name = event.name, name.kind == .string {
            out.key(type == .track ? "event" : "name")
            out.raw(name.rawBytes)
        }
        out.key("messageId")
        out.raw(messageID.rawBytes)
        out.member("occurred", occurred.description)
        out.member("received", received.description)
        write(identifiers, into: &out)

        var fields: [String] = []
        let own = [event.item[type.fieldsStaticKey]]
        let context = [event.item["context"], event.sharedContext]
        let rules = bounds + [RenderingBound(rule: rule, stripped: stripped)]
        for (key, list, sources) in [
            (type.fieldsKey, \EventRule.fields, own), ("context", \EventRule.context, context),
        ] {
            let part = RenderedPart.common(
                to: rules.map { bound in
                    RenderedPart.Rule(
                        list: bound.rule[keyPath: list],
                        reshaping: Reshaping(
                            root: key, stripped: bound.stripped,
                            transformations: bound.rule.transformations))
                }, of: sources.compactMap { $0 }.filter { $0.kind == .object }, key: key)
            guard let object = part.object else { continue }
            out.key(key)
            out.raw(object)
            fields += part.fields
        }
        out.endObject()
        return Rendered(
            bytes: out.bytes, fields: fields.sorted(by: utf8Order),
            identifierTypes: identifiers.map(\.type))
    }

    /// That somebody entered or left an audience (E2).
    ///
    /// - Parameters:
    ///   - at: projection time of the change.
    ///   - plan: the plan that says so; nil when nobody had to ask for it.
    ///   - identifiers: the subject as it is told to the destination.
    public static func membership(
        id: String, audience: String, change: MembershipChange, at: Timestamp,
        plan: String? = nil, identifiers: [OutgoingIdentifier]
    ) -> Rendered {
        var out = JSONWriter(reserving: 256)
        out.beginObject()
        out.member("id", id)
        out.member("type", "audience")
        out.member("audience", audience)
        out.member("change", change.rawValue)
        out.member("at", at.description)
        if let plan { out.member("plan", plan) }
        write(identifiers, into: &out)
        out.endObject()
        return Rendered(
            bytes: out.bytes, fields: ["audience"], identifierTypes: identifiers.map(\.type))
    }

    /// Several values of one type, as one person's e-mail addresses, become an array.
    static func write(_ identifiers: [OutgoingIdentifier], into out: inout JSONWriter) {
        out.key("identifiers")
        out.beginObject()
        for (place, identifier) in identifiers.enumerated() {
            guard !identifiers[..<place].contains(where: { $0.type == identifier.type }) else {
                continue
            }
            let values = identifiers[place...].filter { $0.type == identifier.type }.map(\.value)
            out.key(identifier.type)
            if values.count == 1 {
                out.string(identifier.value)
            } else {
                out.beginArray()
                for value in values { out.string(value) }
                out.endArray()
            }
        }
        out.endObject()
    }
}

/// Text order that no locale and no Unicode version changes.
func utf8Order(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

extension EventType {
    /// ``fieldsKey`` in the form that a lookup takes.
    fileprivate var fieldsStaticKey: StaticString {
        switch self {
        case .identify, .group: "traits"
        case .track, .page, .screen, .alias: "properties"
        }
    }
}
