internal import CustomerModel
public import EventLog
internal import JSONText
internal import Synchronization

extension Collector {
    /// Rebuilds what the collector knows from the log's columns, up to its durable end (L5): every message
    /// id's hash, the suppressed subjects, and what the newest event is.
    ///
    /// Blocks for about a second per ten million events; call it on a thread of your own.
    ///
    public static func open(
        log: EventLog, rejects: RejectFile, limits: CollectLimits = CollectLimits()
    ) throws -> Collector {
        try open(log: log, rejects: rejects, limits: limits, keyMask: .max)
    }

    /// The same; a test narrows `keyMask`, so that unlike message ids share a hash.
    package static func open(
        log: EventLog, rejects: RejectFile, limits: CollectLimits, keyMask: UInt64
    ) throws -> Collector {
        try opening(log: log, rejects: rejects, limits: limits, keyMask: keyMask).collector
    }

    /// The same, with what could not be read on the way.
    ///
    /// - Parameter suppressionFile: who is in it is suppressed too, whether the log says so or not; who is
    ///   only in the log is added to it.
    package static func opening(
        log: EventLog, rejects: RejectFile, limits: CollectLimits,
        suppressionFile: SuppressionFile? = nil, keyMask: UInt64 = .max
    ) throws -> (collector: Collector, damages: [Damage]) {
        var opener = CollectorOpener(log: log)
        try opener.scan()
        let recorded = try opener.suppressions()
        let suppressions = SuppressionList()
        for record in recorded { suppressions.insert(type: record.type, value: record.value) }
        if let suppressionFile {
            let now = Timestamp.now()
            try suppressionFile.add(
                recorded.map {
                    SuppressionFile.Entry(type: $0.type, value: $0.value, by: $0.by, at: now)
                })
            for entry in suppressionFile.entries {
                suppressions.insert(type: entry.type, value: entry.value)
            }
        }
        let pace = AsIfLivePace(newest: try opener.newest(), lastTick: opener.newestTick)
        let collector = Collector(
            log: log, rejects: rejects, suppressions: suppressions, limits: limits,
            keyMask: keyMask,
            state: CollectorState(index: opener.index, recent: RecentMessages(), pace: pace))
        return (collector, opener.damages)
    }
}
