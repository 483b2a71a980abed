import Glibc
import NIOPosix

/// The files of `file` destinations, all under one directory, and the one thread that touches them.
///
/// One thread for all of them, so that two lanes which write to one file do not cut each other's lines.
public final class OutputFiles: Sendable {
    private let root: String
    private let thread: NIOThreadPool

    /// - Parameter root: the directory `outputs`; made, with mode 0700, when first needed.
    public init(root: String) {
        self.root = root
        thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
    }

    /// Does `body` with the file at `path`, opened and where needed made, on the thread.
    func withFile<Result: Sendable>(
        _ path: OutputPath, _ mode: OutputFile.Mode,
        _ body: @escaping @Sendable (borrowing OutputFile) throws(FileFault) -> Result
    ) async throws -> Result {
        let root = root
        return try await thread.runIfActive {
            let file = try OutputFile(root: root, path: path, mode: mode)
            return try body(file)
        }
    }

    /// Ends the thread after what it does now. No other call follows.
    public func close() async throws { try await thread.shutdownGracefully() }
}

/// A place under the output directory: names without `..`, so it cannot lead out.
struct OutputPath: Equatable, Sendable {
    let names: [String]

    init(_ text: String) throws(LaneHold) {
        let names = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let isSound = names.allSatisfy { name in
            !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255
                && !name.utf8.contains(0)
        }
        guard isSound, names.count <= 16 else {
            throw LaneHold(
                "the file destination's path must be relative, within outputs/, and without '.' and '..'"
            )
        }
        self.names = names
    }
}

/// A file call that failed, with the system's error number.
struct FileFault: Error, Equatable, Sendable {
    var call: String
    var code: Int32

    /// Says so in words that hold no path.
    var reason: String {
        switch code {
        case ENOSPC, EDQUOT: "disk full"
        case ENOENT: "no such file"
        case EACCES, EPERM: "not permitted"
        case ELOOP: "a symbolic link stands in the path"
        case ENOTDIR: "a file stands where a directory should"
        case EROFS: "the file system is read-only"
        default: "\(call) failed with error \(code)"
        }
    }
}
