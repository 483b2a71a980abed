import CustomerModel
import Delivery
import EventLog
public import JSONText
import Projections
import Synchronization

/// How it is going.
extension Workspace {
    func status() async throws -> JSONValue {
        let durable = log.durableEnd.value
        let seen = projection.read { state in
            (
                next: state.next, generation: state.generation, time: state.projectionTime,
                policy: state.policy.map { ($0.version, $0.policy.name) },
                lanes: state.laneStatuses(), counts: state.counts(),
                findings: state.allFindings().count + state.stoppedIdentifiers().count,
                records: state.recordCount,
                restored: state.destinationsHeldByRestore,
                violations: state.planViolations(), quarantined: state.quarantinedCount
            )
        }
        let dispatchers = running.withLock { $0.dispatchers }
        let collected = collector.counts
        let ids = collector.knownIDs
        let stat = log.stat()
        let logPart: JSONValue = [
            "id": .string(log.identity.hex), "incarnation": .offset(log.identity.incarnation),
            "durable": .offset(durable), "records": .count(seen.records),
            "failure": .text(log.failure.map { "\($0)" }),
            "commits": .offset(stat.syncs.count),
            "slowestSyncMicroseconds": .offset(stat.syncs.longestMicroseconds),
            "sealBacklog": .count(stat.sealBacklog),
        ]
        let parked: [JSONValue] = seen.counts.parked.prefix(20).map {
            ["offset": .offset($0.offset), "reason": .string($0.reason)]
        }
        let projectionPart: JSONValue = [
            "applied": .offset(seen.next), "lag": .offset(durable - min(seen.next, durable)),
            "generation": .count(seen.generation), "projectionTime": .time(seen.time),
            "events": .count(seen.counts.events), "people": .count(seen.counts.people),
            "identifiers": .count(seen.counts.identifiers),
            "refusedLinks": .count(seen.counts.refusedLinks),
            "failure": .text(projection.failure), "parked": .array(parked),
            "parkedCount": .count(seen.counts.parked.count),
        ]
        let policyPart: JSONValue =
            seen.policy.map { ["version": .count($0.0), "name": .string($0.1)] } ?? .null
        let hold = dispatchHold
        let destinations = seen.lanes.map { lane in
            Self.present(
                lane, dispatchers[lane.lane], hold: hold,
                isRestored: seen.restored.contains(lane.lane.destination))
        }
        let audiences: [JSONValue] = seen.counts.audiences.map {
            ["audience": .string($0.name), "members": .count($0.members)]
        }
        let collectedPart: JSONValue = [
            "requests": .offset(collected.requests), "accepted": .offset(collected.accepted),
            "duplicates": .offset(collected.duplicates),
            "conflicts": .offset(collected.conflicts),
            "suppressed": .offset(collected.suppressed), "rejected": .offset(collected.rejected),
            "rejectedFor": collected.refusals.json,
            "rejectsDropped": .count(collector.rejects.droppedCount),
            "messageIDs": .count(ids.count), "messageIDBytes": .count(ids.bytes),
        ]
        return .members([
            ("health", health()["status"] ?? .null), ("log", logPart),
            ("projection", projectionPart), ("policy", policyPart),
            ("destinations", .array(destinations)), ("audiences", .array(audiences)),
            ("findings", .count(seen.findings)),
            ("tracking", Self.presentTracking(seen.violations, quarantined: seen.quarantined)),
            ("collected", collectedPart), ("readModel", await readModelStatus(durable: durable)),
        ]).adding(soundness())
    }

    private static func present(
        _ lane: LaneStatus, _ running: RunningDispatcher?, hold: String?, isRestored: Bool
    ) -> JSONValue {
        let snapshot = running?.dispatcher.snapshot
        // What waits or failed is said of effects and corrections alike; what arrived of each.
        func count(_ status: EffectStatus) -> JSONValue {
            .count((lane.counts[status] ?? 0) + (lane.corrections[status] ?? 0))
        }
        let state: String
        if hold != nil {
            state = "held: a part of the log cannot be read"
        } else if isRestored {
            state =
                "held: the log was restored from a backup; `sluice destination resume \(lane.lane.destination)` lets it go on"
        } else if !lane.disagreements.isEmpty {
            state = "held: decisions differ from what was released"
        } else if lane.isPaused {
            state = "paused"
        } else if !lane.isCurrent {
            state = "not in the policy in force"
        } else if let ended = running?.ended {
            state = "stopped: \(ended)"
        } else if let hold = snapshot?.hold {
            state = "held: \(hold)"
        } else {
            state = snapshot == nil ? "not running" : "running"
        }
        return [
            "destination": .string(lane.lane.destination), "epoch": .count(lane.lane.epoch),
            "state": .string(state), "pending": count(.pending),
            "attempting": count(.attempting), "delivered": .count(lane.counts[.delivered] ?? 0),
            "corrected": .count(lane.corrections[.delivered] ?? 0),
            "rejected": count(.rejected), "unknown": count(.unknown),
            "cancelled": count(.cancelled), "superseded": count(.superseded),
            "parked": count(.parked), "releasedTo": .offset(lane.releasedTo),
            "lastError": .text(snapshot?.lastError),
            "blockedSince": .time(snapshot?.blockedSince?.microseconds),
        ]
    }

