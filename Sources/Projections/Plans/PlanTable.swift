import CustomerModel
import EventLog

/// What broke tracking plans: counted by event name and rule, with samples, and who is in quarantine.
struct PlanTable {
    /// More kinds of violation than this are counted as one: event names are the clients' to choose.
    static let maximumRows = 10_000
    static let maximumSamples = 5

    /// One way in which events of one name broke a plan.
    struct Row: Equatable {
        var plan: String
        var type: UInt8
        /// The event's name; empty for a type without names.
        var event: String
        /// The keyword in the schema; empty for what is not planned.
        var rule: String
        var reason: String
        /// What became of it: a ``PlanVerdict/Outcome``.
        var outcome: UInt8
        var count: UInt64 = 0
        var last: UInt64 = 0
        /// The first offsets.
        var samples: [UInt64] = []
    }

    private(set) var rows: [Row] = []
    private var index: [String: Int] = [:]
    /// Offsets of the events that were put in quarantine, ascending.
    private(set) var quarantined: [UInt64] = []

    init() {}

    /// Takes one event's verdict in.
    mutating func note(
        _ verdict: PlanVerdict, type: EventType, event name: String, offset: UInt64
    ) {
        if verdict.outcome == .quarantined { quarantined.append(offset) }
        guard verdict.outcome != .conforms else { return }
        guard !verdict.violations.isEmpty else {
            count(verdict, type, name, rule: "", reason: "is not planned", offset)
            return
        }
        for violation in verdict.violations {
            count(
                verdict, type, name, rule: violation.schemaPath, reason: violation.reason.text,
                offset)
        }
    }

    private mutating func count(
        _ verdict: PlanVerdict, _ type: EventType, _ name: String, rule: String, reason: String,
        _ offset: UInt64
    ) {
        var row = Row(
            plan: verdict.plan, type: type.rawValue, event: name, rule: rule, reason: reason,
            outcome: verdict.outcome.rawValue)
        if index[Self.key(row)] == nil, rows.count >= Self.maximumRows - 1 {
            row = Row(
                plan: "", type: 0, event: "", rule: "", reason: "other violations", outcome: 0)
        }
        let place = self.place(row)
        rows[place].count += 1
        rows[place].last = offset
        if rows[place].samples.count < Self.maximumSamples, rows[place].samples.last != offset {
            rows[place].samples.append(offset)
        }
    }

    private mutating func place(_ row: Row) -> Int {
        let key = Self.key(row)
        if let known = index[key] { return known }
        index[key] = rows.count
        rows.append(row)
        return rows.count - 1
    }

    private static func key(_ row: Row) -> String {
        "\(row.outcome) \(row.type)\u{0}\(row.plan)\u{0}\(row.event)\u{0}\(row.rule)\u{0}\(row.reason)"
    }

    /// Whether an event was put in quarantine when it came.
    func isQuarantined(_ offset: UInt64) -> Bool {
        let place = quarantined.partitioningIndex { $0 >= offset }
        return place < quarantined.count && quarantined[place] == offset
    }

    func write(into out: inout CanonicalWriter) {
        out.section("PLAN")
        out.integer(UInt32(rows.count))
        for row in rows {
            out.text(row.plan)
            out.integer(row.type)
            out.text(row.event)
            out.text(row.rule)
            out.text(row.reason)
            out.integer(row.outcome)
            out.integer(row.count)
            out.integer(row.last)
            out.column(row.samples)
        }
        out.column(quarantined)
    }

    init(from reader: inout CanonicalReader) throws(CanonicalError) {
        try reader.section("PLAN")
        for _ in 0..<(try reader.integer(UInt32.self)) {
            var row = Row(
                plan: try reader.text(), type: try reader.integer(), event: try reader.text(),
                rule: try reader.text(), reason: try reader.text(), outcome: try reader.integer())
            row.count = try reader.integer()
            row.last = try reader.integer()
            row.samples = try reader.column()
            index[Self.key(row)] = rows.count
            rows.append(row)
        }
        quarantined = try reader.column()
    }
}
