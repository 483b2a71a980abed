import CustomerModel
import EventLog
import JSONText
import Projections

/// Writes out one difference after the other, with what its record says. Blocking; for one thread.
struct RowReader {
    private let log: EventLog
    private let projection: LiveProjection
    private var reader: LogReader
    /// Whether rows also say what was told, with which fields, and what to ask the recipient.
    var tellsDeliveries = false
    private var ledgers: [String: Ledger] = [:]
    /// The record that was read last: several destinations may differ on one event.
    private var last: (offset: UInt64, words: Words)?
    private var attempts: [UInt64: AttemptRecord] = [:]
    private var fieldSets: [UInt64: FieldSetRecord] = [:]
    private var receipts: [UInt64: String] = [:]

    /// What one destination holds, by event.
    private struct Ledger {
        var deliveries: [UInt64: Delivery] = [:]
        var advice: String
    }

    private struct Words {
        var received: String?
        var source: String?
        var event: String?
        var messageID: String?
    }

    init(log: EventLog, projection: LiveProjection) {
        self.log = log
        self.projection = projection
        reader = log.makeReader()
    }

    mutating func row(_ difference: EventDifference) throws -> [(String, JSONValue)] {
        let words = try words(at: difference.offset)
        var row: [(String, JSONValue)] = [
            ("destination", .string(difference.destination)),
            ("offset", .offset(difference.offset)), ("received", .text(words.received)),
            ("source", .text(words.source)), ("event", .text(words.event)),
            ("messageId", .text(words.messageID)), ("before", Self.reasons(difference.before)),
            ("after", Self.reasons(difference.after)),
            ("told", .bool(difference.isTold)),
        ]
        if tellsDeliveries { row += try told(difference) }
        return row
    }

    private static func reasons(_ decision: Decision?) -> JSONValue {
        guard let decision else { return .texts(["no such destination"]) }
        return .texts(decision.isAllow ? ["allow"] : decision.gates.map(\.name))
    }

    private mutating func words(at offset: UInt64) throws -> Words {
        if let last, last.offset == offset { return last.words }
        var words = Words()
        if let record = try StoredPlace.read(at: Offset(offset), with: &reader).record {
            words.source = record.source
            try record.parse { line in
                words.received = line["received"]?.string
                let event = EventBody.read(line: line) {
                    (name: EventExtractor.columnName(of: $0), messageID: $0.messageID?.string)
                }
                words.event = event?.name
                words.messageID = event?.messageID
            }
        }
        last = (offset, words)
        return words
    }

    // MARK: What was told

    private mutating func told(_ difference: EventDifference) throws -> [(String, JSONValue)] {
        let ledger = ledger(of: difference.destination)
        let delivery = ledger.deliveries[difference.offset]
        let attempt = try delivery.flatMap { try self.attempt(at: $0.attempt) }
        let member = attempt?.members.first {
            $0.at == difference.offset && $0.audience == nil
        }
        let fields = try member.flatMap { try fieldSet(at: $0.fieldSet) }
        return [
            ("recipient", .text(attempt?.recipient)),
            ("delivered", .text(try delivery?.receipt.flatMap { try settled(at: $0) })),
            ("attempt", .optionalOffset(delivery?.attempt)),
            ("receipt", .optionalOffset(delivery?.receipt)),
            ("key", .text(member?.key.hex)), ("fields", .texts(fields?.fields ?? [])),
            ("identifiers", .texts(fields?.identifiers ?? [])),
            ("underCorrection", .bool(delivery?.isUnderCorrection ?? false)),
            ("ask", .string(Self.ask(member?.key, fields?.identifiers ?? [], ledger.advice))),
        ]
    }

    private static func ask(_ key: EffectKey?, _ identifiers: [String], _ advice: String)
        -> String
    {
        let id = key.map { "delete what has the id \($0.hex)" } ?? "delete the event"
        let who =
            identifiers.isEmpty
            ? "" : ", told with \(identifiers.joined(separator: " and "))"
        return "\(id)\(who); \(advice)"
    }

    private mutating func ledger(of destination: String) -> Ledger {
        if let known = ledgers[destination] { return known }
        let (deliveries, advice) = projection.read { state in
            (
                state.allDeliveries(to: destination),
                state.latestDestination(destination)?.connector.deletionAdvice ?? ""
            )
        }
        var ledger = Ledger(advice: advice)
        for delivery in deliveries { ledger.deliveries[delivery.at] = delivery }
        ledgers[destination] = ledger
        return ledger
    }

    private mutating func attempt(at offset: UInt64) throws -> AttemptRecord? {
        if let known = attempts[offset] { return known }
        // Requests are met in about the order of their events: a few of them are enough.
        if attempts.count > 64 { attempts.removeAll(keepingCapacity: true) }
        let record = try body(at: offset) { try AttemptRecord($0) }
        attempts[offset] = record
        return record
    }

    private mutating func fieldSet(at offset: UInt64) throws -> FieldSetRecord? {
        if let known = fieldSets[offset] { return known }
        let record = try body(at: offset) { try FieldSetRecord($0) }
        fieldSets[offset] = record
        return record
    }

    private mutating func settled(at offset: UInt64) throws -> String? {
        if let known = receipts[offset] { return known }
        if receipts.count > 1_024 { receipts.removeAll(keepingCapacity: true) }
        let settled = try body(at: offset) { try ReceiptRecord($0).settled.description }
        receipts[offset] = settled
        return settled
    }

    private mutating func body<R>(at offset: UInt64, _ read: (JSONView) throws -> R) throws -> R? {
        try StoredPlace.read(at: Offset(offset), with: &reader).record?.parse { line in
            try line["body"].map(read)
        }
    }
}
