/// Why a file cannot be read, or not be read further. Everything before the place was delivered.
public enum FeedError: Error, Equatable, Sendable {
    /// The system refused to open it.
    case cannotOpen(path: String, reason: String)
    /// The system refused to read it. `position` counts bytes of the file as it lies on disk.
    case cannotRead(path: String, position: Int64, reason: String)
    /// The file ends inside a gzip member: it was cut off.
    case gzipTruncated(path: String, position: Int64)
    /// Not gzip after all, a checksum that does not match, or something else behind the last
    /// member. Of the damaged member, what came before the place was delivered, and only now is it
    /// known to be damaged.
    case gzipCorrupt(path: String, position: Int64, reason: String)
    /// A CSV file without a header row that can be used.
    case badHeader(path: String, reason: String)
}

extension FeedError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .cannotOpen(let path, let reason):
            "\(path) cannot be opened: \(reason)"
        case .cannotRead(let path, let position, let reason):
            "\(path) cannot be read past byte \(position): \(reason)"
        case .gzipTruncated(let path, let position):
            "\(path) is cut off: its gzip data ends too early, at byte \(position)"
        case .gzipCorrupt(let path, let position, let reason):
            "\(path) is damaged at about byte \(position) of its gzip data: \(reason)"
        case .badHeader(let path, let reason):
            "\(path) has no usable header row: \(reason)"
        }
    }
}