    /// `ok`, `degraded` (something waits for an operator) or `failing` (nothing is accepted).
    public func health() -> JSONValue {
        var reasons: [String] = []
        var status = "ok"
        let seen = projection.read { state in
            (
                parked: state.parkedCount,
                held: state.laneStatuses().contains { !$0.disagreements.isEmpty }
            )
        }
        if seen.parked > 0 { reasons.append("\(seen.parked) records are parked") }
        if seen.held { reasons.append("a destination is held: its decisions differ") }
        reasons += soundnessReasons()
        if let error = running.withLock({ $0.readModelError }) {
            reasons.append("the read model is behind: \(error)")
        }
        if !reasons.isEmpty { status = "degraded" }
        if let failure = log.failure {
            status = "failing"
            reasons.append("the log takes no records: \(failure)")
        }
        if let failure = projection.failure {
            status = "failing"
            reasons.append("the projection has stopped: \(failure)")
        }
        return ["status": .string(status), "reasons": .texts(reasons)]
    }

    /// The same as figures, in Prometheus' text format.
    public func metricsText() -> String {
        let durable = log.durableEnd.value
        let seen = projection.read { ($0.next, $0.laneStatuses(), $0.parkedCount) }
        let collected = collector.counts
        var lines = MetricLines()
        lines.gauge("sluice_log_durable_offset", "First offset that is not durable.", durable)
        let stat = log.stat()
        lines.gauge("sluice_log_queued_bytes", "Bytes that wait for the disk.", stat.queuedBytes)
        lines.gauge(
            "sluice_log_seal_backlog_segments", "Closed segments that are not sealed yet.",
            stat.sealBacklog)
        lines.times(
            "sluice_log_sync_seconds", "How long commits took to become durable, each by one sync.",
            stat.syncs)
        lines.gauge("sluice_projection_applied_offset", "First offset that is not applied.", seen.0)
        lines.gauge("sluice_projection_parked_records", "Records that could not be folded.", seen.2)
        let lost = projection.read { $0.logLosses.reduce(0) { $0 + ($1.to - $1.from) } }
        lines.gauge("sluice_log_unreadable_records", "Records that cannot be read.", lost)
        lines.gauge(
            "sluice_dispatch_held", "1 while nothing leaves until an operator has looked.",
            dispatchHold == nil ? 0 : 1)
        lines.counter("sluice_collect_requests_total", "Collect requests.", collected.requests)
        lines.counter("sluice_collect_accepted_total", "Messages stored.", collected.accepted)
        lines.counter(
            "sluice_collect_duplicates_total", "Messages seen before.", collected.duplicates)
        lines.counter("sluice_collect_rejected_total", "Messages refused.", collected.rejected)
        lines.head("sluice_collect_refusals_total", "counter", "Messages refused, by reason.")
        for row in collected.refusals.sorted {
            lines.sample("sluice_collect_refusals_total", "reason=\"\(row.code)\"", row.count)
        }
        lines.counter(
            "sluice_collect_suppressed_total", "Messages of suppressed subjects.",
            collected.suppressed)
        lines.head("sluice_effects", "gauge", "Effects by destination, epoch and state.")
        for lane in seen.1 {
            for status in [
                EffectStatus.pending, .attempting, .delivered, .rejected, .unknown, .cancelled,
                .superseded, .parked,
            ] {
                lines.sample(
                    "sluice_effects",
                    "destination=\"\(lane.lane.destination)\",epoch=\"\(lane.lane.epoch)\",state=\"\(status.name)\"",
                    lane.counts[status] ?? 0)
            }
        }
        return lines.text
    }
}

/// Prometheus text, version 0.0.4.
private struct MetricLines {
    private(set) var text = ""

    mutating func head(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: String, _ value: some BinaryInteger) {
        text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }

    mutating func gauge(_ name: String, _ help: String, _ value: some BinaryInteger) {
        head(name, "gauge", help)
        sample(name, "", value)
    }

    mutating func times(_ name: String, _ help: String, _ times: SyncTimes) {
        head(name, "histogram", help)
        var count: UInt64 = 0
        for (bound, number) in zip(SyncTimes.boundsMicroseconds, times.counts) {
            count += number
            sample(name + "_bucket", "le=\"\(Self.seconds(bound))\"", count)
        }
        sample(name + "_bucket", "le=\"+Inf\"", times.count)
        text += "\(name)_sum \(Self.seconds(times.totalMicroseconds))\n"
        sample(name + "_count", "", times.count)
    }

    private static func seconds(_ microseconds: UInt64) -> String {
        let digits = String(microseconds % 1_000_000)
        let zeros = String(repeating: "0", count: 6 - digits.count)
        return "\(microseconds / 1_000_000).\(zeros)\(digits)"
    }

    mutating func counter(_ name: String, _ help: String, _ value: some BinaryInteger) {
        head(name, "counter", help)
        sample(name, "", value)
    }
}
