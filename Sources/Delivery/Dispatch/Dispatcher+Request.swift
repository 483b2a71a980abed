import CustomerModel
import EventLog
import Hashing
import Logging
import Projections

extension Dispatcher {
    /// Effects to be sent together.
    struct Request {
        /// Never empty.
        var effects: [PendingEffect]
        var destination: Destination
        var transport: any DestinationTransport
        var position: Int?
        /// The id of the earlier attempt when this is a retry of it.
        var id: String?

        var plan: String? { effects[0].plan }
        /// A request holds corrections of one kind, or none.
        var correction: Correction? { effects[0].correction }
        /// Which try this is.
        var tryNumber: Int { effects.reduce(0) { max($0, $1.tries) } + 1 }
    }

    /// An attempt that is durable.
    private struct RecordedAttempt {
        var offset: Offset
        var body: ComposedRequest
        var memberCount: Int
    }

    /// Looks a second time, records the attempt, sends, and records the receipt.
    func deliver(_ request: Request) async throws {
        // E6: everything durable at this moment has been applied before anything is judged.
        try await projection.waitApplied(through: log.durableEnd)
        let look = try await worker.look(request.effects, in: lane, now: clock.now())
        // The policy moved on under us, or an operator, a loss or a restore holds us: begin again with what is
        // so now.
        guard !look.isHeld, look.destination.connector == request.destination.connector,
            look.destination.epoch == lane.epoch
        else { return }
        let outgoing = Self.fitting(try await cancel(request, after: look), in: request)
        guard !outgoing.isEmpty else { return }
        try Task.checkCancellation()
        let attempt = try await record(request, look: look, outgoing: outgoing)
        faults.pass(.attemptRecorded)
        let end = try await exchange(request, attempt)
        try await projection.waitApplied(through: end)
    }

    /// A request's body does not grow past this, unless a single effect does.
    private static let longestBodyBytes = 4 << 20

    /// As many of the effects as one body holds; the others stay pending. A retry is never split: its
    /// request id stands for all that is left of it, and it fitted the first time.
    private static func fitting(_ outgoing: [Outgoing], in request: Request) -> [Outgoing] {
        guard request.id == nil else { return outgoing }
        var bytes = 0
        let end = outgoing.firstIndex { item in
            bytes += item.body.count
            return bytes > longestBodyBytes
        }
        guard let end else { return outgoing }
        return Array(outgoing[..<max(end, 1)])
    }

    /// Records what the look held back and returns what may leave.
    private func cancel(_ request: Request, after look: Look) async throws -> [Outgoing] {
        var outgoing: [Outgoing] = []
        var record = CancelledRecord(
            destination: lane.destination, epoch: lane.epoch, slot: lane.slot, plan: request.plan,
            look: look.offset.value, members: [], memberships: [])
        for (effect, verdict) in zip(request.effects, look.verdicts) {
            switch verdict {
            case .send(let item): outgoing.append(item)
            case .cancel(let gates): record.add(effect, gates: gates, superseded: false)
            case .superseded: record.add(effect, gates: .allow, superseded: true)
            }
        }
        let count = record.members.count + record.memberships.count
        guard count > 0 else { return outgoing }
        let ticket = try await appender.append(record)
        note { $0.cancelled += count }
        if outgoing.isEmpty {
            try await log.waitDurable(ticket)
            try await projection.waitApplied(through: ticket.end)
        }
        return outgoing
    }

