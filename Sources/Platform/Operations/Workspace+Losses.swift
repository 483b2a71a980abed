import CustomerModel
import EventLog
import JSONText
import Projections

/// What cannot be read of the log, in answers, and how an operator accepts it (L9).
extension Workspace {
    /// Lets dispatch go on past losses that were listed: all that lie within `from..<to`.
    ///
    /// A range that covers a listed loss only in part, or none at all, is refused: nobody accepts what he was
    /// not shown.
    func acceptLoss(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let from = try parameters.offset("from")
        let to = try parameters.offset("to")
        let reason = try parameters.text("reason")
        let by = try parameters.optionalText("by") ?? principal.name
        guard from < to else {
            throw OperationError.badRequest(
                "the range must begin before it ends: from \(from) is not before to \(to)")
        }
        let open = projection.read { state in state.logLosses.filter { $0.acceptedAt == nil } }
        let covered = open.filter { $0.from >= from && $0.to <= to }
        if let cut = open.first(where: {
            $0.offsets.overlaps(from..<to) && !($0.from >= from && $0.to <= to)
        }) {
            throw OperationError.refused(
                "\(from)..<\(to) covers only a part of the loss \(cut.from)..<\(cut.to); nothing was accepted. \(Self.listed(open))"
            )
        }
        guard !covered.isEmpty else {
            throw OperationError.refused(
                "no loss that waits to be accepted lies within \(from)..<\(to). \(Self.listed(open))"
            )
        }
        let offset = try await append([
            ControlDraft.make(
                OperatorRecord(
                    act: .acceptLoss, subject: "log", by: by, note: reason, from: from, to: to))
        ])
        let left = projection.read { state in
            (isHeld: state.isHeldByLoss, open: state.logLosses.filter { $0.acceptedAt == nil })
        }
        return [
            "offset": .offset(offset.value),
            "accepted": .array(covered.map { Self.present($0) }),
            "left": .array(left.open.map { Self.present($0) }),
            "dispatch": .string(left.isHeld ? "held" : "goes on"),
        ]
    }

    private static func listed(_ losses: [LogLoss]) -> String {
        guard !losses.isEmpty else { return "Nothing is listed." }
        return "Listed: "
            + losses.map { "\($0.from)..<\($0.to) (\($0.reason))" }.joined(separator: ", ") + "."
    }

    static func present(_ loss: LogLoss) -> JSONValue {
        [
            "from": .offset(loss.from), "to": .offset(loss.to),
            "records": .offset(loss.to - loss.from), "reason": .string(loss.reason),
            "withholds": .string(withheld(by: loss)),
            "acceptedAt": .optionalOffset(loss.acceptedAt),
        ]
    }

    private static func withheld(by loss: LogLoss) -> String {
        switch loss.reach {
        case .identifiers: "the people that its records name"
        case .everything:
            loss.acceptedAt == nil
                ? "everybody, until it is accepted" : "the people that its records name, if known"
        }
    }

    /// A range that cannot be read, as answers and streams name it.
    static func present(_ damage: Damage) -> JSONValue { LogShapes.damage(damage) }

    /// Why nothing leaves at all; nil where it does. Single destinations may be held besides.
    var dispatchHold: String? {
        if let hold = projection.hold { return hold }
        let holding = projection.read { $0.logLosses.filter(\.holdsDispatch) }
        guard let first = holding.first else { return nil }
        let more = holding.count == 1 ? "" : " and \(holding.count - 1) more losses"
        return
            "offsets \(first.from)..<\(first.to) cannot be read (\(first.reason))\(more), and may hold what withholds anybody; look at `sluice status`, then `sluice log accept-loss --from \(first.from) --to \(first.to) --reason TEXT`"
    }

    /// The losses, restores and holds, for `status`.
    func soundness() -> [(String, JSONValue)] {
        let seen = projection.read { ($0.logLosses, $0.logRestores) }
        let noticed = projection.noticedDamage
        let restores: [JSONValue] = seen.1.map { restore in
            [
                "incarnation": .offset(restore.incarnation), "at": .offset(restore.at),
                "missingFrom": .offset(restore.missingFrom), "backup": .time(restore.backup),
            ]
        }
        return [
            ("dispatchHeld", .text(dispatchHold)),
            ("losses", .array(seen.0.map { Self.present($0) })),
            ("damage", .array(noticed.map { Self.present($0) })),
            ("restores", .array(restores)),
            ("suppressionsNotInLog", .count(suppressionsNotInLog().count)),
        ]
    }

    /// What health has to say of it, worst first.
    func soundnessReasons() -> [String] {
        var reasons: [String] = []
        if let hold = dispatchHold { reasons.append("all dispatch is held: \(hold)") }
        let seen = projection.read { state in
            (
                open: state.logLosses.count { $0.acceptedAt == nil && !$0.holdsDispatch },
                held: state.destinationsHeldByRestore
            )
        }
        if seen.open > 0 {
            reasons.append(
                "\(seen.open) ranges of the log cannot be read; the people they name are withheld")
        }
        if !projection.noticedDamage.isEmpty {
            reasons.append("a part of the log is damaged: run `sluice log verify`")
        }
        if !seen.held.isEmpty {
            reasons.append(
                "the log was restored: \(seen.held.joined(separator: ", ")) wait for `sluice destination resume`"
            )
        }
        let missing = suppressionsNotInLog().count
        if missing > 0 {
            reasons.append(
                "\(missing) suppressions are not in the log: run `sluice suppress --reapply \(suppressionFile.path)`"
            )
        }
        return reasons
    }

    /// Why a list of what was shared up to an offset may lack something; empty where nothing is in doubt.
    func gaps(upTo offset: UInt64) -> [String] {
        let seen = projection.read { ($0.logLosses, $0.logRestores) }
        let lost = seen.0.filter { $0.from < offset && $0.reach == .everything }.map {
            "offsets \($0.from)..<\($0.to) cannot be read (\($0.reason)) and may have held attempts"
        }
        let restored = seen.1.filter { $0.at < offset }.map { restore in
            let backup = restore.backup.map { " of \(Timestamp(microseconds: $0))" } ?? ""
            return
                "the log was restored at offset \(restore.at) from a backup\(backup): what was shared after it, from offset \(restore.missingFrom) of the log as it was, is not known"
        }
        return lost + restored
    }
}

extension Parameters {
    /// An offset that must be given.
    func offset(_ name: String) throws(OperationError) -> UInt64 {
        let text = try text(name)
        guard let offset = UInt64(text) else {
            throw .badRequest("the parameter \(name) must be an offset, not \"\(text)\"")
        }
        return offset
    }
}
