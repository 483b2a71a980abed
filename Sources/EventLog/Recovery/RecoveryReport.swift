/// What opening a log found and did.
public struct RecoveryReport: Sendable, Hashable {
    public enum Finding: Sendable, Hashable, CustomStringConvertible {
        /// There was no log here; now there is.
        case created
        /// An unfinished write was cut. Nothing in it was ever acknowledged.
        case tear(file: String, position: UInt64, bytes: UInt64)
        /// The last commit was whole in length but bad, and was cut. It may have been acknowledged:
        /// somebody may have been told that `offsets` are kept (L4).
        case possiblyAcknowledged(
            file: String, position: UInt64, bytes: UInt64, offsets: Range<UInt64>)
        /// Bytes below the durable end are bad. They stay where they are; reading them throws.
        case damage(Damage)
        /// The unfinished work of a crash was removed.
        case removed(file: String, reason: String)
        /// A file that is not the log's; left alone.
        case foreign(file: String)

        public var description: String {
            switch self {
            case .created: "a new log was created"
            case .tear(let file, let position, let bytes):
                "an unfinished write of \(bytes) bytes was cut off \(file) at byte \(position)"
            case .possiblyAcknowledged(let file, let position, let bytes, let offsets):
                "the last commit in \(file) is bad from byte \(position); \(bytes) bytes, offsets "
                    + "\(offsets.lowerBound)..<\(offsets.upperBound), were cut and may have been "
                    + "acknowledged"
            case .damage(let damage): damage.description
            case .removed(let file, let reason): "\(file) was removed: \(reason)"
            case .foreign(let file): "\(file) is not the log's and was left alone"
            }
        }
    }

    public var findings: [Finding] = []
    /// The first offset that will be given out.
    public var durableEnd = Offset(0)

    /// All damage that was found.
    public var damages: [Damage] {
        findings.compactMap { if case .damage(let damage) = $0 { damage } else { nil } }
    }

    public init() {}
}
