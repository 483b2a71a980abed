internal import CustomerModel
internal import EventLog
internal import JSONText

/// What the collector knows, behind its one lock. Does no I/O; appending only queues.
struct CollectorState: ~Copyable {
    var index: MessageIndex
    var recent: RecentMessages
    var pace: AsIfLivePace
    var counts = CollectCounts()

    /// What one try to append a batch comes to.
    enum Step {
        /// Everything is decided, and what is new is in the log's queue.
        case appended(Appended)
        /// These records must be read first. Nothing was changed.
        case asks([RecordedMessages.Question])
        /// Nothing was changed.
        case refused(CollectRefusal)
    }

    struct Appended {
        var accepted = 0
        var duplicates = 0
        var last: Offset?
        /// The largest offset that must be durable before anything is acknowledged.
        var durableThrough: Offset?
        /// Items whose candidate record cannot be read.
        var unreadable: [Int] = []
        /// Duplicates whose payload is another than the one that stays.
        var conflicts: [Int] = []

        mutating func noteDuplicate(of offset: UInt64) {
            duplicates += 1
            waitFor(offset)
        }

        mutating func waitFor(_ offset: UInt64) {
            durableThrough = max(durableThrough ?? Offset(offset), Offset(offset))
        }
    }

    mutating func append(
        _ batch: borrowing PendingBatch, _ known: RecordedMessages.Verdicts, to log: EventLog
    ) -> Step {
        if batch.context.pace == .asIfLive, !pace.isAllowed { return .refused(.workspaceNotEmpty) }
        var questions: [RecordedMessages.Question] = []
        var new: [Int32] = []
        new.reserveCapacity(batch.drafts.count)
        index.touch(batch.drafts.count) { batch.hash(of: $0) }
        // Almost every item is new, so only the others cost a table.
        var others: [Int: Verdict] = [:]
        for place in 0..<batch.drafts.count where batch.firstSame[place] == Int32(place) {
            let verdict = verdict(batch, place, known, &questions)
            if case .new = verdict { new.append(Int32(place)) } else { others[place] = verdict }
        }
        guard questions.isEmpty else { return .asks(questions) }
        var result = Appended()
        result.accepted = new.count
        for place in 0..<batch.drafts.count {
            let first = Int(batch.firstSame[place])
            switch others[first] {
            case .unreadable: result.unreadable.append(place)
            case .duplicate(let offset, let isConflict):
                result.noteDuplicate(of: offset)
                let isOther = batch.bodySums[place] != batch.bodySums[first]
                if isConflict || isOther { result.conflicts.append(place) }
            case .new, .unknown, nil:
                guard first != place else { continue }
                result.duplicates += 1
                if batch.bodySums[place] != batch.bodySums[first] {
                    result.conflicts.append(place)
                }
            }
        }
        if let refusal = write(batch, new, to: log, &result) { return .refused(refusal) }
        return .appended(result)
    }

    /// What is known of one item against everything appended before.
    private enum Verdict {
        case new
        case duplicate(of: UInt64, isConflict: Bool)
        case unreadable
        /// A question was added.
        case unknown
    }

    private func verdict(
        _ batch: borrowing PendingBatch, _ place: Int, _ known: RecordedMessages.Verdicts,
        _ questions: inout [RecordedMessages.Question]
    ) -> Verdict {
        let verdict = self.verdict(batch, place, .message, batch.ids, known, &questions)
        guard batch.hasPlace(place), case .new = verdict else { return verdict }
        return self.verdict(batch, place, .place, batch.places, known, &questions)
    }

