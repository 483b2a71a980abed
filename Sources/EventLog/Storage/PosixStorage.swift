#if canImport(Glibc)
    import Glibc
#endif

/// A directory of the operating system. It is made with mode 0700, its files with 0600.
package struct PosixStorage: LogStorage {
    package let directory: String

    /// Makes the directory when it is absent, and its name durable in its parent.
    package init(directory: String) throws(StorageError) {
        self.directory = directory
        guard mkdir(directory, 0o700) != 0 else {
            let parent = directory.split(separator: "/").dropLast().joined(separator: "/")
            try Self.syncDirectory(
                at: directory.hasPrefix("/") ? "/" + parent : parent.isEmpty ? "." : parent)
            return
        }
        guard errno == EEXIST else { throw Self.failure(.makeDirectory, directory) }
    }

    /// A directory that is there.
    package init(existing directory: String) throws(StorageError) {
        self.directory = directory
        var status = stat()
        guard stat(directory, &status) == 0 else { throw Self.failure(.open, directory) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw StorageError(
                operation: .open, file: directory, code: ENOTDIR,
                reason: String(cString: strerror(ENOTDIR)))
        }
    }

    package func list() throws(StorageError) -> [String] {
        guard let stream = opendir(directory) else { throw Self.failure(.list, directory) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    package func create(_ name: String) throws(StorageError) -> any LogFile {
        try PosixFile(
            name, at: path(name), flags: O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, operation: .create)
    }

    package func open(
        _ name: String, for access: FileAccess
    ) throws(StorageError) -> any LogFile {
        let flags = (access == .writing ? O_RDWR : O_RDONLY) | O_CLOEXEC
        return try PosixFile(name, at: path(name), flags: flags, operation: .open)
    }

    package func rename(_ old: String, to new: String) throws(StorageError) {
        guard Glibc.rename(path(old), path(new)) == 0 else { throw Self.failure(.rename, old) }
    }

    package func unlink(_ name: String) throws(StorageError) {
        guard Glibc.unlink(path(name)) == 0 else { throw Self.failure(.unlink, name) }
    }

    package func syncDirectory() throws(StorageError) { try Self.syncDirectory(at: directory) }

    package func lock(_ name: String) throws(LogError) -> any LogLock {
        do throws(StorageError) {
            if let lock = try PosixLock(name, at: path(name)) { return lock }
        } catch { throw LogError.storage(error) }
        throw LogError.locked(holder: PosixLock.holder(at: path(name)))
    }

    private func path(_ name: String) -> String { directory + "/" + name }

    private static func syncDirectory(at path: String) throws(StorageError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(.syncDirectory, path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(.syncDirectory, path) }
    }

    fileprivate static func failure(
        _ operation: StorageError.Operation, _ file: String
    ) -> StorageError {
        let code = errno
        return StorageError(
            operation: operation, file: file, code: code, reason: String(cString: strerror(code)))
    }
}

extension StorageError {
    /// The disk, or the owner's share of it, is full, and the operation had no effect: what the log can
    /// wait out. A sync that fails is final, whatever its code.
    var isDiskFull: Bool {
        guard code == ENOSPC || code == EDQUOT else { return false }
        switch operation {
        case .write, .create, .rename, .makeDirectory: return true
        case .open, .read, .sync, .truncate, .unlink, .list, .syncDirectory, .lock: return false
        }
    }
    /// There is no such file.
    var isAbsent: Bool { code == ENOENT }
}

/// A descriptor; closed when the last reference goes.
private final class PosixFile: LogFile {
    let name: String
    private let descriptor: Int32

    init(
        _ name: String, at path: String, flags: Int32, operation: StorageError.Operation
    ) throws(StorageError) {
        self.name = name
        descriptor = open(path, flags, 0o600)
        guard descriptor >= 0 else { throw PosixStorage.failure(operation, name) }
    }

    deinit { close(descriptor) }

    func size() throws(StorageError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw PosixStorage.failure(.read, name) }
        return Int(status.st_size)
    }

    func write(
        _ bytes: UnsafeRawBufferPointer, at position: Int
    ) throws(StorageError) -> Int {
        while true {
            let count = pwrite(descriptor, bytes.baseAddress, bytes.count, position)
            if count > 0 || bytes.count == 0 { return count }
            guard count < 0, errno == EINTR else { throw PosixStorage.failure(.write, name) }
        }
    }

    func read(
        into room: UnsafeMutableRawBufferPointer, at position: Int
    ) throws(StorageError) -> Int {
        while true {
            let count = pread(descriptor, room.baseAddress, room.count, position)
            if count >= 0 { return count }
            guard errno == EINTR else { throw PosixStorage.failure(.read, name) }
        }
    }

    func truncate(to size: Int) throws(StorageError) {
        guard ftruncate(descriptor, size) == 0 else { throw PosixStorage.failure(.truncate, name) }
    }

    func sync() throws(StorageError) {
        guard fdatasync(descriptor) == 0 else { throw PosixStorage.failure(.sync, name) }
    }
}

/// flock(2) on a file that holds the holder's pid. The kernel lets go of it when the process ends.
private final class PosixLock: LogLock {
    private let descriptor: Int32

    /// Nil when somebody else holds it.
    init?(_ name: String, at path: String) throws(StorageError) {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw PosixStorage.failure(.lock, name) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            if errno == EWOULDBLOCK { return nil }
            throw PosixStorage.failure(.lock, name)
        }
        let pid = Array("\(getpid())\n".utf8)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, pid, pid.count, 0) == pid.count
        else {
            throw PosixStorage.failure(.lock, name)
        }
    }

    deinit { close(descriptor) }

    func release() { flock(descriptor, LOCK_UN) }

    /// The pid that the holder wrote, when it can be read.
    static func holder(at path: String) -> Int32? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var room = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &room, room.count, 0)
        guard count > 0 else { return nil }
        let digits = room[..<count].prefix { $0 >= 0x30 && $0 <= 0x39 }
        return Int32(String(decoding: digits, as: UTF8.self))
    }
}
