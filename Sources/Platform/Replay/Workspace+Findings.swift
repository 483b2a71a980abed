import CustomerModel
import EventLog
import JSONText
import Projections

/// What should be looked at although no rule was broken.
extension Workspace {
    /// What happened in the race window, what may have arrived and nobody can be asked about, late denials,
    /// oldest attempt first, then what identity found.
    func findings(_ parameters: Parameters) async throws -> JSONValue {
        let limit = try parameters.integer("limit", default: 100, in: 1...100_000)
        let skip = try parameters.integer("skip", default: 0, in: 0...Int(Int32.max))
        let only = try parameters.optionalText("destination")
        let list = try await OwnThread.run("sluice.findings") { [projection] in
            var list = FindingList(skip: skip, limit: limit, destination: only)
            list.read(projection)
            return list
        }
        let identity = only == nil ? identityFindings() : []
        return [
            "total": .count(list.total + identity.count),
            "byDestination": .array(
                list.counts.map { counts in
                    [
                        "destination": .string(counts.destination),
                        "deniedAfterItWasSent": .count(counts.late),
                        "deniedInTheRaceWindow": .count(counts.races),
                        "unknown": .count(counts.unknown),
                    ]
                }), "findings": .array(list.rows + identity),
            "asOf": stamp(asOf: list.asOf, question: .asCorrected),
        ]
    }
}

/// Findings about what was sent, counted, and some of them written out.
private struct FindingList: Sendable {
    let skip: Int
    let limit: Int
    let destination: String?
    private(set) var total = 0
    private(set) var counts: [Counts] = []
    private(set) var rows: [JSONValue] = []
    private(set) var asOf: UInt64 = 0

    struct Counts: Sendable {
        var destination: String
        var late = 0
        var races = 0
        var unknown = 0
    }

    init(skip: Int, limit: Int, destination: String?) {
        self.skip = skip
        self.limit = limit
        self.destination = destination
    }

    /// Attempts that are asked about at a time, so that nothing waits long for the state.
    private static let slice = 256

    /// Blocking.
    mutating func read(_ projection: LiveProjection) {
        let races = projection.read { state in
            state.allFindings().map { ($0, state.isTakenBack($0)) }
        }
        for (finding, isSettled) in races { add(finding, isSettled: isSettled) }
        for effect in projection.read({ $0.unknownEffects() }) { add(effect) }
        let known = Set(races.map { Told(attempt: $0.0.attempt, event: $0.0.event) })
        var attempt = 0
        while attempt < projection.read({ $0.attemptCount }) {
            let (found, end) = projection.read { [attempt] state in
                (state.lateDenials(attempts: attempt..<attempt + Self.slice), state.next)
            }
            for denial in found
            where !known.contains(Told(attempt: denial.attempt, event: denial.at)) {
                add(denial)
            }
            asOf = end
            attempt += Self.slice
        }
        asOf = max(asOf, projection.applied.value)
    }

    private struct Told: Hashable {
        var attempt: UInt64
        var event: UInt64
    }

    private mutating func add(_ finding: Finding, isSettled: Bool) {
        guard let place = place(finding.lane.destination) else { return }
        counts[place].races += 1
        add([
            "finding": .string(finding.kind.name),
            "destination": .string(finding.lane.destination),
            "state": .string(isSettled ? "settled: it was taken back" : "standing"),
            "event": .offset(finding.event), "attempt": .offset(finding.attempt),
            "denial": .offset(finding.denial), "foundAt": .offset(finding.foundAt),
        ])
    }

    private mutating func add(_ denial: LateDenial) {
        guard let place = place(denial.lane.destination) else { return }
        counts[place].late += 1
        let outcome = denial.outcome == .delivered ? "received" : "may have received"
        add([
            "finding": "denied after it was sent",
            "destination": .string(denial.lane.destination), "state": "standing",
            "event": .offset(denial.at), "attempt": .offset(denial.attempt),
            "denial": .offset(denial.denial), "foundAt": .offset(denial.denial),
            "audience": .text(denial.audience), "receipt": .optionalOffset(denial.receipt),
            "outcome": .string(outcome),
        ])
    }

    private mutating func add(_ effect: UnknownEffect) {
        guard let place = place(effect.lane.destination) else { return }
        counts[place].unknown += 1
        add([
            "finding": "may have arrived: ask the recipient, then `sluice destination settle`",
            "destination": .string(effect.lane.destination), "state": "standing",
            "event": .offset(effect.at), "attempt": .offset(effect.attempt),
            "audience": .text(effect.audience), "plan": .text(effect.plan),
        ])
    }

    private mutating func add(_ row: @autoclosure () -> JSONValue) {
        if total >= skip, rows.count < limit { rows.append(row()) }
        total += 1
    }

    /// Where a destination's counts stand; nil for one that was not asked about.
    private mutating func place(_ name: String) -> Int? {
        guard destination == nil || destination == name else { return nil }
        if let place = counts.firstIndex(where: { $0.destination == name }) { return place }
        counts.append(Counts(destination: name))
        return counts.count - 1
    }
}