    private func verdict(
        _ batch: borrowing PendingBatch, _ place: Int, _ sort: MessageIDs.Sort, _ ids: MessageIDs,
        _ known: RecordedMessages.Verdicts, _ questions: inout [RecordedMessages.Question]
    ) -> Verdict {
        var verdict = Verdict.new
        let key = batch.drafts.keys[batch.drafts.keyRange(place).lowerBound + sort.key]
        index.forEachCandidate(key) { offset in
            if case .duplicate = verdict { return }
            let isSame = ids.withID(place) {
                recent.holds(
                    $0, sort, source: batch.context.source, at: offset,
                    sum: batch.bodySums[place])
            }
            let question = RecordedMessages.Question(item: place, offset: offset, sort: sort)
            switch isSame ?? known[question] {
            case .same: verdict = .duplicate(of: offset, isConflict: false)
            case .conflict: verdict = .duplicate(of: offset, isConflict: true)
            case .other: break
            case .unreadable: verdict = .unreadable
            case nil:
                questions.append(question)
                verdict = .unknown
            }
        }
        return verdict
    }

    /// Queues the new items and notes where they are.
    private mutating func write(
        _ batch: borrowing PendingBatch, _ new: [Int32], to log: EventLog, _ result: inout Appended
    ) -> CollectRefusal? {
        guard !new.isEmpty else { return nil }
        let source = batch.context.source
        var items: [Int32] = []
        var drafts = DraftBatch()
        var ticking = pace
        if new.count == batch.drafts.count && batch.context.pace != .asIfLive {
            drafts = batch.drafts
        } else {
            drafts.reserve(new.count, tailBytes: batch.draftBytes)
            for place in new {
                if batch.context.pace == .asIfLive,
                    let tick = ticking.tick(before: batch.received[Int(place)])
                {
                    drafts.append(tick)
                    items.append(-1)
                }
                drafts.append(Int(place), of: batch.drafts)
                items.append(place)
            }
        }
        let ticket: AppendTicket
        do throws(AppendRefusal) {
            ticket = try log.append(drafts)
        } catch {
            return CollectRefusal(error)
        }
        pace = ticking
        pace.noteEvents(batch.context.pace)
        let first = ticket.first.value
        for place in 0..<drafts.count {
            let keys = drafts.keyRange(place)
            // A tick has no message id.
            guard !keys.isEmpty else { continue }
            index.insert(hash: drafts.keys[keys.lowerBound], offset: first + UInt64(place))
            let item = items.isEmpty ? place : Int(items[place])
            if batch.hasPlace(item) {
                index.insert(
                    hash: drafts.keys[keys.lowerBound + 1], offset: first + UInt64(place))
            }
        }
        recent.append(
            RecentMessages.Batch(
                source: source, first: first, count: drafts.count, items: items, ids: batch.ids,
                places: batch.places, sums: batch.bodySums),
            durableEnd: log.durableEnd.value)
        let last = first + UInt64(drafts.count) - 1
        result.last = Offset(last)
        result.waitFor(last)
        return nil
    }
}

extension CollectRefusal {
    init(_ refusal: AppendRefusal) {
        switch refusal {
        case .full: self = .busy(retryAfterSeconds: 1)
        // Somebody has to make room first.
        case .diskFull: self = .busy(retryAfterSeconds: 15)
        default: self = .logFailed("\(refusal)")
        }
    }
}

/// How many items came to what, since the collector was opened.
public struct CollectCounts: Sendable, Equatable {
    public var requests: UInt64 = 0
    public var accepted: UInt64 = 0
    public var duplicates: UInt64 = 0
    /// Of the duplicates, those with another payload.
    public var conflicts: UInt64 = 0
    public var suppressed: UInt64 = 0
    public var rejected: UInt64 = 0
    /// Of those, how many for what.
    public var refusals = RefusalCounts()

    public init() {}

    mutating func add(_ outcome: CollectOutcome) {
        requests += 1
        accepted += UInt64(outcome.accepted)
        duplicates += UInt64(outcome.duplicates)
        conflicts += UInt64(outcome.conflicts.count)
        suppressed += UInt64(outcome.suppressed)
        rejected += UInt64(outcome.rejectedCount)
        refusals.add(outcome.refusals)
    }
}