    /// Makes the attempt durable (E5).
    private func record(_ request: Request, look: Look, outgoing: [Outgoing]) async throws
        -> RecordedAttempt
    {
        var members: [AttemptRecord.Member] = []
        for item in outgoing {
            members.append(
                AttemptRecord.Member(
                    key: item.key, action: item.action, at: item.at.value,
                    audience: item.audience, profile: item.profile,
                    digest: SHA256.of(item.body), policy: item.policyVersion,
                    consent: item.consent?.value, fieldSet: try await fieldSet(of: item).value,
                    identifiers: item.identifierHashes))
        }
        var body = request.transport.compose(
            outgoing.map { RequestMember(key: $0.key, body: $0.body) }, requestID: request.id)
        if let correction = request.correction, let plan = request.plan {
            body.correction = ComposedRequest.CorrectionNote(correction: correction, plan: plan)
        }
        let record = AttemptRecord(
            destination: lane.destination, epoch: lane.epoch,
            recipient: look.destination.recipient, slot: lane.slot, plan: request.plan,
            look: look.offset.value, generation: look.generation, try: request.tryNumber,
            request: body.id, bodyDigest: SHA256.of(body.body), bodyBytes: body.body.count,
            started: clock.now(), position: request.position, members: members)
        let ticket = try await appender.append(record)
        try await log.waitDurable(ticket)
        note {
            $0.attempts += 1
            $0.bytes += body.body.count
        }
        return RecordedAttempt(offset: ticket.first, body: body, memberCount: members.count)
    }

    /// The offset of the record that lists what leaves in `item`. It comes before the attempt in the log, so
    /// it is durable when that is.
    private func fieldSet(of item: Outgoing) async throws -> Offset {
        let set = FieldSet(fields: item.fields, identifiers: item.identifiers)
        if let known = fieldSets[set] { return known }
        let record = FieldSetRecord(
            destination: lane.destination, epoch: lane.epoch, fields: set.fields,
            identifiers: set.identifiers)
        let offset = try await appender.append(record).first
        fieldSets[set] = offset
        return offset
    }

    /// Sends, and makes the receipt durable. Returns the offset after it.
    private func exchange(_ request: Request, _ attempt: RecordedAttempt) async throws -> Offset {
        let faults = faults
        // A request in flight is finished even when this task is cancelled meanwhile: its answer is worth
        // more than the seconds. The inner task does not hear of the cancellation, and ends with the send.
        let result = await Task {
            await request.transport.send(attempt.body) { faults.pass(.bytesSent) }
        }.value
        faults.pass(.receiptPending)
        let verdict = machine.settle(
            result, tries: request.tryNumber,
            maximumAttempts: request.destination.maximumAttempts,
            uncertainty: request.transport.uncertainty, at: clock.now(), random: clock.random())
        var ticket = try await appender.append(
            ReceiptRecord(
                attempt: attempt.offset.value, outcome: result.outcome, status: result.status,
                retryAfterMilliseconds: result.retryAfterMilliseconds, reason: result.reason,
                settled: clock.now(), parked: verdict.parked))
        if verdict.pauses {
            ticket = try await appender.append(
                OperatorRecord(
                    act: .pause, subject: lane.destination, by: RecordTail.controlSource,
                    note: "the destination says that it is gone"))
        }
        try await log.waitDurable(ticket)
        report(result, verdict, count: attempt.memberCount)
        return ticket.end
    }

    private func report(_ result: SendResult, _ verdict: LaneMachine.Verdict, count: Int) {
        note {
            switch result.outcome {
            case .delivered: $0.delivered += count
            case .rejected: $0.rejected += count
            case .retry: $0.retries += count
            case .unknown: $0.unknown += count
            }
            if verdict.parked { $0.parked += count }
            $0.lastError = result.outcome == .delivered ? nil : result.reason
        }
        guard result.outcome != .delivered else { return }
        logger.warning(
            "a request did not get through",
            metadata: [
                "lane": "\(lane)", "outcome": "\(result.outcome.rawValue)",
                "reason": "\(result.reason)", "members": "\(count)",
                "parked": "\(verdict.parked)",
            ])
    }
}

extension CancelledRecord {
    mutating func add(_ effect: PendingEffect, gates: Decision, superseded: Bool) {
        switch effect.subject {
        case .event(let at), .correction(_, let at, _):
            members.append(Member(at: at.value, gates: gates))
        case .membership(let audience, let profile, _, let at):
            memberships.append(
                Membership(
                    audience: audience, profile: profile, at: at.value, gates: gates,
                    superseded: superseded))
        }
    }
}
