import CustomerModel
import EventLog
import JSONText
import Projections

/// Links between identifiers: what waits, what was refused, what was taken back (I4, I5).
extension Workspace {
    // MARK: Retractions

    /// Bars a pair, and divides the person whom its link held together (I5).
    func retractLink(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let (first, second) = try pair(parameters)
        let reason = try parameters.text("reason")
        guard !projection.read({ $0.isBarred(first.reference, second.reference) }) else {
            throw OperationError.conflict(
                "the pair is barred already; `sluice identity retractions` lists them")
        }
        let before = people(first, second)
        guard before.first != nil || before.second != nil else { throw unknownPerson() }
        let offset = try await append(
            .retract, first, second, reason: reason, parameters, by: principal)
        let after = people(first, second)
        let wasOne = before.first != nil && before.first == before.second
        let isOne = after.first != nil && after.first == after.second
        var answer: [(String, JSONValue)] = [
            ("offset", .offset(offset.value)), ("split", .bool(wasOne && !isOne)),
            ("firstProfile", .text(after.first?.description)),
            ("secondProfile", .text(after.second?.description)),
        ]
        if isOne {
            // Barred for what is to come; what else holds them together is for somebody to judge.
            let path = projection.read { $0.linkPath(first.reference, second.reference) }
            answer.append(("stillLinkedBy", .array((path ?? []).map(Self.present))))
        }
        return .members(answer)
    }

    /// Lets events link a pair again, from here on.
    func liftRetraction(_ parameters: Parameters, by principal: Principal) async throws
        -> JSONValue
    {
        let (first, second) = try pair(parameters)
        guard projection.read({ $0.isBarred(first.reference, second.reference) }) else {
            throw OperationError.notFound(
                "the pair is not barred; `sluice identity retractions` lists those that are")
        }
        let offset = try await append(
            .lift, first, second, reason: try parameters.optionalText("reason"), parameters,
            by: principal)
        return ["offset": .offset(offset.value), "lifted": true]
    }

    func retractions() -> JSONValue {
        [
            "retractions": .array(
                projection.read { $0.barredPairs() }.map {
                    [
                        "first": .string($0.first.text), "second": .string($0.second.text),
                        "offset": .offset($0.offset), "liftedAt": .optionalOffset($0.liftedAt),
                    ]
                })
        ]
    }

    // MARK: Reviews

    /// Links that wait because a profile would grow past `reviewAbove` (I4).
    func linkReviews(_ parameters: Parameters) throws -> JSONValue {
        let all = try parameters.flag("all")
        return [
            "reviews": .array(projection.read { $0.linkReviews(all: all) }.map(Self.present))
        ]
    }

    private static func present(_ review: LinkReview) -> JSONValue {
        [
            "review": .count(review.number), "first": .string(review.first.text),
            "second": .string(review.second.text), "event": .offset(review.offset),
            "state": .string(review.state.rawValue),
            "decidedAt": .optionalOffset(review.decidedAt),
            "firstProfile": .text(review.firstProfile?.description),
            "secondProfile": .text(review.secondProfile?.description),
            "identifiers": .count(review.size),
        ]
    }

    /// Approves or rejects one waiting link by its number, or all of an identifier.
    func decideReview(
        _ act: IdentityRecord.Act, _ parameters: Parameters, by principal: Principal
    ) async throws -> JSONValue {
        let named = try parameters.text("review")
        let waiting = projection.read { $0.linkReviews(all: false) }
        let chosen: [LinkReview]
        if let number = Int(named) {
            chosen = waiting.filter { $0.number == number }
        } else if case .identifier(let type, let value)? = PersonReference(named) {
            let wanted = projection.read { $0.normalisedText(type: type, value: value) }
            chosen = waiting.filter {
                [$0.first, $0.second].contains { $0.type == type && $0.value == wanted }
            }
        } else {
            throw OperationError.badRequest("\(named) is neither a review's number nor TYPE:VALUE")
        }
        guard !chosen.isEmpty else {
            throw OperationError.notFound(
                "no link waits under \(named); `sluice identity review` lists them")
        }
        let by = try parameters.optionalText("by") ?? principal.name
        let reason = try parameters.optionalText("reason")
        let offset = try await append(
            chosen.map { review in
                ControlDraft.make(
                    IdentityRecord(
                        act: act, first: review.first.recorded, second: review.second.recorded,
                        by: by, reason: reason))
            })
        let decided = projection.read { $0.linkReviews(all: true) }.filter { review in
            chosen.contains { $0.number == review.number }
        }
        let left = decided.filter { $0.state == .waiting }.count
        var answer: [(String, JSONValue)] = [
            ("offset", .offset(offset.value)), ("reviews", .array(decided.map(Self.present))),
        ]
        if left > 0 {
            answer.append(
                (
                    "stillWaiting",
                    .string(
                        "\(left) could not be linked: another rule stands against it, see `sluice identity refusals`"
                    )
                ))
        }
        return .members(answer)
    }

