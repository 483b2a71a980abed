import CustomerModel
import EventLog
import JSONText
import Projections

/// A simulation's parameters.
struct SimulationRequest: Sendable {
    var policy: Policy
    var question: SimulationQuestion
    /// Only these destinations; empty for all.
    var destinations: [String]
    /// Whether to fold although columns could tell.
    var mustFold = false
    var people = People.whereTheyDiffer

    enum People { case whereTheyDiffer, always }

    /// Whether only a fold of the lines can answer; nil when columns may do.
    var foldReason: String? {
        if mustFold { return "it was asked for" }
        if question.list != nil { return "each event is listed" }
        if !question.narrowing.isEmpty { return "it is narrowed to some events" }
        if question.consent != .atEvent { return "consent is asked as known at another time" }
        return people == .always ? "people are listed" : nil
    }
}

/// What a simulation found.
struct SimulationResult: Sendable {
    var report: SimulationReport
    /// Nil where columns sufficed.
    var foldedBecause: String?
    /// Empty where nobody can enter or leave.
    var audiences: [AudienceDifference] = []
    /// Nil where people are who they are.
    var profiles: ProfileDifference?
}

extension Workspace {
    func simulationRequest(_ parameters: Parameters) async throws -> SimulationRequest {
        let policy: Policy
        if parameters.has("text") {
            policy = try readPolicy(parameters).policy
        } else if let current = projection.read({ $0.policy }) {
            policy = current.policy
        } else {
            throw OperationError.badRequest("no policy is in force; name one")
        }
        let from = try await range(parameters, "from") ?? 0
        let to = try await range(parameters, "to") ?? .max
        var question = SimulationQuestion(
            range: from..<max(from, to),
            samples: try parameters.integer("samples", default: 3, in: 0...1000))
        question.consent = try await consent(parameters)
        question.narrowing = try narrowing(parameters)
        var request = SimulationRequest(
            policy: policy, question: question,
            destinations: try parameters.texts("destination"),
            mustFold: try parameters.flag("fold"))
        let known = Set(
            policy.destinations.map(\.name)
                + projection.read { $0.policy?.policy.destinations.map(\.name) ?? [] })
        if let unknown = request.destinations.first(where: { !known.contains($0) }) {
            throw OperationError.notFound("neither policy has a destination \(unknown)")
        }
        request.question.destinations = request.destinations
        return request
    }

    /// `at-event`, `current`, or an offset or a time.
    private func consent(_ parameters: Parameters) async throws -> SimulationQuestion.Consent {
        switch try parameters.optionalText("consent") {
        case nil, "at-event"?: return .atEvent
        case "current"?: return .asKnown(nil)
        case let text?:
            guard text.hasPrefix("as-of:") else {
                throw OperationError.badRequest(
                    "the parameter consent must be at-event, current, as-of:OFFSET or as-of:TIME")
            }
            return .asKnown(try await offset(String(text.dropFirst("as-of:".count))))
        }
    }

    /// Answers from columns where they can tell, else folds the lines beside the live fold; then it also says
    /// which people would enter or leave audiences, and which would join or split.
    ///
    /// - Parameter emit: takes what the question lists. Called on a thread that may block.
    func simulate(
        _ request: SimulationRequest,
        emit: @escaping @Sendable (EventDifference) throws -> Void = { _ in }
    ) async throws -> SimulationResult {
        var because = request.foldReason
        let audiences = projection.read { $0.policy?.policy.audiences ?? [] }
        if because == nil, audiences != request.policy.audiences {
            because = "the audiences are others"
        }
        if because == nil {
            do {
                let report = try await OwnThread.run("sluice.simulate") { [projection] in
                    let basis = projection.read { $0.basis(for: request.policy) }
                    return try basis.difference(
                        under: request.policy, from: request.question.range.lowerBound,
                        range: request.question.range, samples: request.question.samples)
                }
                return SimulationResult(
                    report: report.only(request.destinations), foldedBecause: nil)
            } catch let needed as NeedsFold {
                because = needed.reason
            }
        }
        return try await fold(request, because: because ?? "", emit)
    }

    private func fold(
        _ request: SimulationRequest, because: String,
        _ emit: @escaping @Sendable (EventDifference) throws -> Void
    ) async throws -> SimulationResult {
        let box = StateBox(
            FoldState(
                key: log.identity.key,
                schedule: .candidate(request.policy, from: request.question.range.lowerBound),
                audiences: .kept))
        try await OwnThread.run("sluice.simulate") { [log, projection] in
            var replayer = Replayer(log: log)
            try replayer.advance(&box.state, to: projection.applied)
        }
        // Both stand at the same offset while they are compared.
        let (audiences, profiles, basis) = try await driver.standingStill {
            [projection] replayer in
            try replayer.advance(&box.state, to: projection.applied)
            return projection.read { live in
                (
                    box.state.audienceDifferences(from: live),
                    box.state.profileDifference(from: live), live.basis(for: request.policy)
                )
            }
        }
        let report = try await OwnThread.run("sluice.simulate") { [log, projection] in
            var replayer = Replayer(log: log)
            let meant = try Self.meant(request, basis.end, log: log, projection: projection)
            return try box.state.difference(
                from: basis, request.question,
                meant: meant.map { meant in { offset in meant.contains { $0.contains(offset) } } },
                replayer: &replayer, emit: emit)
        }
        return SimulationResult(
            report: report.only(request.destinations), foldedBecause: because,
            audiences: audiences,
            profiles: profiles.joins.isEmpty && profiles.splits.isEmpty ? nil : profiles)
    }

    /// The events that a narrowing is about; nil for all.
    private static func meant(
        _ request: SimulationRequest, _ end: UInt64, log: EventLog, projection: LiveProjection
    ) throws -> [OffsetBitmap]? {
        guard !request.question.narrowing.isEmpty else { return nil }
        let range = request.question.range.clamped(to: 0..<end)
        let scope = ReplayScope(
            range: range, narrowing: request.question.narrowing, isDryRun: true, rate: nil,
            approver: "")
        return try projection.read { PlanDraft.shares(of: range, in: $0) }.map { share in
            var bitmap = OffsetBitmap(from: share.lowerBound, to: share.upperBound)
            for start in stride(from: share.lowerBound, to: share.upperBound, by: 1 << 16) {
                let slice = Array(start..<min(start + 1 << 16, share.upperBound))
                for offset in try scope.narrow(slice, log: log, projection: projection) {
                    bitmap.set(offset)
                }
            }
            return bitmap
        }
    }
}

extension SimulationReport {
    /// The report on some destinations; on all where none is named.
    fileprivate func only(_ names: [String]) -> SimulationReport {
        guard !names.isEmpty else { return self }
        var report = self
        report.destinations.removeAll { !names.contains($0.name) }
        return report
    }
}
