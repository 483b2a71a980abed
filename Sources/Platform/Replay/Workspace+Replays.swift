import CustomerModel
import EventLog
import Hashing
import JSONText
import Projections

/// Rebuilds and simulations: folds beside the live one. Nothing here can send (R1).
extension Workspace {
    enum RebuildEnd { case verify, promote }

    /// Folds the log anew beside the live generation, compares digests at the same offset, and promotes the
    /// new one when they agree and that was asked for. A promotion sends nothing (D3).
    func rebuild(_ end: RebuildEnd, by principal: Principal) async throws -> JSONValue {
        try await replays.run {
            let started = ContinuousClock.now
            let box = StateBox(FoldState(key: log.identity.key))
            try await OwnThread.run("sluice.rebuild") { [log, projection] in
                var replayer = Replayer(log: log)
                // Most of the way, while the live fold goes on.
                try replayer.advance(&box.state, to: projection.applied)
            }
            let result = try await driver.standingStill { [projection] replayer in
                try replayer.advance(&box.state, to: projection.applied)
                for loss in box.state.logLosses where !projection.read({ $0.knows(loss.offsets) }) {
                    projection.notice(
                        Damage(
                            file: "the log", position: 0, offsets: loss.offsets,
                            reason: loss.reason))
                }
                let live = projection.read { ($0.digest(), $0.generation, $0.next) }
                let rebuilt = box.state.digest()
                if end == .promote, rebuilt == live.0 { projection.replace(with: box.state) }
                return (
                    live: live.0, rebuilt: rebuilt, generation: live.1, at: live.2,
                    losses: box.state.logLosses, records: box.state.recordCount
                )
            }
            let seconds = Self.seconds(since: started)
            var generation = result.generation
            var promotion: UInt64?
            if end == .promote, result.live == result.rebuilt {
                generation += 1
                let record = PromotedRecord(
                    generation: generation, at: result.at, digest: result.rebuilt,
                    codeVersion: FoldState.codeVersion, schedule: activeSchedule(),
                    reason: "rebuild asked for by \(principal.name)")
                promotion = try await append([ControlDraft.make(record)]).value
                try await rebuildReadModel()
            }
            return [
                "equal": .bool(result.live == result.rebuilt),
                "liveDigest": .string(result.live.hex),
                "rebuiltDigest": .string(result.rebuilt.hex), "at": .offset(result.at),
                "generation": .count(generation), "promoted": .optionalOffset(promotion),
                "seconds": .number(seconds),
                "recordsPerSecond": .number(Self.rate(UInt64(result.records), seconds)),
                "unreadable": .array(result.losses.map { Self.present($0) }),
            ]
        }
    }

    private func activeSchedule() -> [PromotedRecord.ScheduleEntry] {
        let versions = projection.read { state in
            state.policies.map { ($0.version, $0.activatedAt) }
        }
        var entries: [PromotedRecord.ScheduleEntry] = []
        for stage in [PromotedRecord.Stage.identity, .consent, .decisions] {
            for (version, from) in versions {
                entries.append(
                    PromotedRecord.ScheduleEntry(stage: stage, version: version, from: from))
            }
        }
        if let newest = versions.last?.0 {
            // Audiences and attributes apply to all of history at once (P1).
            for stage in [PromotedRecord.Stage.attributes, .audiences] {
                entries.append(
                    PromotedRecord.ScheduleEntry(stage: stage, version: newest, from: 0))
            }
        }
        return entries
    }

    static func seconds(since start: ContinuousClock.Instant) -> String {
        let elapsed = start.duration(to: .now)
        let milliseconds =
            elapsed.components.seconds * 1000
            + elapsed.components.attoseconds / 1_000_000_000_000_000
        return "\(milliseconds / 1000).\(String(1000 + milliseconds % 1000).dropFirst())"
    }

    static func rate(_ count: UInt64, _ seconds: String) -> String {
        guard let seconds = Double(seconds), seconds > 0 else { return "0" }
        return String(Int(Double(count) / seconds))
    }
}

/// Carries a state between the threads that work on it one after the other.
///
/// Unchecked: the rebuild's own thread ends before the fold's thread takes it.
final class StateBox: @unchecked Sendable {
    var state: FoldState
    init(_ state: FoldState) { self.state = state }
}
