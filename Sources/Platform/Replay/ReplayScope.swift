import CustomerModel
import EventLog
import JSONText
import Projections

/// What every plan is asked for: which destination, which part of history, by whom, and how fast.
struct ReplayScope: Sendable {
    var range: Range<UInt64>
    var narrowing: EventNarrowing
    /// Whether to plan only, and record nothing.
    var isDryRun: Bool
    /// Effects a second at most; nil for no limit.
    var rate: Int?
    var approver: String

    /// The offsets that the narrowing is about. Blocking.
    func narrow(_ offsets: [UInt64], log: EventLog, projection: LiveProjection) throws -> [UInt64] {
        guard !narrowing.isEmpty else { return offsets }
        var meant: [UInt64] = []
        var reader = log.makeReader()
        for start in stride(from: 0, to: offsets.count, by: Self.slice) {
            let slice = offsets[start..<min(start + Self.slice, offsets.count)]
            let answers = projection.read { $0.narrowed(slice, by: narrowing) }
            for (offset, answer) in zip(slice, answers) {
                switch answer {
                case .meant: meant.append(offset)
                case .notMeant: break
                case .askLine:
                    if try takes(offset, &reader, projection) { meant.append(offset) }
                }
            }
        }
        return meant
    }

    /// Offsets that one question to the live state is about.
    private static let slice = 65_536

    private func takes(
        _ offset: UInt64, _ reader: inout LogReader, _ projection: LiveProjection
    ) throws -> Bool {
        guard
            let record = try StoredPlace.read(at: Offset(offset), with: &reader).record
        else { return false }
        return try record.parse { line in
            EventBody.read(line: line) { body in
                narrowing.takes(
                    source: record.source, type: body.type, name: body.name?.string ?? "")
            } ?? false
        }
    }

    /// As a plan records it: no identifier's value stands in it.
    func recorded(key identity: LogIdentity) -> PlanRecord.Narrowing? {
        guard !narrowing.isEmpty else { return nil }
        var extractor = EventExtractor(key: identity.key)
        let person: UInt64? =
            switch narrowing.person {
            case .identifier(let type, let value)?:
                Array(value.utf8).withUnsafeBytes { extractor.identifierKey(type: type, value: $0) }
            case .profile(let id)?:
                Array(id.description.utf8).withUnsafeBytes {
                    extractor.identifierKey(type: "profile", value: $0)
                }
            case nil: nil
            }
        return PlanRecord.Narrowing(
            sources: narrowing.sources, events: narrowing.events, person: person)
    }
}

extension Workspace {
    func replayScope(_ parameters: Parameters, by principal: Principal) async throws
        -> ReplayScope
    {
        let from = try await range(parameters, "from") ?? 0
        let to = try await range(parameters, "to") ?? .max
        return ReplayScope(
            range: from..<max(from, to), narrowing: try narrowing(parameters),
            isDryRun: try parameters.flag("dryRun"),
            rate: try parameters.has("rate")
                ? parameters.integer("rate", default: 1, in: 1...1_000_000) : nil,
            approver: try parameters.optionalText("approver") ?? principal.name)
    }

    /// `source`, `event` and `person`, as texts or lists of texts.
    func narrowing(_ parameters: Parameters) throws -> EventNarrowing {
        var narrowing = EventNarrowing(
            sources: try parameters.texts("source"), events: try parameters.texts("event"))
        if parameters.has("person") {
            let person = try parameters.person()
            guard projection.read({ $0.knows(person) }) else { throw unknownPerson() }
            narrowing.person = person
        }
        return narrowing
    }

    /// The lane of a destination of the policy in force.
    func currentLane(of name: String) throws -> (
        policy: CompiledPolicy, destination: Destination, lane: Lane
    ) {
        guard let policy = projection.read({ $0.policy }),
            let index = policy.destinationIndex(name)
        else {
            throw OperationError.notFound(
                "the policy in force has no destination \(name); `sluice status` lists them")
        }
        let destination = policy.policy.destinations[index]
        return (policy, destination, Lane(destination: name, epoch: destination.epoch))
    }
}
