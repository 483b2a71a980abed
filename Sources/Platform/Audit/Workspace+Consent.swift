import CustomerModel
import EventLog
import JSONText
import Projections

/// What one person allowed, with the evidence, and how an operator adds to it.
extension Workspace {
    /// `limit` is how many of the newest assertions are read from their lines again; all are counted.
    func consent(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let person = try parameters.person()
        let limit = try parameters.integer("limit", default: 200, in: 1...10_000)
        let past = try await moment(parameters)
        let end = projection.applied.value
        try await noteRead("consent", person, by: principal, upTo: past?.offset ?? end)
        let now = past?.time ?? Timestamp.now().microseconds
        guard
            let consent = projection.read({ $0.consent(of: person, asOf: past?.offset, now: now) })
        else { throw unknownPerson() }
        return [
            "profile": .text(consent.profile?.description),
            "policyVersion": .count(consent.policyVersion),
            "purposes": .array(consent.purposes.map { Self.present($0) }),
            "identifiers": .array(consent.standings.map { Self.present($0) }),
            "tcf": consent.tcf.map { Self.present($0) } ?? .null,
            "assertions": .count(consent.history.count),
            "history": .array(try await history(consent.history.suffix(limit))),
            "asOf": stamp(
                asOf: past?.offset ?? end, question: past == nil ? .asCorrected : .asKnown),
        ]
    }

    /// Where `asOf` stands, and which moment's clock expiry is measured by.
    private func moment(_ parameters: Parameters) async throws -> (offset: UInt64, time: Int64)? {
        guard let offset = try await pastOffset(parameters) else { return nil }
        if let text = try parameters.optionalText("asOf"), let time = Timestamp(parsing: text) {
            return (offset, time.microseconds)
        }
        guard let stored = try await record(at: offset) else {
            throw OperationError.notFound(
                "no record that can be read stands at offset \(offset); give another, or a time")
        }
        return (offset, stored.recorded)
    }

    // MARK: Words

    private static func present(_ purpose: ConsentSummary.Purpose) -> JSONValue {
        [
            "purpose": .string(purpose.name), "state": .string(purpose.state.value.name),
            "offset": .optionalOffset(purpose.state.offset),
            "ground": .string(purpose.state.ground.name),
        ]
    }

    private static func present(_ entry: ConsentSummary.Standing) -> JSONValue {
        [
            "identifier": .string("\(entry.identifierType):\(entry.identifierValue)"),
            "purpose": .string(entry.purpose),
            "state": .string(entry.standing.isGrant ? "granted" : "denied"),
            "asserted": .time(entry.standing.assertedTime),
            "offset": .offset(entry.standing.offset),
            "reader": .string(entry.standing.reader.name),
        ]
    }

    private static func present(_ tcf: ConsentSummary.TCF) -> JSONValue {
        [
            "offset": .offset(tcf.offset), "string": .string(tcf.text),
            "updated": .string(tcf.string.lastUpdated.description),
            "cmp": .count(tcf.string.cmpID), "policyVersion": .count(tcf.string.policyVersion),
            "purposes": .array(tcf.string.purposesConsent.ids.map(JSONValue.count)),
            "legitimateInterest": .array(
                tcf.string.purposesLegitimateInterest.ids.map(JSONValue.count)),
            "refused": .text(tcf.string.generalRefusal?.description),
        ]
    }

    // MARK: Evidence

    private func history(_ rows: ArraySlice<ConsentSummary.Assertion>) async throws -> [JSONValue] {
        let readings = projection.read { state in
            Dictionary(
                uniqueKeysWithValues: Set(rows.map(\.policyVersion)).compactMap { version in
                    state.policy(version: version).map { (version, $0.reading) }
                })
        }
        let wanted = Array(rows)
        return try await OwnThread.run("sluice.evidence") { [log, projection] in
            var reader = log.makeReader()
            return try wanted.map { row in
                var evidence: ConsentEvidence?
                var damage: Damage?
                switch try StoredPlace.read(at: Offset(row.offset), with: &reader) {
                case .record(let stored):
                    evidence = try stored.parse {
                        try Self.evidence($0, row, readings[row.policyVersion])
                    }
                case .unreadable(let met):
                    projection.notice(met)
                    damage = met
                case .nothing: break
                }
                return Self.present(row, evidence, damage)
            }
        }
    }

