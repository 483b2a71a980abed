import CustomerModel
import EventLog
import Hashing
import JSONText

/// Some hundred neighbouring records, copied out of the log and read as far as one thread can without
/// knowing what came before them.
///
/// Handed from thread to thread, it belongs to one at a time: nobody counts who holds it. Unchecked only for
/// its memory.
struct RecordBatch: ~Copyable, @unchecked Sendable {
    private static let mostRows = 512
    private static let usualTextBytes = 512 << 10

    private struct Row {
        var offset: UInt64
        var recorded: Int64
        var occurred: Int64
        var kind: UInt8
        var hasKeys: Bool
        /// In ``names``.
        var source: UInt32
        var name: UInt32
        var keys: Range<UInt32>
        /// In the text.
        var start: Int
        var length: Int
        /// On the tapes; nil where the line is no JSON.
        var tape: UInt32?
        /// Of an event that could be read, by the rules of ``policy``.
        var reading: EventReading?
    }

    private let rows: UnsafeMutablePointer<Row> = .allocate(capacity: mostRows)
    private(set) var count = 0
    private var text: UnsafeMutableRawBufferPointer = .allocate(
        byteCount: usualTextBytes, alignment: 16)
    private var textCount = 0
    private var tapes = JSONTapes()
    private var keys: [UInt64] = []
    private var names = BatchNames()
    /// By row; few lines are no JSON.
    private var problems: [Int: JSONError] = [:]
    private(set) var reader: EventReader
    /// By row: where the offers of all up to it end, among the reader's.
    private var offerEnds: [Int] = []
    /// Whose rules events were read by.
    private(set) var policy: CompiledPolicy?
    /// The same; ``policy`` holds it.
    private var rules: Unmanaged<CompiledPolicy>?
    private var keepsKeys = true

    init(key: SipKey) { reader = EventReader(key: key) }

    deinit {
        rows.deallocate()
        text.deallocate()
    }

    var isEmpty: Bool { count == 0 }

    // MARK: Filling

    /// Empties it, for records whose events `policy` is expected to govern.
    ///
    /// - Parameter keepsKeys: whether events that can be read need their keys: only a fold that lost something
    ///   looks at them.
    mutating func begin(policy: CompiledPolicy?, keepsKeys: Bool) {
        count = 0
        textCount = 0
        if text.count > Self.usualTextBytes { makeRoom(Self.usualTextBytes) }
        tapes.removeAll()
        keys.removeAll(keepingCapacity: true)
        names.removeAll()
        problems.removeAll(keepingCapacity: true)
        reader.removeAll()
        offerEnds.removeAll(keepingCapacity: true)
        self.policy = policy
        rules = policy.map { Unmanaged.passUnretained($0) }
        self.keepsKeys = keepsKeys
    }

    private mutating func makeRoom(_ bytes: Int) {
        text.deallocate()
        text = .allocate(byteCount: bytes, alignment: 16)
    }

    /// Copies a record in and reads it.
    ///
    /// - Returns: false where it does not fit any more; it always fits an empty batch.
    mutating func append(_ view: RecordView) -> Bool {
        guard count < Self.mostRows else { return false }
        let bytes = view.line
        if bytes.count > text.count - textCount {
            guard isEmpty else { return false }
            makeRoom(bytes.count)
        }
        let start = textCount
        let room = UnsafeMutableRawBufferPointer(rebasing: text[start..<start + bytes.count])
        room.copyMemory(from: bytes)
        let line = UnsafeRawBufferPointer(room)
        var tape: UInt32?
        var problem: JSONError?
        do throws(JSONError) {
            guard let place = try tapes.append(trusted: line) else { return false }
            tape = UInt32(place)
        } catch {
            problem = error
        }
        textCount = start + bytes.count
        let row = rows + count
        row.initialize(
            to: Row(
                offset: view.offset.value, recorded: view.recorded, occurred: view.occurred,
                kind: view.kind, hasKeys: false, source: UInt32(names.source(of: view)),
                name: UInt32(names.name(of: view)), keys: 0..<0, start: start,
                length: bytes.count, tape: tape, reading: nil))
        if let problem { problems[count] = problem }
        if let tape, let rules, row.pointee.kind == RecordKind.event.rawValue {
            // Two threads counting who holds the policy would wait for each other at every event.
            row.pointee.reading = rules._withUnsafeGuaranteedRef { policy in
                read(
                    tapes.view(at: Int(tape), of: line), source: names[row.pointee.source],
                    policy: policy)
            }
        }
        offerEnds.append(reader.offers.count)
        // What cannot be read is parked under its keys.
        if keepsKeys || row.pointee.reading == nil {
            let firstKey = UInt32(keys.count)
            view.keys.append(to: &keys)
            row.pointee.keys = firstKey..<UInt32(keys.count)
            row.pointee.hasKeys = true
        }
        count += 1
        return true
    }

