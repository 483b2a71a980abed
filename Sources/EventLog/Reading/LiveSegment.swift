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
        /// By name symbol, the frames that hold it; dropped with the index.
        var nameFrames: [UInt16: [UInt32]] = [:]
        /// Frames whose columns are damaged: they may hold anything.
        var unknownFrames: [UInt32] = []
        /// Bytes of the file that are durable.
        var fileLength: UInt64
        var rawBytes: UInt64 = 0
        /// Keys of all records, repeats too.
        var keyCount = 0
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

    /// What a frame holds, for look-ups.
    enum Contents {
        case known(keys: [UInt64], names: [UInt16])
        /// Its columns are damaged.
        case unknown
    }

    /// Adds a durable frame and what is in it.
    func publish(_ frame: FrameEntry, _ contents: Contents, fileLength: UInt64) {
        state.withLock { state in
            let number = UInt32(state.frames.count)
            state.frames.append(frame)
            switch contents {
            case .known(let keys, let names):
                state.keyCount += keys.count
                state.index?.touch(keys)
                for key in keys where state.index?.add(key, frame: number) == false {
                    state.index = nil
                }
                if state.index != nil {
                    for name in names { state.nameFrames[name, default: []].append(number) }
                }
            case .unknown: state.unknownFrames.append(number)
            }
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
    func frames(of hash: UInt64) -> [Int]? {
        state.withLock { state in
            state.index.map { Self.merged($0.frames(of: hash), state.unknownFrames) }
        }
    }

    /// The frames that may hold a record of that name, ascending; nil: any. A record whose name has no
    /// symbol may be it.
    func frames(ofName name: String) -> [Int]? {
        let symbol = names.symbol(of: name)
        return state.withLock { state in
            guard state.index != nil else { return nil }
            let named = symbol.map { state.nameFrames[$0, default: []] } ?? []
            let unnamed = state.nameFrames[LogFormat.noSymbol, default: []]
            return Self.merged(named.map(Int.init), unnamed + state.unknownFrames)
        }
    }

    private static func merged(_ found: [Int], _ others: [UInt32]) -> [Int] {
        others.isEmpty ? found : Set(found + others.map(Int.init)).sorted()
    }

    /// Gives the index's memory back. For closed segments that wait long to be sealed.
    func dropIndex() {
        state.withLock { state in
            state.index = nil
            state.nameFrames = [:]
        }
    }
}

/// The names behind a segment's symbols. Grows only.
final class SegmentNames: Sendable {
    private let names = Mutex<[String?]>([])

    /// The name, or nil when the symbol has none: the line has to be read.
    func name(_ symbol: UInt16) -> String? {
        names.withLock { Int(symbol) < $0.count ? $0[Int(symbol)] : nil }
    }

    var count: Int { names.withLock { $0.count } }

    /// The symbol of a name, or nil when it has none.
    func symbol(of name: String) -> UInt16? {
        names.withLock { $0.firstIndex(of: name).flatMap(UInt16.init(exactly:)) }
    }

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
