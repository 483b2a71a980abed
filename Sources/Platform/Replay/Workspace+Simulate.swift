import CustomerModel
import EventLog
import JSONText
import Projections

/// Simulations: what a candidate policy would have changed. Nothing here can send (R1).
extension Workspace {
    /// Counts what a candidate would have changed. Sends nothing, changes nothing.
    ///
    /// A rule about destinations is answered from columns; one about identity or consent folds the lines again
    /// beside the live fold. Both give the same counts.
    func simulate(_ parameters: Parameters) async throws -> JSONValue {
        let request = try await simulationRequest(parameters)
        return try await replays.run {
            let started = ContinuousClock.now
            let found = try await simulate(request)
            return Self.present(
                found, request, seconds: Self.seconds(since: started)
            )
            .adding([("asOf", stamp(asOf: found.report.to, question: .asKnown))])
        }
    }

    func range(_ parameters: Parameters, _ name: String) async throws -> UInt64? {
        guard let text = try parameters.optionalText(name) else { return nil }
        return try await offset(text)
    }

    private static func present(
        _ found: SimulationResult, _ request: SimulationRequest, seconds: String
    ) -> JSONValue {
        let report = found.report
        return [
            "policy": .string(request.policy.name), "from": .offset(report.from),
            "to": .offset(report.to), "events": .count(report.events),
            "consent": .string(words(request.question.consent)),
            "peopleBefore": .count(report.peopleBefore),
            "peopleAfter": .count(report.peopleAfter),
            "method": .string(found.foldedBecause == nil ? "columns" : "fold"),
            "foldedBecause": found.foldedBecause.map(JSONValue.string) ?? .null,
            "destinations": .array(report.destinations.map { present($0) }),
            "audiences": .array(
                found.audiences.map { present($0, samples: request.question.samples) }),
            "profiles": present(found.profiles, samples: request.question.samples),
            "seconds": .number(seconds),
        ]
    }

    private static func words(_ consent: SimulationQuestion.Consent) -> String {
        switch consent {
        case .atEvent: "as decided at each event"
        case .asKnown(nil): "as known now"
        case .asKnown(let offset?): "as known at offset \(offset)"
        }
    }

    private static func present(_ item: AudienceDifference, samples: Int) -> JSONValue {
        [
            "audience": .string(item.name), "before": .count(item.before),
            "after": .count(item.after), "enter": .count(item.entering.count),
            "leave": .count(item.leaving.count),
            "enterSamples": .texts(item.entering.prefix(samples).map(\.description)),
            "leaveSamples": .texts(item.leaving.prefix(samples).map(\.description)),
        ]
    }

    private static func present(_ difference: ProfileDifference?, samples: Int) -> JSONValue {
        func show(_ changes: [ProfileDifference.Change]) -> JSONValue {
            .array(
                changes.prefix(samples).map {
                    [
                        "one": .string($0.one.description),
                        "several": .texts($0.several.map(\.description)),
                    ]
                })
        }
        return [
            "join": .count(difference?.joins.count ?? 0),
            "split": .count(difference?.splits.count ?? 0),
            "joinSamples": show(difference?.joins ?? []),
            "splitSamples": show(difference?.splits ?? []),
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
