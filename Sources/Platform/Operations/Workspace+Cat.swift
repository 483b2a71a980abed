import CustomerModel
import EventLog
import Hashing
import JSONText
import Projections

/// `log cat`: lines as they stand.
extension Workspace {
    /// The lines of a range: `from` and `to` are offsets or times. `key` (TYPE:VALUE), `kind` and `name`
    /// narrow it; frames that hold no such record are not read.
    ///
    /// A range that says something of people is recorded as read, before it is shown (A3). One that does
    /// not is not: whoever reads to the end would otherwise write a new end with every page.
    func logCat(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let from = try await range(parameters, "from") ?? 0
        let to = try await range(parameters, "to") ?? .max
        let limit = try parameters.integer("limit", default: 100, in: 1...10_000)
        let wanted = try WantedLines(parameters, key: log.identity.key)
        let (lines, lost, isPersonal) = try await OwnThread.run("sluice.cat") {
            [log, projection] in
            var lost: [JSONValue] = []
            var reader = log.makeReader()
            var lines: [JSONValue] = []
            var isPersonal = false
            var bytes = 0
            let end = min(to, log.durableEnd.value)
            guard from < end else { return (lines, lost, isPersonal) }
            _ = try reader.forEachReadable(
                of: wanted.selection, from: Offset(from), to: Offset(end), needs: .lines
            ) { view in
                guard try wanted.holds(view) else { return .next }
                lines.append(.string(String(decoding: view.line, as: UTF8.self)))
                bytes += view.line.count
                if view.kind == RecordKind.event.rawValue
                    || view.kind == RecordKind.suppression.rawValue
                    || view.kind == RecordKind.identity.rawValue
                {
                    isPersonal = true
                }
                return lines.count >= limit || bytes > 8 << 20 ? .stop : .next
            } unreadable: { damage in
                projection.notice(damage)
                lost.append(Self.present(damage))
                return lost.count >= limit ? .stop : .next
            }
            return (lines, lost, isPersonal)
        }
        if isPersonal {
            try await noteRead(
                "log.cat", wanted.person, by: principal, upTo: min(to, log.durableEnd.value))
        }
        return [
            "lines": .array(lines), "durable": .offset(log.durableEnd.value),
            "unreadable": .array(lost),
        ]
    }
}

/// Which lines a question names.
private struct WantedLines: Sendable {
    var selection: Selection?
    /// Whom the question is about; nil for anybody.
    var person: PersonReference?
    private var key: (type: String, form: [UInt8])?
    private var name: String?

    init(_ parameters: Parameters, key logKey: SipKey) throws {
        var selection = Selection()
        if let text = try parameters.optionalText("kind") {
            guard let kind = RecordKind(name: text) else {
                let known = RecordKind.allCases.map(\.name).joined(separator: ", ")
                throw OperationError.badRequest("there is no kind \(text); kinds are \(known)")
            }
            selection.kinds = [kind.rawValue]
        }
        name = try parameters.optionalText("name")
        selection.name = name
        if parameters.has("key") {
            let wanted = try parameters.person("key")
            guard case .identifier(let type, let value) = wanted else {
                throw OperationError.badRequest(
                    "the parameter key must be TYPE:VALUE, as in email:ada@example.com")
            }
            person = wanted
            var extractor = EventExtractor(key: logKey)
            Array(value.utf8).withUnsafeBytes { bytes in
                selection.key = extractor.identifierKey(type: type, value: bytes)
                key = (type, IdentifierValue.keyForm(type: type, bytes))
            }
        }
        if selection.kinds != nil || selection.name != nil || selection.key != nil {
            self.selection = selection
        }
    }

    /// Whether the record is one of them: a hash and a full dictionary only find candidates (L7).
    func holds(_ view: borrowing RecordView) throws -> Bool {
        if let name, view.knownName != name { return false }
        // Control records carry keyed hashes in place of values: the hash is all that there is to compare.
        guard let key, view.kind == RecordKind.event.rawValue else { return true }
        var parser = JSONParser()
        return try parser.parseTrusted(view.line) { line in
            let found = EventBody.read(line: line) { body in
                var isThere = false
                EventIdentifiers.forEach(in: body) { type, value in
                    guard type == key.type, !isThere else { return }
                    let form =
                        value.kind == .number
                        ? IdentifierValue.keyForm(type: type, value.rawBytes)
                        : value.withUTF8 { IdentifierValue.keyForm(type: type, $0) }
                    isThere = form == key.form
                }
                return isThere
            }
            return found ?? false
        }
    }
}
