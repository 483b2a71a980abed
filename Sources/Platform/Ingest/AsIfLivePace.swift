internal import CustomerModel
internal import EventLog
internal import JSONText

/// Moves projection time along with a file that is played as if it were arriving (T2): a tick before the
/// first event that came a minute or more after the last tick, never backwards.
struct AsIfLivePace {
    /// What the newest event of the workspace is. Events as if live only go on top of their like, so the
    /// newest one speaks for all.
    enum Newest { case none, asIfLive, other }

    private static let interval: Int64 = 60_000_000
    /// A client that went away must not hold the workspace's own clock for ever.
    private static let silence = Duration.seconds(60)

    private(set) var newest: Newest
    /// The last tick of this file, or of the log at open.
    private var lastTick: Int64?
    /// The newest time that an event of this file brought.
    private var latest: Int64?
    private var lastBatch: ContinuousClock.Instant?

    init(newest: Newest, lastTick: Int64?) {
        self.newest = newest
        self.lastTick = lastTick
    }

    /// Whether a file may be played: nothing but its like is in the log, and no tick that would have to be
    /// taken back.
    var isAllowed: Bool { newest == .asIfLive || newest == .none && lastTick == nil }

    var isPlaying: Bool {
        guard let lastBatch else { return false }
        return lastBatch.duration(to: .now) < Self.silence
    }

    /// The tick that belongs before an event received at `time`; nil when less than a minute has gone by.
    mutating func tick(before time: Int64) -> RecordDraft? {
        latest = max(latest ?? time, time)
        if let lastTick {
            let (passed, overflowed) = time.subtractingReportingOverflow(lastTick)
            guard !overflowed, passed >= Self.interval else { return nil }
        }
        lastTick = time
        return Self.draft(at: time)
    }

    /// Notes that events were appended at this pace.
    mutating func noteEvents(_ pace: CollectContext.Pace) {
        newest = pace == .asIfLive ? .asIfLive : .other
        lastBatch = pace == .asIfLive ? .now : nil
    }

    /// The tick at the newest time; nil when the last one stood there already.
    mutating func finish() -> RecordDraft? {
        lastBatch = nil
        guard let latest, latest > lastTick ?? .min else { return nil }
        lastTick = latest
        return Self.draft(at: latest)
    }

    private static func draft(at time: Int64) -> RecordDraft {
        let moment = Timestamp(microseconds: time)
        return RecordDraft(
            kind: TickRecord.kind.rawValue, source: RecordTail.controlSource,
            name: TickRecord.kind.name, occurred: time, keys: [],
            tail: TickRecord(time: moment, asIfLive: true).tail(received: moment))
    }
}
