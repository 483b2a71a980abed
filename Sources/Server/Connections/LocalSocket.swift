private import Glibc

/// The socket in the data directory through which local commands reach a running server.
///
/// The directory is 0700, so who can reach it owns the data.
public enum LocalSocket {
    public enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        case inUse(path: String)
        case pathTooLong(path: String, limitBytes: Int)
        case system(call: String, path: String, errorNumber: Int32)

        public var description: String {
            switch self {
            case .inUse(let path):
                "a server is already running on this data directory (\(path) answers): "
                    + "stop it first"
            case .pathTooLong(let path, let limit):
                "\(path) is longer than the \(limit) bytes that a socket's path may have: "
                    + "use a shorter --data directory"
            case .system(let call, let path, let number):
                "\(call) of \(path) failed: \(String(cString: strerror(number)))"
            }
        }
    }

    /// Whether somebody answers at `path`.
    public static func answers(_ path: String) throws(Failure) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard path.utf8.count <= room else {
            throw .pathTooLong(path: path, limitBytes: room)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else {
            throw .system(call: "socket", path: path, errorNumber: errno)
        }
        defer { close(descriptor) }
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if code == 0 { return true }
        switch errno {
        // No file; a file that nobody listens on, left by a crash; no socket at all.
        case ENOENT, ECONNREFUSED, ENOTSOCK: return false
        // Somebody listens, and is busy.
        case EAGAIN: return true
        case let number: throw .system(call: "connect", path: path, errorNumber: number)
        }
    }

    /// Makes `path` free to listen on.
    ///
    /// - Throws: ``Failure/inUse(path:)`` when a server answers there.
    static func prepare(_ path: String) throws(Failure) {
        guard try !answers(path) else { throw .inUse(path: path) }
        guard unlink(path) == 0 || errno == ENOENT else {
            throw .system(call: "unlink", path: path, errorNumber: errno)
        }
    }

    /// Only the owner may connect, whatever the directory's mode.
    static func restrict(_ path: String) throws(Failure) {
        guard chmod(path, 0o600) == 0 else {
            throw .system(call: "chmod", path: path, errorNumber: errno)
        }
    }

    /// Removes the socket's file when the server ends.
    static func remove(_ path: String) { unlink(path) }
}
