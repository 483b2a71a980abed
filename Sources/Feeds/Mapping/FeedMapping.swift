public import CustomerModel

/// How each record of a file becomes one message in Segment's shape; read from a small YAML file.
///
/// ```
/// format: csv | ndjson             required
/// delimiter: ";"                   csv only; one ASCII character, "," when absent
/// timeZone: Europe/London          of times without an offset; UTC when absent
/// type: track                      required; identify, group, track, page, screen, alias
/// messageId: VALUE                 required; one for each record, the same in each run
/// timestamp: VALUE                 always read as a time
/// userId, anonymousId: VALUE       at least one; a record that has neither is rejected
/// event: VALUE                     track (required)
/// name, category: VALUE            page, screen
/// groupId: VALUE                   group (required)
/// previousId: VALUE                alias (required)
/// properties: {NAME: VALUE …}      track, page, screen, alias
/// traits: {NAME: VALUE …}          identify, group
/// context: {NAME: VALUE …}
///
/// VALUE = { column: NAME, as: TYPE }            csv: a column of the header row
///       | { path: a.b.c, as: TYPE }             ndjson: members of members
///       | { constant: TEXT, as: TYPE }
///       | { template: "a-{NAME}-{#}" }          a column or path; {#} the record's number; {{ a brace
///       | { product: [NAME, NAME …] }           of decimals, exact; written without trailing zeros
///       | { when: [TEST …], otherwise: TEXT, as: TYPE }     the first test that holds
///       each may have  unless: userId | anonymousId | groupId | previousId    left out if that is there
/// TEST  = { column or path: NAME, value: TEXT, and one of     equals: TEXT | startsWith: TEXT |
///           lessThan: NUMBER | greaterThan: NUMBER | isEmpty: true or false }
/// TYPE  = text (when absent) | integer | decimal | boolean | time | json
/// ```
///
/// A NAME in properties, traits and context says with dots where the value stands: `page.title`
/// gives `"page":{"title":…}`. It cannot hold a dot of its own; nor can a path.
///
/// - Empty text, `null` and an absent member give nothing: the value is left out, and so is a
///   template or product that needs it. An empty `messageId` or mapped `timestamp` rejects the
///   record. No number is less or greater than nothing.
/// - `integer` and `decimal` are JSON number tokens, written as they stand in the file: never
///   through a binary fraction. `boolean` is true, false (any case), 1 or 0. `json` is kept token
///   by token.
/// - `time` is ``TimestampText``. Without an offset it is local time in `timeZone`: where clocks
///   were set back and a local time came twice, the earlier moment is meant; where they were set
///   forward and it never came, it is read with the offset from before, which shifts it by the
///   length of the gap.
/// - Whatever does not fit rejects its record, with a reason, and the feed goes on.
///
/// Unknown keys, keys that the type does not take, and names twice are refused with line and
/// column.
public struct FeedMapping: Sendable {
    /// The kind of file that a mapping is for.
    public enum Format: String, Sendable, CaseIterable { case csv, ndjson }

    public let format: Format
    /// The type of every message.
    public let type: EventType
    /// The mapping file's name, for errors.
    public let file: String

    let delimiter: UInt8
    let zone: LocalZone
    /// The members before the objects, in the order in which they are written: those with `unless`
    /// last.
    let envelope: [(field: EnvelopeField, token: [UInt8], value: FieldExpression)]
    let objects: ObjectPlan
    /// Every column or path that a value names; values hold places in here.
    let fields: [FieldName]

    /// Reads a mapping.
    /// - Parameter file: what errors call it.
    /// - Throws: ``FeedMappingError``.
    public init(yaml: String, file: String) throws(FeedMappingError) {
        var reader = MappingReader(file: file)
        let root = try reader.root(yaml)
        self = try reader.mapping(root)
    }

    /// Reads the mapping file at `path`. Blocking.
    /// - Throws: ``FeedMappingError`` or ``FeedError``.
    public init(contentsOf path: String) throws {
        var window = try FileWindow.open(path, maximumBytes: 1 << 20)
        while try window.more() {}
        guard window.isAtEnd else {
            throw FeedMappingError(
                file: path, line: 1, column: 1, reason: "longer than 1 MiB, which no mapping is")
        }
        try self.init(yaml: String(decoding: window.bytes, as: UTF8.self), file: path)
    }

    init(
        format: Format, type: EventType, file: String, delimiter: UInt8, zone: LocalZone,
        envelope: [(field: EnvelopeField, value: FieldExpression)], objects: ObjectPlan,
        fields: [FieldName]
    ) {
        self.format = format
        self.type = type
        self.file = file
        self.delimiter = delimiter
        self.zone = zone
        let ordered =
            envelope.filter { $0.value.unless == nil }
            + envelope.filter { $0.value.unless != nil }
        self.envelope = ordered.map {
            ($0.field, ObjectPlan.token($0.field.rawValue), $0.value)
        }
        self.objects = objects
        self.fields = fields
    }
}