    // MARK: Refusals

    /// Links that were refused, newest first.
    func refusedLinks(_ parameters: Parameters) throws -> JSONValue {
        let person: PersonReference? =
            parameters.has("person") ? try parameters.person() : nil
        let limit = try parameters.integer("limit", default: 100, in: 1...100_000)
        let (refused, stopped) = projection.read { state in
            (state.refusedLinks(of: person, limit: limit), state.stoppedIdentifiers())
        }
        return [
            "refusedLinks": .array(
                refused.map {
                    [
                        "identifier": .string($0.identifier.text),
                        "keptBy": .text($0.anchor?.text), "offset": .offset($0.offset),
                        "limit": .string($0.limit), "reason": .string($0.reason),
                    ]
                }),
            "stoppedIdentifiers": .array(
                person == nil
                    ? stopped.map {
                        [
                            "identifier": .string($0.identifier.text), "since": .offset($0.offset),
                            "profile": .text($0.profile?.description),
                        ]
                    } : []),
        ]
    }

    /// The burst guard's findings, as `replay findings` lists them: without the value, which is personal.
    func identityFindings() -> [JSONValue] {
        projection.read { $0.stoppedIdentifiers() }.map {
            [
                "finding": "met with too many known people",
                "identifierType": .string($0.identifier.type),
                "profile": .text($0.profile?.description), "event": .offset($0.offset),
                "foundAt": .offset($0.offset),
            ]
        }
    }

    // MARK: Shapes

    static func present(_ evidence: LinkEvidence) -> JSONValue {
        [
            "first": .string(evidence.first.text), "second": .string(evidence.second.text),
            "offset": .offset(evidence.offset), "rule": .string(evidence.rule),
            "policyVersion": .count(evidence.policyVersion),
            "retractedAt": .optionalOffset(evidence.retractedAt),
        ]
    }

    private struct Named {
        var type: String
        var value: String
        var reference: PersonReference { .identifier(type: type, value: value) }
        var recorded: IdentityRecord.Identifier { .init(type: type, value: value) }
    }

    private func pair(_ parameters: Parameters) throws -> (Named, Named) {
        func named(_ name: String) throws -> Named {
            guard case .identifier(let type, let value) = try parameters.person(name) else {
                throw OperationError.badRequest("\(name) must be TYPE:VALUE, not a profile id")
            }
            return Named(type: type, value: value)
        }
        let (first, second) = (try named("first"), try named("second"))
        let isSame = projection.read { state in
            first.type == second.type
                && state.normalisedText(type: first.type, value: first.value)
                    == state.normalisedText(type: second.type, value: second.value)
        }
        guard !isSame else {
            throw OperationError.badRequest("a pair is two identifiers, not one twice")
        }
        return (first, second)
    }

    private func people(_ first: Named, _ second: Named) -> (
        first: ProfileID?, second: ProfileID?
    ) {
        projection.read {
            ($0.profileID(of: first.reference), $0.profileID(of: second.reference))
        }
    }

    private func append(
        _ act: IdentityRecord.Act, _ first: Named, _ second: Named, reason: String?,
        _ parameters: Parameters, by principal: Principal
    ) async throws -> Offset {
        try await append([
            ControlDraft.make(
                IdentityRecord(
                    act: act, first: first.recorded, second: second.recorded,
                    by: try parameters.optionalText("by") ?? principal.name, reason: reason))
        ])
    }
}

extension NamedIdentifier {
    var recorded: IdentityRecord.Identifier { .init(type: type, value: value) }
}
