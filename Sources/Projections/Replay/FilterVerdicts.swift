import CustomerModel
public import EventLog
import Synchronization

/// Where a simulation finds the lines that a filter must be asked about.
public struct LineSource {
    /// Calls its second argument with the offset and the line of each record of a range, in order.
    package typealias Read = (
        Range<UInt64>, (UInt64, UnsafeRawBufferPointer) throws -> Void
    ) throws -> Void

    let read: Read

    package init(_ read: @escaping Read) { self.read = read }

    /// Reads a log; blocking. Frames without a line that is asked for are not read.
    public init(_ log: EventLog) {
        read = { range, body in
            var reader = log.makeReader()
            _ = try reader.forEach(
                from: Offset(range.lowerBound), to: Offset(range.upperBound), needs: .lines
            ) { view in
                try body(view.offset.value, view.line)
                return .next
            }
        }
    }
}

/// What filters said of the events that they were asked about: a bit an event, so that the same question needs
/// no line a second time and a later one only the lines that are new.
///
/// Nothing here is state: it may be lost at any time, and costs no more than reading again.
public final class FilterVerdicts: Sendable {
    /// What one condition said.
    struct Kept: Sendable {
        var condition: Condition
        /// By place of the decision columns: whether it was asked, and whether it held.
        var known = BitColumn()
        var holds = BitColumn()

        var lengthBytes: Int { known.lengthBytes + holds.lengthBytes }
    }

    private struct Shelf {
        /// The least recently used first.
        var kept: [Kept] = []
        /// Which state the places are those of.
        var state: UInt64 = 0
    }

    private let shelf = Mutex(Shelf())
    private let limitBytes: Int

    /// - Parameter limitBytes: what is kept at most; the least recently used goes first.
    public init(limitBytes: Int = 64 << 20) { self.limitBytes = limitBytes }

    /// What is known of a condition.
    ///
    /// - Parameter state: which state asks; what another one knew is forgotten.
    func kept(_ condition: Condition, of state: UInt64) -> Kept {
        shelf.withLock { shelf in
            if shelf.state != state { shelf = Shelf(state: state) }
            return shelf.kept.first { $0.condition == condition } ?? Kept(condition: condition)
        }
    }

    func keep(_ kept: Kept, of state: UInt64) {
        shelf.withLock { shelf in
            guard shelf.state == state, kept.lengthBytes <= limitBytes else { return }
            shelf.kept.removeAll { $0.condition == kept.condition }
            shelf.kept.append(kept)
            while shelf.kept.reduce(0, { $0 + $1.lengthBytes }) > limitBytes {
                shelf.kept.removeFirst()
            }
        }
    }

    /// How many bytes are kept.
    public var lengthBytes: Int { shelf.withLock { $0.kept.reduce(0) { $0 + $1.lengthBytes } } }
}

/// How a simulation asks filters that nobody asked before.
public struct FilterReading {
    let lines: LineSource
    let verdicts: FilterVerdicts
    let state: UInt64

    /// - Parameter state: tells apart the states that the same `verdicts` are used for.
    public init(_ lines: LineSource, keeping verdicts: FilterVerdicts, of state: UInt64 = 0) {
        self.lines = lines
        self.verdicts = verdicts
        self.state = state
    }
}
