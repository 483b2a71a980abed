import CustomerModel

/// One record as the fold takes it: its columns and its line.
///
/// Unchecked only for the pointers: a record is applied by the thread that read it, before the next one
/// is read.
public struct FoldRecord: @unchecked Sendable {
    public var offset: UInt64
    public var kind: UInt8
    /// Microseconds; the log's own clock (L6).
    public var recorded: Int64
    /// Microseconds; the client's time, corrected (T1).
    public var occurred: Int64
    public var source: String
    public var name: String
    /// Valid only while the record is applied, as is the line.
    public var keys: UnsafeBufferPointer<UInt64>
    /// The whole line.
    public var line: UnsafeRawBufferPointer

    public init(
        offset: UInt64, kind: UInt8, recorded: Int64, occurred: Int64, source: String,
        name: String, keys: UnsafeBufferPointer<UInt64>, line: UnsafeRawBufferPointer
    ) {
        self.offset = offset
        self.kind = kind
        self.recorded = recorded
        self.occurred = occurred
        self.source = source
        self.name = name
        self.keys = keys
        self.line = line
    }

    /// The event's name.
    func eventName(_ type: EventType) -> String { type.name(ofColumn: name) }
}

extension EventType {
    /// The name of an event of this type whose name column says this: it holds a type in angle brackets where the
    /// event has none.
    func name(ofColumn name: String) -> String {
        switch self {
        // Bytes first: few names begin so, and characters are dear.
        case .track, .page, .screen:
            name.utf8.first == 0x3C && name.first == "<" && name.last == ">" ? "" : name
        case .identify, .group, .alias: ""
        }
    }
}

/// What applying a record left to do.
public enum FoldStep: Equatable, Sendable {
    case done
    /// The record activated metrics that must count all of history (P1): whoever drives the fold reads
    /// every event below the record into ``FoldState/count(_:in:)`` and then calls
    /// ``FoldState/finishActivation(at:)``.
    case needsHistory(metrics: [Int])
}

/// A change that followers of a projection want to hear of. Not part of the state.
public enum ProjectionChange: Equatable, Sendable {
    case profile(node: UInt32)
    case merged(kept: UInt32, gone: UInt32)
    /// `gone` carries those who are a person of their own again.
    case split(kept: UInt32, gone: UInt32)
    case membership(index: Int)
    case policy(version: Int)
}
