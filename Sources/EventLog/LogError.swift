/// Bytes that are bad where they must be good: named, never dropped (MEANINGS.md L4).
public struct Damage: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file's name inside the log's directory.
    public var file: String
    /// The byte in that file at which the bad structure begins.
    public var position: UInt64
    /// The offsets that cannot be trusted; empty when no record is touched.
    public var offsets: Range<UInt64>
    /// What is wrong, in a few words.
    public var reason: String

    public init(file: String, position: UInt64, offsets: Range<UInt64>, reason: String) {
        self.file = file
        self.position = position
        self.offsets = offsets
        self.reason = reason
    }

    public var description: String {
        let touched =
            offsets.isEmpty ? "no record" : "offsets \(offsets.lowerBound)..<\(offsets.upperBound)"
        return "\(file) is damaged at byte \(position) (\(reason)); \(touched) cannot be trusted"
    }
}

/// What went wrong with a log's files.
public enum LogError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another process writes this log.
    case locked(holder: Int32?)
    /// An operation on a file failed with an error of the operating system.
    case storage(StorageError)
    /// Bad bytes where good ones must be.
    case damaged(Damage)
    /// The manifest cannot be used, so nothing can be said about the segments.
    case manifest(String)
    /// The file was written by a newer version of this program.
    case unsupportedVersion(file: String, version: UInt8)
    /// The log was closed before this could be done.
    case closed
    /// What was asked for cannot be done; nothing was changed.
    case refused(String)

    public var description: String {
        switch self {
        case .locked(let holder):
            let who = holder.map { "process \($0)" } ?? "another process"
            return "the log is open in \(who); stop it, or talk to it through its socket"
        case .storage(let error): return error.description
        case .damaged(let damage): return damage.description
        case .manifest(let reason): return "the log's manifest cannot be used: \(reason)"
        case .unsupportedVersion(let file, let version):
            return "\(file) has format version \(version); this program reads version 1"
        case .closed: return "the log is closed"
        case .refused(let reason): return reason
        }
    }
}

/// A failed operation on a file.
public struct StorageError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Operation: String, Sendable {
        case open, create, read, write, sync, truncate, rename, unlink, list, syncDirectory, lock
        case makeDirectory
    }
    public var operation: Operation
    /// The file's name inside the log's directory, or the directory itself.
    public var file: String
    /// `errno`; 0 when the storage itself refused (a crashed storage of a test).
    public var code: Int32
    /// What the operating system says.
    public var reason: String

    public init(operation: Operation, file: String, code: Int32, reason: String) {
        self.operation = operation
        self.file = file
        self.code = code
        self.reason = reason
    }

    public var description: String { "could not \(operation.rawValue) \(file): \(reason)" }
}

/// Why an append was not taken. Nothing was given an offset.
public enum AppendRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// The queue is over its bound: ask again later.
    case full
    /// The disk is full; reads go on, and appends are taken again once there is space.
    case diskFull
    /// A write or fsync failed. Final: the log must be opened anew.
    case failed(LogError)
    /// The log was closed.
    case closed
    /// The incarnation has given out all of its offsets. A backup that is restored goes on in the next one.
    case exhausted
    /// Draft number `index` of the call passes a limit of the format.
    case invalid(index: Int, reason: String)

    public var description: String {
        switch self {
        case .full: "the log's queue is full"
        case .diskFull: "the log's disk is full"
        case .failed(let error): "the log has failed and takes no more appends: \(error)"
        case .closed: "the log is closed"
        case .exhausted: "the log's incarnation has no offsets left; back it up and restore it"
        case .invalid(let index, let reason): "record \(index) of the append: \(reason)"
        }
    }
}
