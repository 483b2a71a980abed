private import Glibc

/// Why a file that must be private was not read or written.
public enum PrivateFileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Others than the owner may read or write it.
    case tooOpen(path: String, mode: UInt32)
    /// It is longer than anything this platform writes there.
    case tooLong(path: String, limitBytes: Int)
    /// A call of the operating system failed.
    case system(call: String, path: String, errorNumber: Int32)

    /// What failed, where, and what to do.
    public var description: String {
        switch self {
        case .tooOpen(let path, let mode):
            "\(path) can be read or written by others (mode 0\(String(mode, radix: 8))): "
                + "run chmod 600 on it"
        case .tooLong(let path, let limit):
            "\(path) is longer than \(limit) bytes: it is not the file that belongs there"
        case .system(let call, let path, let number):
            "\(call) of \(path) failed: \(String(cString: strerror(number)))"
        }
    }
}

/// Small files that only their owner may read (mode 0600), replaced as a whole.
///
/// Calls block; they are for start-up, operators' commands and SIGHUP, never for the way of an event.
package enum PrivateFile {
    /// The largest file that is read.
    package static let limitBytes = 16 << 20

    /// The file's bytes, or nil when there is none.
    ///
    /// - Throws: ``PrivateFileError/tooOpen(path:mode:)`` when group or others have any right on it.
    package static func read(_ path: String, limitBytes: Int = PrivateFile.limitBytes)
        throws(PrivateFileError) -> [UInt8]?
    {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 {
            if errno == ENOENT { return nil }
            throw .system(call: "open", path: path, errorNumber: errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .system(call: "stat", path: path, errorNumber: errno)
        }
        // The open descriptor is judged, not the name, so that nobody can swap the file in between.
        guard status.st_mode & 0o077 == 0 else {
            throw .tooOpen(path: path, mode: status.st_mode & 0o777)
        }
        guard status.st_size <= limitBytes else {
            throw .tooLong(path: path, limitBytes: limitBytes)
        }
        var out: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let got = Glibc.read(descriptor, &chunk, chunk.count)
            if got < 0 {
                if errno == EINTR { continue }
                throw .system(call: "read", path: path, errorNumber: errno)
            }
            if got == 0 { return out }
            out.append(contentsOf: chunk[..<got])
            guard out.count <= limitBytes else {
                throw .tooLong(path: path, limitBytes: limitBytes)
            }
        }
    }

    /// Replaces the file: a crash leaves the old one or the new one, whole.
    package static func replace(_ path: String, with bytes: [UInt8]) throws(PrivateFileError) {
        let fresh = path + ".new"
        let descriptor = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw .system(call: "open", path: fresh, errorNumber: errno)
        }
        var isOpen = true
        defer { if isOpen { close(descriptor) } }
        // A leftover from a crash may have had another mode.
        guard fchmod(descriptor, 0o600) == 0 else {
            throw .system(call: "chmod", path: fresh, errorNumber: errno)
        }
        try write(bytes, to: descriptor, fresh)
        guard fsync(descriptor) == 0 else {
            throw .system(call: "fsync", path: fresh, errorNumber: errno)
        }
        isOpen = false
        guard close(descriptor) == 0 else {
            throw .system(call: "close", path: fresh, errorNumber: errno)
        }
        guard rename(fresh, path) == 0 else {
            throw .system(call: "rename", path: fresh, errorNumber: errno)
        }
        try syncDirectory(of: path)
    }

    /// Adds `bytes` at the end of the file, made when absent; returns when they are durable. A crash may leave
    /// a part of them, an error leaves none.
    package static func append(_ bytes: [UInt8], to path: String) throws(PrivateFileError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw .system(call: "open", path: path, errorNumber: errno)
        }
        defer { close(descriptor) }
        let end = lseek(descriptor, 0, SEEK_END)
        do throws(PrivateFileError) {
            try write(bytes, to: descriptor, path)
            guard fsync(descriptor) == 0 else {
                throw .system(call: "fsync", path: path, errorNumber: errno)
            }
        } catch {
            // Half a line in the middle would make the file unreadable; if even this fails, opening says so.
            _ = ftruncate(descriptor, end)
            throw error
        }
        try syncDirectory(of: path)
    }

    private static func write(
        _ bytes: [UInt8], to descriptor: Int32, _ path: String
    ) throws(PrivateFileError) {
        var written = 0
        while written < bytes.count {
            let put = bytes.withUnsafeBytes {
                Glibc.write(
                    descriptor, $0.baseAddress.unsafelyUnwrapped + written, $0.count - written)
            }
            if put < 0 {
                if errno == EINTR { continue }
                throw .system(call: "write", path: path, errorNumber: errno)
            }
            written += put
        }
    }

    private static func syncDirectory(of path: String) throws(PrivateFileError) {
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .system(call: "open", path: directory, errorNumber: errno)
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw .system(call: "fsync", path: directory, errorNumber: errno)
        }
    }
}