    private static func evidence(
        _ line: JSONView, _ row: ConsentSummary.Assertion, _ reading: ConsentReading?
    ) throws -> ConsentEvidence? {
        if row.reader == .operator {
            guard let body = line["body"] else { return nil }
            return ConsentEvidence(try ConsentRecord(body))
        }
        guard let reading else { return nil }
        return EventBody.read(line: line) {
            ConsentEvidence($0, reader: row.reader, reading: reading)
        }
    }

    private static func present(
        _ row: ConsentSummary.Assertion, _ evidence: ConsentEvidence?, _ damage: Damage?
    ) -> JSONValue {
        [
            "offset": .offset(row.offset), "asserted": .time(row.time),
            "identifier": .string("\(row.identifierType):\(row.identifierValue)"),
            "reader": .string(row.reader.name), "granted": .texts(row.granted),
            "denied": .texts(row.denied), "method": .text(evidence?.method),
            "document": .text(evidence?.document), "location": .text(evidence?.location),
            "hardwareId": .text(evidence?.hardwareID), "raw": .text(evidence?.raw),
            "unreadable": .text(damage.map { "\($0)" }),
        ]
    }

    // MARK: An operator's word

    /// Appends what an operator answers for (C1): `granted` and `denied` name purposes, with commas between.
    func setConsent(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        guard case .identifier(let type, let value) = try parameters.person() else {
            throw OperationError.badRequest("consent.set takes TYPE:VALUE, not a profile id")
        }
        guard value.utf8.count <= IdentifierValue.maximumBytes, !value.utf8.contains(0) else {
            throw OperationError.badRequest(
                "an identifier has at most \(IdentifierValue.maximumBytes) bytes, and no NUL")
        }
        let record = ConsentRecord(
            type: type, value: value, granted: try names("granted", parameters),
            denied: try names("denied", parameters), asserted: try assertedTime(parameters),
            document: try detail("document", parameters), method: try detail("method", parameters),
            by: try parameters.optionalText("by") ?? principal.name)
        let said = record.granted + record.denied
        guard !said.isEmpty else {
            throw OperationError.badRequest("name at least one purpose in granted or denied")
        }
        guard Set(said).count == said.count else {
            throw OperationError.badRequest(
                "a purpose stands twice: \(said.joined(separator: ", "))")
        }
        let offset = try await append([ControlDraft.make(record)])
        return [
            "identifier": .string("\(type):\(value)"), "granted": .texts(record.granted),
            "denied": .texts(record.denied), "offset": .offset(offset.value),
        ]
    }

    private func names(_ key: String, _ parameters: Parameters) throws -> [String] {
        guard let text = try parameters.optionalText(key) else { return [] }
        let names = text.split(separator: ",").map(String.init)
        let known = projection.read { $0.policy?.policy.purposes.map(\.name) ?? [] }
        for name in names where !known.contains(name) {
            throw OperationError.badRequest(
                known.isEmpty
                    ? "no policy names a purpose yet; see `sluice policy apply`"
                    : "the policy has no purpose \(name); it has \(known.joined(separator: ", "))")
        }
        return names
    }

    private func assertedTime(_ parameters: Parameters) throws -> Timestamp? {
        guard let text = try parameters.optionalText("asserted") else { return nil }
        guard let time = Timestamp(parsing: text) else {
            throw OperationError.badRequest(
                "asserted must be a time like 2026-03-14T15:09:26Z, not \"\(text)\"")
        }
        return time
    }

    private func detail(_ key: String, _ parameters: Parameters) throws -> String? {
        guard let text = try parameters.optionalText(key) else { return nil }
        guard text.utf8.count <= ConsentRecord.maximumTextBytes else {
            throw OperationError.badRequest(
                "\(key) may have \(ConsentRecord.maximumTextBytes) bytes")
        }
        return text
    }
}
