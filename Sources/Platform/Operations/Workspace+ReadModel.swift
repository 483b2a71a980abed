import CustomerModel
import EventLog
import JSONText
import Logging
import Projections
import ReadModel
import Synchronization

/// Keeps SQLite beside the projection: derived, behind by a moment, and never in anybody's way.
extension Workspace {
    /// Follows in coalesced batches until cancelled.
    func followReadModel() async {
        if mustRebuildReadModel { await retryReadModel() }
        var seen: UInt64 = 0
        var refolds = projection.refoldCount
        var firstAttempt = projection.read { $0.attemptCount }
        while !Task.isCancelled {
            seen = await projection.waitChange(since: seen)
            if refolds != projection.refoldCount {
                refolds = projection.refoldCount
                firstAttempt = projection.read { $0.attemptCount }
                await retryReadModel()
                continue
            }
            let begin = ContinuousClock.now
            let reached = projection.applied
            let changes = projection.takeJournal()
            let from = firstAttempt
            do {
                firstAttempt = try await OwnThread.run("sluice.readmodel", .background) {
                    [log, projection, readModel] in
                    let deliveries = try DeliveryRows(log: log, projection: projection)
                        .since(attempt: from)
                    try readModel.apply(
                        changes: changes, projection: projection, appliedTo: reached,
                        deliveries: deliveries.rows)
                    return deliveries.next
                }
                noteReadModel(error: nil)
            } catch {
                noteReadModel(error: "\(error)")
                await retryReadModel()
            }
            do {
                try await Task.sleep(for: Self.pause(after: begin.duration(to: .now)))
            } catch {
                return
            }
        }
    }

    /// Coalesced: what changes many times within a moment is written once. And while much changes, most of
    /// the time is left to collecting and folding, whose disk and cores it needs: a fifth is enough for rows
    /// that people look at.
    static func pause(after work: Duration) -> Duration {
        min(max(.milliseconds(500), work * 4), .seconds(10))
    }

    private func retryReadModel() async {
        do {
            try await rebuildReadModel()
            noteReadModel(error: nil)
        } catch {
            noteReadModel(error: "\(error)")
            options.logger.warning("the read model is behind", metadata: ["reason": "\(error)"])
        }
    }

    private func noteReadModel(error: String?) {
        running.withLock { $0.readModelError = error }
    }

    /// Makes all rows anew beside the served ones.
    func rebuildReadModel() async throws {
        try await OwnThread.run("sluice.readmodel") { [log, projection, readModel] in
            let rows = try DeliveryRows(log: log, projection: projection).since(attempt: 0)
            try readModel.rebuild(
                from: projection, deliveries: { write in for row in rows.rows { try write(row) } },
                catchingUp: { projection.takeJournal() })
        }
    }

    func readModelStatus(durable: UInt64) async -> JSONValue {
        [
            "applied": .optionalOffset(readModel.appliedOffset?.value),
            "lag": .offset(readModel.lag(durable: Offset(durable))),
            "error": .text(running.withLock { $0.readModelError }),
        ]
    }

    /// One `SELECT` over the read model, for people and tools.
    func sql(_ parameters: Parameters) async throws -> JSONValue {
        let text = try parameters.text("query")
        let limit = try parameters.integer("limit", default: 1000, in: 1...100_000)
        do {
            let result = try await readModel.query(text, limit: limit)
            let answer: JSONValue = [
                "columns": .texts(result.columns), "rows": .array(result.objects),
                "truncated": .bool(result.isTruncated),
                "appliedTo": .optionalOffset(readModel.appliedOffset?.value),
            ]
            let losses = projection.read { $0.logLosses }
            return losses.isEmpty
                ? answer : answer.adding([("unreadable", .array(losses.map { Self.present($0) }))])
        } catch let error as ReadModelError {
            throw OperationError.badRequest("\(error)")
        }
    }
}

/// Requests as the read model keeps them. Blocking: it reads attempts and receipts from the log.
struct DeliveryRows {
    let log: EventLog
    let projection: LiveProjection

    /// Rows from the given attempt on, and the attempt to go on from: the first that is still open.
    func since(attempt first: Int) throws -> (rows: [DeliveryRow], next: Int) {
        let requests = projection.read { $0.requests(from: first) }
        var reader = log.makeReader()
        var rows: [DeliveryRow] = []
        var next = first
        var isSettled = true
        for request in requests {
            if isSettled, request.receipt != nil { next += 1 } else { isSettled = false }
            let started = try time(of: request.attempt, "started", &reader)
            let settled = try request.receipt.map { try time(of: $0, "settled", &reader) }
            rows.append(
                DeliveryRow(
                    attempt: Offset(request.attempt), receipt: request.receipt.map { Offset($0) },
                    destination: request.lane.destination, epoch: request.lane.epoch,
                    outcome: request.outcome, members: request.members, started: started,
                    settled: settled))
        }
        return (rows, next)
    }

    private func time(of offset: UInt64, _ member: String, _ reader: inout LogReader) throws
        -> Int64
    {
        guard
            let line = try reader.readableLine(
                at: Offset(offset), unreadable: { projection.notice($0) })
        else { return 0 }
        var parser = JSONParser()
        return try parser.parse(line) { view in
            EventClock.time(view["body"]?.member(member))?.microseconds ?? 0
        }
    }
}
