public import JSONText

/// How many items were refused for what. There are some twenty reasons, so a list does.
public struct RefusalCounts: Sendable, Equatable {
    /// In the order in which they first came.
    private var rows: [(code: String, count: Int)] = []

    public init() {}

    public var total: Int { rows.reduce(0) { $0 + $1.count } }

    mutating func add(_ code: String, _ count: Int = 1) {
        if let place = rows.firstIndex(where: { $0.code == code }) {
            rows[place].count += count
        } else {
            rows.append((code, count))
        }
    }

    mutating func add(_ other: RefusalCounts) {
        for row in other.rows { add(row.code, row.count) }
    }

    /// By code, in alphabetical order.
    public var sorted: [(code: String, count: Int)] { rows.sorted { $0.code < $1.code } }

    /// `{"invalid_json":2,"missing_event":1}`.
    public var json: JSONValue {
        .object(JSONObject(sorted.map { (key: $0.code, value: .int(Int64($0.count))) }))
    }

    public static func == (a: RefusalCounts, b: RefusalCounts) -> Bool {
        a.sorted.elementsEqual(b.sorted) { $0 == $1 }
    }
}

extension CollectOutcome {
    /// How many items were refused, named or not.
    public var rejectedCount: Int { refusals.total }
}
