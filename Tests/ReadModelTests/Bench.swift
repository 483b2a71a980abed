import CustomerModel
import EventLog
import Foundation
import Hashing
import JSONText
import Projections
import ReadModel

/// A log, the projection that follows it and a read model, in a directory that goes away with it.
final class Bench {
    let directory: String
    let log: EventLog
    let projection: LiveProjection
    private(set) var store: ReadModelStore
    private var replayer: Replayer
    private var policyVersion = 0
    private var newest: AppendTicket?
    /// Microseconds; every record is a second after the one before.
    var clock: Int64 = 1_767_225_600_000_000  // 2026-01-01T00:00:00Z

    static let origin = ModelOrigin(logID: "00ff", incarnation: 1)

    static let policy = """
        policy: bench
        identity:
          types:
            - { type: user_id, limit: 1 }
            - { type: email, limit: 5, normalise: email }
            - { type: anonymous_id, limit: 5 }
        purposes:
          analytics: { segment: [Analytics] }
        attributes:
          orders: { count: { event: Order Completed } }
          spent: { max: { event: Order Completed, of: properties.revenue } }
        audiences:
          buyers:
            count: { event: Order Completed, atLeast: 2 }
          recent:
            count: { event: Order Completed, within: 1h, atLeast: 1 }
          gold:
            trait: { name: plan, is: gold }
        """

    init() throws {
        directory = NSTemporaryDirectory() + "read-model-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: directory + "/log", withIntermediateDirectories: true)
        log = try EventLog.open(directory: directory + "/log", configuration: LogConfiguration())
        projection = LiveProjection(log: log, state: FoldState(key: log.identity.key))
        projection.keepJournal()
        replayer = Replayer(log: log)
        store = try ReadModelStore.open(directory: directory + "/read", origin: Self.origin)
    }

    deinit {
        store.close()
        log.close()
        do {
            try FileManager.default.removeItem(atPath: directory)
        } catch {
            print("left behind: \(directory): \(error)")
        }
    }

    // MARK: Records

    func activate(_ policy: String = Bench.policy) throws {
        policyVersion += 1
        try append(
            PolicyRecord(
                version: policyVersion, text: policy, sha256: SHA256.of(policy), approver: "test",
                note: nil))
    }

    func append(_ record: some ControlRecord) throws {
        let tail = record.tail(received: Timestamp(microseconds: clock))
        try append(
            RecordDraft(
                kind: type(of: record).kind.rawValue, source: RecordTail.controlSource,
                name: type(of: record).kind.name, occurred: clock, keys: [], tail: tail))
    }

    /// One event; `ids` are members of the message, such as `"userId":"u1"`.
    func event(_ type: String, _ ids: String, _ more: String = "", name: String = "") throws {
        let received = Timestamp(microseconds: clock)
        let named = name.isEmpty ? "" : ",\"event\":\"\(name)\""
        let body = "{\"type\":\"\(type)\"\(named),\(ids)\(more.isEmpty ? "" : "," + more)}"
        let tail =
            "\"kind\":\"event\",\"source\":\"web\",\"received\":\"\(received)\",\"changed\":[],\"body\":\(body)}"
        try append(
            RecordDraft(
                kind: RecordKind.event.rawValue, source: "web",
                name: name.isEmpty ? "<\(type)>" : name, occurred: clock, keys: [],
                tail: Array(tail.utf8)))
    }

    private func append(_ draft: RecordDraft) throws {
        newest = try log.append([draft])
        clock += 1_000_000
    }

    // MARK: Following

    /// Folds everything that is in the log.
    func fold() throws {
        try settle()
        while try projection.applyNext(&replayer, limit: 10_000) != .nothing {}
    }

    /// Waits until everything that was written can be folded.
    func settle() throws {
        if let newest { try log.blockingWaitDurable(newest) }
    }

    func rebuild() throws {
        try fold()
        _ = projection.takeJournal()
        try store.rebuild(from: projection)
    }

    /// Folds what is new and writes it.
    func follow(deliveries: [DeliveryRow] = []) throws {
        try fold()
        let applied = projection.applied
        try store.apply(
            changes: projection.takeJournal(), projection: projection, appliedTo: applied,
            deliveries: deliveries)
    }

    func reopen(origin: ModelOrigin = Bench.origin) throws {
        store.close()
        store = try ReadModelStore.open(directory: directory + "/read", origin: origin)
    }

    // MARK: Looking

    /// All rows of all tables of people, in order of their keys.
    func dump() throws -> [String] {
        try Self.dump(store)
    }

    static func dump(_ store: ReadModelStore) throws -> [String] {
        var lines: [String] = []
        for (table, order) in [
            ("profiles", "id"), ("identifiers", "type, value"),
            ("memberships", "audience, profile_id"), ("former_ids", "id"),
        ] {
            let answer = try store.query(
                "SELECT * FROM \(table) ORDER BY \(order)", limit: 1_000_000)
            lines += answer.rows.map { row in
                table + " " + row.map(\.text).joined(separator: " ")
            }
        }
        return lines
    }

    /// The rows of a query, each as compact JSON.
    func ask(_ sql: String, limit: Int = 100) throws -> [String] {
        try store.query(sql, limit: limit).rows.map { row in JSONValue.array(row).text }
    }

    /// The files in `read/`.
    func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory + "/read").sorted()
    }
}

/// Numbers that a seed fixes.
struct Dice {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493 }

    mutating func roll(_ sides: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(sides))
    }
}
