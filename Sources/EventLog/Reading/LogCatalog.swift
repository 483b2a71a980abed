import Synchronization

/// One segment as readers find it.
struct SegmentHandle: Sendable {
    enum Content: Sendable {
        case live(LiveSegment)
        case sealed(Manifest.Entry)
        /// Its file cannot be used at all.
        case lost(Damage)
    }

    var base: UInt64
    /// The first offset after it; nil while it is the active one.
    var end: UInt64?
    var content: Content
    /// Of a closed segment, or a lost one: as the manifest names it.
    var closed: Manifest.Entry?
    /// What recovery found bad inside it.
    var damages: [Damage] = []

    /// Closed and whole. A damaged one stays open: nothing can be said of what it lacks.
    var waitsForSeal: Bool {
        if case .live = content { end != nil && damages.isEmpty } else { false }
    }

    var fileName: String {
        switch content {
        case .live(let live): live.file.name
        case .sealed(let entry): entry.fileName
        case .lost(let damage): damage.file
        }
    }
}

/// What readers share: the durable end, the list of segments, and the few sealed ones that are open.
final class LogCatalog: Sendable {
    /// How many sealed segments stay open. Each costs a descriptor and about 60 KiB.
    private static let openSealedSegments = 256

    private struct OpenSegments {
        var segments: [String: (segment: SealedSegment, lastUse: UInt64)] = [:]
        var clock: UInt64 = 0
    }

    let storage: any LogStorage
    private let durable: Atomic<UInt64>
    private let segments: Mutex<[SegmentHandle]>
    private let opened = Mutex(OpenSegments())

    init(storage: any LogStorage, segments: [SegmentHandle], durableEnd: UInt64) {
        self.storage = storage
        self.segments = Mutex(segments)
        durable = Atomic(durableEnd)
    }

    /// The first offset that is not durable. Whoever takes the segments after it finds all before it.
    var durableEnd: UInt64 { durable.load(ordering: .acquiring) }

    func setDurableEnd(_ end: UInt64) { durable.store(end, ordering: .releasing) }

    /// The segments now, ascending; immutable in the caller's hands.
    var snapshot: [SegmentHandle] { segments.withLock { $0 } }

    func replace(with handles: [SegmentHandle]) { segments.withLock { $0 = handles } }

    /// As ``replace(with:)``; the files of these names are gone and need not stay open.
    func replace(with handles: [SegmentHandle], forgetting names: [String]) {
        replace(with: handles)
        opened.withLock { opened in
            for name in names { opened.segments[name] = nil }
        }
    }

    /// The form that a segment has now, when its file is no longer `handle`'s.
    func replacement(of handle: SegmentHandle) -> SegmentHandle? {
        snapshot.first { $0.base == handle.base && $0.fileName != handle.fileName }
    }

    private func edition(after entry: Manifest.Entry) -> Manifest.Entry? {
        for handle in snapshot where handle.base == entry.base {
            if case .sealed(let now) = handle.content, now.edition > entry.edition { return now }
        }
        return nil
    }

    /// The open form of a sealed segment; opened now if it is not among the recent ones.
    func sealed(_ entry: Manifest.Entry) throws(LogError) -> SealedSegment {
        let name = entry.fileName
        let known = opened.withLock { opened -> SealedSegment? in
            opened.clock += 1
            opened.segments[name]?.lastUse = opened.clock
            return opened.segments[name]?.segment
        }
        if let known { return known }
        let segment: SealedSegment
        do throws(LogError) { segment = try SealedSegment(entry, in: storage) } catch {
            // A reader's list of segments may be older than a rewrite, which took this file away.
            guard let newer = edition(after: entry) else { throw error }
            return try sealed(newer)
        }
        opened.withLock { opened in
            opened.segments[name] = (segment, opened.clock)
            guard opened.segments.count > Self.openSealedSegments,
                let oldest = opened.segments.min(by: { $0.value.lastUse < $1.value.lastUse })
            else { return }
            opened.segments[oldest.key] = nil
        }
        return segment
    }
}
