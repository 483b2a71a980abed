import CustomerModel
import EventLog
import JSONText
import Projections

/// Simulations: what a candidate policy would have changed. Nothing here can send (R1).
extension Workspace {
    /// Counts what a candidate would have changed. Sends nothing, changes nothing.
    ///
    /// Rules about destinations, about how people's words are resolved, and filters are answered from columns;
    /// a filter that nobody asked before reads the lines that it concerns, once. What changes who people are,
    /// or which signals mean a purpose, folds the lines again beside the live fold. Both give the same counts.
    func simulate(_ parameters: Parameters) async throws -> JSONValue {
        let (policy, _) = try readPolicy(parameters)
        let samples = try parameters.integer("samples", default: 3, in: 0...1000)
        let from = try await range(parameters, "from") ?? 0
        let to = try await range(parameters, "to") ?? .max
        let mustFold = try parameters.flag("fold")
        return try await replays.run {
            let started = ContinuousClock.now
            let found = try await OwnThread.run("sluice.simulate") { [log, projection, verdicts] in
                try Self.simulate(
                    policy, from: from, to: to, samples: samples, mustFold: mustFold, log: log,
                    projection: projection, verdicts: verdicts)
            }
            return Self.present(
                found.report, policy: policy.name, foldedBecause: found.foldedBecause,
                seconds: Self.seconds(since: started)
            )
            .adding([("asOf", stamp(asOf: found.report.to, question: .asKnown))])
        }
    }

    /// - Returns: the report, and why lines were folded; nil where columns sufficed.
    private static func simulate(
        _ policy: Policy, from: UInt64, to: UInt64, samples: Int, mustFold: Bool, log: EventLog,
        projection: LiveProjection, verdicts: FilterVerdicts
    ) throws -> (report: SimulationReport, foldedBecause: String?) {
        let range = from..<max(from, to)
        var because = "it was asked for"
        if !mustFold {
            do {
                let (basis, state) = projection.readNumbered { $0.basis(for: policy) }
                let report = try basis.difference(
                    under: policy, from: from, range: range, samples: samples,
                    filters: FilterReading(LineSource(log), keeping: verdicts, of: state))
                return (report, nil)
            } catch {
                because = error.reason
            }
        }
        var state = FoldState(key: log.identity.key, schedule: .candidate(policy, from: from))
        var replayer = Replayer(log: log)
        try replayer.advance(&state, to: projection.applied)
        let basis = projection.read { $0.basis(for: policy) }
        return (state.difference(from: basis, range: range, samples: samples), because)
    }

    func range(_ parameters: Parameters, _ name: String) async throws -> UInt64? {
        guard let text = try parameters.optionalText(name) else { return nil }
        return try await offset(text)
    }

    private static func present(
        _ report: SimulationReport, policy: String, foldedBecause: String?, seconds: String
    ) -> JSONValue {
        [
            "policy": .string(policy), "from": .offset(report.from), "to": .offset(report.to),
            "events": .count(report.events),
            "peopleBefore": .count(report.peopleBefore),
            "peopleAfter": .count(report.peopleAfter),
            "method": .string(foldedBecause == nil ? "columns" : "fold"),
            "foldedBecause": foldedBecause.map(JSONValue.string) ?? .null,
            "destinations": .array(report.destinations.map { present($0) }),
            "seconds": .number(seconds),
        ]
    }

    private static func present(_ item: SimulationReport.DestinationDifference) -> JSONValue {
        func reasons(_ list: [SimulationReport.ReasonCount]) -> JSONValue {
            .array(list.map { ["reason": .string($0.reason), "events": .count($0.count)] })
        }
        return JSONValue.members([
            ("destination", .string(item.name)), ("events", .count(item.counts.considered)),
        ])
        .adding(counts(item.counts))
        .adding([
            ("overShared", .count(item.overShared)),
            ("newlyAllowedBefore", reasons(item.newlyAllowedBefore)),
            ("newlyWithheldBy", reasons(item.newlyWithheldBy)),
            ("withheldBy", reasons(item.withheldBy)),
            (
                "days",
                .array(
                    item.days.map { day in
                        JSONValue.members([
                            ("day", .string(Self.day(day.day))),
                            ("events", .count(day.counts.considered)),
                        ]).adding(counts(day.counts))
                    })
            ),
            ("allowedSamples", .array(item.allowedSamples.map(JSONValue.offset))),
            ("withheldSamples", .array(item.withheldSamples.map(JSONValue.offset))),
        ])
    }

    private static func counts(_ counts: SimulationReport.Counts) -> [(String, JSONValue)] {
        [
            ("allowedBefore", .count(counts.allowedBefore)),
            ("allowedAfter", .count(counts.allowedAfter)),
            ("newlyAllowed", .count(counts.newlyAllowed)),
            ("newlyWithheld", .count(counts.newlyWithheld)),
        ]
    }

    /// A number of days since 1970 as `2026-01-31`.
    private static func day(_ day: Int64) -> String {
        let (microseconds, overflowed) = day.multipliedReportingOverflow(by: 86_400_000_000)
        return String(
            "\(Timestamp(microseconds: overflowed ? 0 : microseconds))".prefix { $0 != "T" })
    }
}
