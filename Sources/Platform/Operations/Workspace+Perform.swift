import CustomerModel
import EventLog
public import JSONText
import Projections

/// Every question and command has one name, wherever it comes from.
extension Workspace {
    /// Answers one question or runs one command.
    ///
    /// - Parameters:
    ///   - operation: as in `/api/<operation>`.
    ///   - parameters: a JSON object.
    ///   - principal: who asks; roles decide what is answered.
    /// - Throws: ``OperationError``: one sentence that says what failed, where, and what to do.
    public func perform(
        _ operation: String, _ parameters: JSONValue, by principal: Principal
    ) async throws(OperationError) -> JSONValue {
        guard let needed = Self.roles[operation] else {
            throw .notFound("there is no operation \(operation)")
        }
        guard needed.contains(principal.role) else {
            throw .forbidden(
                "\(operation) needs a token with role \(needed.map(\.rawValue).joined(separator: " or "))"
            )
        }
        let parameters = try Parameters(parameters)
        do {
            if Self.readsAboutAnybody.contains(operation) {
                try await noteRead(
                    operation, nil, by: principal, upTo: projection.applied.value)
            }
            return try await answer(operation, parameters, by: principal)
        } catch let error as OperationError {
            throw error
        } catch let error as AccessError {
            throw .badRequest("\(error)")
        } catch is CancellationError {
            throw .busy("the server is stopping; ask again when it is back")
        } catch {
            throw .failed("\(operation) failed: \(error)")
        }
    }

    /// Questions whose answers may hold personal data of people that they do not name. They are recorded
    /// here, before the answer; those about one person record whom themselves (A3).
    private static let readsAboutAnybody: Set<String> = [
        "explain", "rejects", "sql", "identity.review", "identity.retractions", "identity.refusals",
    ]

    private static let everyone: [Role] = [.operator, .auditor, .service]
    private static let readers: [Role] = [.operator, .auditor]
    private static let operators: [Role] = [.operator]

    private static let roles: [String: [Role]] = [
        "status": everyone, "explain": readers, "audit.disclosures": readers,
        "audit.decisions": readers,
        "profile": everyone, "consent": everyone, "consent.set": operators, "audiences": everyone,
        "audience": everyone,
        "audience.show": everyone, "audience.explain": readers,
        "policy.check": readers, "policy.diff": readers, "policy.history": readers,
        "policy.apply": operators, "policy.violations": readers, "policy.quarantine": readers,
        "policy.release": operators,
        "replay.simulate": readers, "replay.verify": readers, "replay.rebuild": operators,
        "replay.backfill": operators, "replay.repair": operators, "replay.correct": operators,
        "replay.plans": readers, "replay.findings": readers,
        "destination.pause": operators, "destination.resume": operators,
        "destination.redrive": operators, "destination.settle": operators,
        "suppress": operators,
        "suppress.reapply": operators, "log.acceptLoss": operators,
        "identity.review": readers, "identity.retractions": readers,
        "identity.refusals": readers, "identity.approve": operators,
        "identity.reject": operators, "identity.retract": operators,
        "identity.lift": operators,
        "key.create": operators, "key.revoke": operators, "token.create": operators,
        "token.revoke": operators, "access.list": operators, "source.set": operators,
        "source.list": operators,
        "log.stat": readers, "log.verify": readers, "log.cat": readers, "log.seal": operators,
        "log.backup": operators,
        "rejects": operators, "sql": readers,
    ]

    private func answer(_ operation: String, _ parameters: Parameters, by principal: Principal)
        async throws -> JSONValue
    {
        switch operation {
        case "status": return try await status()
        case "explain": return try await explain(parameters)
        case "audit.disclosures": return try await disclosures(parameters, by: principal)
        case "audit.decisions": return try await pastDecisions(parameters, by: principal)
        case "profile": return try await profile(parameters, by: principal)
        case "consent": return try await consent(parameters, by: principal)
        case "consent.set": return try await setConsent(parameters, by: principal)
        case "audiences": return audiences()
        case "audience": return try await audience(parameters, by: principal)
        case "audience.show": return try showAudience(parameters)
        case "audience.explain": return try await explainAudience(parameters, by: principal)
        case "policy.check": return try checkPolicy(parameters)
        case "policy.diff": return try diffPolicy(parameters)
        case "policy.history": return try await policyHistory(parameters)
        case "policy.apply": return try await applyPolicy(parameters, by: principal)
        case "policy.violations": return planViolations()
        case "policy.quarantine": return try await quarantine(parameters)
        case "policy.release": return try await releaseQuarantine(parameters, by: principal)
        case "replay.simulate": return try await simulate(parameters)
        case "replay.verify": return try await rebuild(.verify, by: principal)
        case "replay.rebuild": return try await rebuild(.promote, by: principal)
        case "replay.backfill": return try await backfill(parameters, by: principal)
        case "replay.repair": return try await repair(parameters, by: principal)
        case "replay.correct": return try await correct(parameters, by: principal)
        case "replay.plans": return plans()
        case "replay.findings": return try await findings(parameters)
        case "destination.pause": return try await destination(.pause, parameters, by: principal)
        case "destination.resume": return try await destination(.resume, parameters, by: principal)
        case "destination.redrive":
            return try await destination(.redrive, parameters, by: principal)
        case "destination.settle": return try await settle(parameters, by: principal)
        case "suppress": return try await suppress(parameters, by: principal)
        case "suppress.reapply":
            return try await reapplySuppressions(parameters, by: principal)
        case "identity.review": return try linkReviews(parameters)
        case "identity.retractions": return retractions()
        case "identity.refusals": return try refusedLinks(parameters)
        case "identity.approve": return try await decideReview(.approve, parameters, by: principal)
        case "identity.reject": return try await decideReview(.reject, parameters, by: principal)
        case "identity.retract": return try await retractLink(parameters, by: principal)
        case "identity.lift": return try await liftRetraction(parameters, by: principal)
        case "log.acceptLoss": return try await acceptLoss(parameters, by: principal)
        case "key.create": return try await createKey(parameters, by: principal)
        case "key.revoke": return try await revoke(.key, parameters, by: principal)
        case "token.create": return try await createToken(parameters, by: principal)
        case "token.revoke": return try await revoke(.token, parameters, by: principal)
        case "access.list": return access.list()
        case "source.set": return try await setSource(parameters, by: principal)
        case "source.list": return access.listSources()
        case "log.stat": return try await logStat()
        case "log.verify": return try await logVerify()
        case "log.cat": return try await logCat(parameters, by: principal)
        case "log.seal": return try await logSeal()
        case "log.backup": return try await logBackup(parameters)
        case "rejects": return try await recentRejects(parameters)
        case "sql": return try await sql(parameters)
        default: throw OperationError.notFound("there is no operation \(operation)")
        }
    }
}
