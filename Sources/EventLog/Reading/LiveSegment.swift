import Synchronization

/// A segment that is written, or closed and not yet sealed: what readers and sealer see of it.
///
/// The writer publishes frames only after the fdatasync that covers them, so nothing here is past the
/// durable end (L5). Readers hold the file open, so it may be unlinked under them.
final class LiveSegment: Sendable {
    struct State {
        var frames: [FrameEntry] = []
        /// Nil once dropped to save memory: then every frame may hold a key.
        var index: KeyIndex? = KeyIndex()
        /// Bytes of the file that are durable.
        var fileLength: UInt64
        var rawBytes: UInt64 = 0
        /// The CRC of the last companion header.
        var chainEnd: UInt32
    }

    let base: UInt64
    let incarnation: UInt64
    let file: any LogFile
    let names = SegmentNames()
    private let state: Mutex<State>

    init(
        base: UInt64, incarnation: UInt64, file: any LogFile, fileLength: UInt64, chain: UInt32
    ) {
        self.base = base
        self.incarnation = incarnation
        self.file = file
        state = Mutex(State(fileLength: fileLength, chainEnd: chain))
    }

    func withState<R>(_ body: (inout sending State) -> sending R) -> sending R {
        state.withLock { body(&$0) }
    }

    /// Adds a durable frame and the keys in it.
    func publish(_ frame: FrameEntry, keys: [UInt64], fileLength: UInt64) {
        state.withLock { state in
            let number = UInt32(state.frames.count)
            state.frames.append(frame)
            for key in keys { state.index?.add(key, frame: number) }
            state.rawBytes += UInt64(frame.rawLength)
            state.fileLength = fileLength
            state.chainEnd = frame.headerCRC
        }
    }

    /// Appends to `known` the frames that it does not have yet. Returns the durable file length.
    func catchUp(_ known: inout [FrameEntry]) -> UInt64 {
        let (new, length) = state.withLock { state in
            (Array(state.frames.dropFirst(known.count)), state.fileLength)
        }
        known.append(contentsOf: new)
        return length
    }

    /// The frames that may hold a key hash, ascending; nil: any.
    func frames(of hash: UInt64) -> [Int]? { state.withLock { $0.index?.frames(of: hash) } }

    /// Gives the index's memory back. For closed segments that wait long to be sealed.
    func dropIndex() { state.withLock { $0.index = nil } }
}

/// The names behind a segment's symbols. Grows only.
final class SegmentNames: Sendable {
    private let names = Mutex<[String?]>([])

    /// The name, or nil when the symbol has none: the line has to be read.
    func name(_ symbol: UInt16) -> String? {
        names.withLock { Int(symbol) < $0.count ? $0[Int(symbol)] : nil }
    }

    var count: Int { names.withLock { $0.count } }

    /// Sets the names from number `first` on. A gap (their frame is damaged) stays without names.
    func set(_ new: [String], from first: Int) {
        names.withLock { names in
            while names.count < first { names.append(nil) }
            for (place, name) in new.enumerated() {
                if first + place < names.count {
                    names[first + place] = name
                } else {
                    names.append(name)
                }
            }
        }
    }

    /// All names; a hole is an empty text, so that the numbers stay.
    var all: [String] { names.withLock { $0.map { $0 ?? "" } } }
}
