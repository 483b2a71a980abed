import CustomerModel
import Hashing

/// What filters read of profiles, as of each event: for every field that any policy's filter asks, a column of
/// value numbers beside the decisions.
///
/// A column begins with the first event that was judged by the field and holds one entry for each such event,
/// so that asking again, at any later time, reads what was read then (D1, A2). What nobody asked costs nothing.
struct ProfileColumns {
    /// Stands for a profile that has nothing there.
    static let absent = UInt32.max
    /// Stands for an event that was not judged by the field.
    static let notRead = UInt32.max - 1

    /// Fields as filters name them, in order of first use.
    private(set) var fields: [FieldPath] = []
    /// By field: the place in the decision columns at which it begins.
    private var starts: [UInt64] = []
    /// By field, from its start on: the value's number.
    private var columns: [[UInt32]] = []
    /// Every distinct value's JSON text, once.
    private var values: ByteTable

    init(key: SipKey) { values = ByteTable(key: key) }

    /// The number of a field, which is new when no filter read it before.
    mutating func intern(_ field: FieldPath) -> Int {
        if let known = fields.firstIndex(of: field) { return known }
        fields.append(field)
        starts.append(0)
        columns.append([])
        return fields.count - 1
    }

    /// Notes what the event at `place` was judged by. Places come in ascending order.
    mutating func note(_ field: Int, at place: UInt64, _ token: [UInt8]?) {
        if columns[field].isEmpty { starts[field] = place }
        let index = Int(place - starts[field])
        let missing = index - columns[field].count
        precondition(missing >= 0, "events are judged in order")
        if missing > 0 {
            columns[field].append(contentsOf: repeatElement(Self.notRead, count: missing))
        }
        columns[field].append(
            token.map { $0.withUnsafeBytes { values.intern(tag: 0, $0).index } } ?? Self.absent)
    }

    /// The first place past every column.
    var end: UInt64 {
        zip(starts, columns).reduce(0) { max($0, $1.0 + UInt64($1.1.count)) }
    }

    /// What an event was judged by.
    enum Reading: Equatable {
        /// It was not judged by this field.
        case notRead
        case read([UInt8]?)
    }

    func reading(_ field: FieldPath, at place: UInt64) -> Reading {
        guard let number = fields.firstIndex(of: field), place >= starts[number],
            place - starts[number] < UInt64(columns[number].count)
        else { return .notRead }
        switch columns[number][Int(place - starts[number])] {
        case Self.notRead: return .notRead
        case Self.absent: return .read(nil)
        case let value: return .read(Array(values.bytes(value)))
        }
    }

    func write(into out: inout CanonicalWriter) {
        out.section("PROF")
        out.integer(UInt32(fields.count))
        for field in fields {
            out.integer(UInt32(field.names.count))
            for name in field.names { out.text(name) }
        }
        out.column(starts)
        for column in columns { out.column(column) }
        values.write(into: &out)
    }

    init(from reader: inout CanonicalReader, key: SipKey) throws(CanonicalError) {
        try reader.section("PROF")
        for _ in 0..<(try reader.integer(UInt32.self)) {
            var names: [String] = []
            for _ in 0..<(try reader.integer(UInt32.self)) { names.append(try reader.text()) }
            fields.append(FieldPath(names: names))
        }
        starts = try reader.column()
        guard starts.count == fields.count else {
            throw CanonicalError(position: reader.position, expected: "a start for each field")
        }
        for _ in fields { columns.append(try reader.column()) }
        guard starts.allSatisfy({ $0 < 1 << 60 }) else {
            throw CanonicalError(position: reader.position, expected: "places")
        }
        values = try ByteTable(from: &reader, key: key)
        let count = UInt32(values.count)
        guard columns.allSatisfy({ $0.allSatisfy { $0 < count || $0 >= Self.notRead } }) else {
            throw CanonicalError(position: reader.position, expected: "numbers of values")
        }
    }
}