    /// Nil where it cannot be read: then the fold tries in its turn, and parks it.
    private mutating func read(
        _ line: JSONView, source: String, policy: CompiledPolicy
    ) -> EventReading? {
        let envelope = EventParts.Envelope(line)
        // Of mParticle's form nothing is left once it was read: it is made anew for the fold.
        guard !envelope.hasDialect, let item = envelope.item else { return nil }
        return EventParts(item: item, envelope: envelope).withBody { body in
            do throws(FoldProblem) {
                return try reader.read(body, source: source, policy: policy)
            } catch {
                return nil
            }
        }
    }

    // MARK: Taking out

    /// As many records as are looked at in one go: what they ask of memory stays at hand until they are applied.
    private static let groupRecords = 64

    var groupCount: Int { (count + Self.groupRecords - 1) / Self.groupRecords }

    func records(ofGroup group: Int) -> Range<Int> {
        let start = group * Self.groupRecords
        return start..<min(start + Self.groupRecords, count)
    }

    func hasKeys(_ number: Int) -> Bool { rows[number].hasKeys }
    func isEvent(_ number: Int) -> Bool { rows[number].kind == RecordKind.event.rawValue }

    /// The offers of some records, among the reader's.
    func offers(of records: Range<Int>) -> Range<Int> {
        let start = records.lowerBound == 0 ? 0 : offerEnds[records.lowerBound - 1]
        return start..<offerEnds[records.upperBound - 1]
    }

    /// Hands out one record, its line as far as it is JSON, and what was read off it.
    @inline(__always)
    func withRecord<R>(
        _ number: Int, _ body: (FoldRecord, Result<JSONView, JSONError>, EventReading?) -> R
    ) -> R {
        precondition(number < count, "no such record")
        let row = rows + number
        let line = UnsafeRawBufferPointer(
            rebasing: text[row.pointee.start..<row.pointee.start + row.pointee.length])
        let parsed: Result<JSONView, JSONError>
        if let tape = row.pointee.tape {
            parsed = .success(tapes.view(at: Int(tape), of: line))
        } else {
            parsed = .failure(
                problems[number] ?? JSONError(position: 0, problem: .unexpectedEnd))
        }
        return keys.withUnsafeBufferPointer { keys in
            body(
                FoldRecord(
                    offset: row.pointee.offset, kind: row.pointee.kind,
                    recorded: row.pointee.recorded, occurred: row.pointee.occurred,
                    source: names[row.pointee.source], name: names[row.pointee.name],
                    keys: UnsafeBufferPointer(
                        rebasing: keys[
                            Int(row.pointee.keys.lowerBound)..<Int(row.pointee.keys.upperBound)]),
                    line: line),
                parsed, row.pointee.reading)
        }
    }
}

/// The names in a batch, each once as far as the log has symbols for them.
private struct BatchNames {
    private var names: [String] = []
    private var segment: Offset?
    /// By symbol: its place in `names`, -1 for none yet.
    private var places: [Int] = []
    private var used: [Int] = []

    subscript(place: UInt32) -> String { names[Int(place)] }

    mutating func removeAll() {
        names.removeAll(keepingCapacity: true)
        forgetSymbols()
    }

    private mutating func forgetSymbols() {
        for symbol in used { places[symbol] = -1 }
        used.removeAll(keepingCapacity: true)
    }

    mutating func source(of view: RecordView) -> Int {
        if let known = place(view.sourceSymbol, in: view.segment) { return known }
        return keep(view.source, view.knownSource, view.sourceSymbol)
    }

    mutating func name(of view: RecordView) -> Int {
        if let known = place(view.nameSymbol, in: view.segment) { return known }
        return keep(view.name, view.knownName, view.nameSymbol)
    }

    private mutating func place(_ symbol: UInt16, in segment: Offset) -> Int? {
        if self.segment != segment {
            forgetSymbols()
            self.segment = segment
        }
        guard Int(symbol) < places.count, places[Int(symbol)] >= 0 else { return nil }
        return places[Int(symbol)]
    }

    /// Without a symbol a name comes from the line and counts for that line alone.
    private mutating func keep(
        _ named: String?, _ fromLine: @autoclosure () -> String, _ symbol: UInt16
    ) -> Int {
        names.append(named ?? fromLine())
        guard named != nil else { return names.count - 1 }
        let missing = Int(symbol) + 1 - places.count
        if missing > 0 { places.append(contentsOf: repeatElement(-1, count: missing)) }
        places[Int(symbol)] = names.count - 1
        used.append(Int(symbol))
        return names.count - 1
    }
}
