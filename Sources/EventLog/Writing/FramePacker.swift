import Hashing

/// Compresses frames of a commit on a second thread while the next are gathered: of a large commit that is
/// half of the work. A commit of one frame never meets that thread.
///
/// Owned by the writer's thread. Frames are packed in any order; the builder puts them in theirs.
final class FramePacker {
    /// One pair in the making. From ``submit(_:)`` until it is packed it is not the builder's.
    final class Frame: @unchecked Sendable {
        var lines = GrowingBytes(capacity: 288 << 10)
        /// Room for the companion's header, then its columns section; packing adds the data frame.
        var pair = GrowingBytes(capacity: 128 << 10)
        fileprivate(set) var dataLength = 0
        fileprivate(set) var dataCRC: UInt32 = 0
        /// Written by who packed it, under the lock.
        fileprivate var isPacked = false

        func removeAll() {
            lines.removeAll()
            pair.removeAll()
            isPacked = false
        }
    }

    private struct State {
        var waiting: [Frame] = []
        var isPacking = false
        var isStopped = false
    }

    /// More would only take memory: then the builder packs too.
    private static let waitingLimit = 2

    private let monitor = Monitor(State())
    private let lz4 = LZ4State()
    private var thread: OwnThread?

    deinit {
        monitor.withLock { $0.isStopped = true }
        monitor.wake(.work)
        thread?.join()
    }

    /// Packs `frame` soon, on whichever thread.
    func submit(_ frame: Frame) {
        let isTaken = monitor.withLock { state in
            guard state.waiting.count < Self.waitingLimit else { return false }
            state.waiting.append(frame)
            return true
        }
        guard isTaken else { return pack(frame) }
        if thread == nil {
            let monitor = monitor
            thread = OwnThread(.normal) { Self.run(monitor) }
        }
        monitor.wake(.work)
    }

    /// Packs `frame` now, on this thread.
    func pack(_ frame: Frame) {
        Self.compress(frame, with: lz4)
        monitor.withLock { _ in frame.isPacked = true }
    }

    func isPacked(_ frame: Frame) -> Bool { monitor.withLock { _ in frame.isPacked } }

    /// Packs what still waits, and returns when everything submitted is packed.
    func finish() {
        while let frame = monitor.withLock({ $0.waiting.popLast() }) { pack(frame) }
        _ = monitor.wait(on: .progress, milliseconds: nil) { $0.isPacking ? nil : true }
    }

    /// The second thread's body.
    private static func run(_ monitor: Monitor<State>) {
        let lz4 = LZ4State()
        while let frame = next(monitor) {
            compress(frame, with: lz4)
            monitor.withLock { state in
                frame.isPacked = true
                state.isPacking = false
            }
            monitor.wake(.progress)
        }
    }

    /// Nil when the packer goes.
    private static func next(_ monitor: Monitor<State>) -> Frame? {
        monitor.wait(on: .work, milliseconds: nil) { state -> Frame?? in
            if state.isStopped { return .some(nil) }
            guard !state.waiting.isEmpty else { return nil }
            state.isPacking = true
            return state.waiting.removeFirst()
        } ?? nil
    }

    private static func compress(_ frame: Frame, with lz4: LZ4State) {
        let start = frame.pair.count
        LZ4Frame.append(frame.lines.bytes, effort: .fast, with: lz4, to: &frame.pair)
        frame.dataLength = frame.pair.count - start
        frame.dataCRC = CRC32C.of(frame.pair.bytes.part(start..<frame.pair.count))
    }
}
