import Glibc

/// One open output file. Made and used on the output thread only; closed when it goes out of scope.
struct OutputFile: ~Copyable {
    enum Mode: Sendable {
        /// Make what is missing.
        case write
        /// Fail when it is not there.
        case read
    }

    private let descriptor: Int32

    /// Walks down from `root`, following no symbolic link, so that what lies under it stays under it.
    init(root: String, path: OutputPath, mode: Mode) throws(FileFault) {
        if mode == .write, mkdir(root, 0o700) != 0, errno != EEXIST {
            throw FileFault(call: "mkdir", code: errno)
        }
        let directory = try Directory(open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        descriptor = try directory.file(at: path.names[...], mode: mode)
    }

    deinit { close(descriptor) }

    func size() throws(FileFault) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileFault(call: "fstat", code: errno) }
        return Int(status.st_size)
    }

    /// Appends all of `bytes`, which end with a line feed, and makes them durable.
    func append(_ bytes: [UInt8]) throws(FileFault) {
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes {
                write(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done)
            }
            if written < 0 {
                if errno == EINTR { continue }
                throw FileFault(call: "write", code: errno)
            }
            done += written
        }
        try synchronise()
    }

    /// Cuts the file to `size` and makes that durable.
    func truncate(to size: Int) throws(FileFault) {
        guard ftruncate(descriptor, size) == 0 else {
            throw FileFault(call: "ftruncate", code: errno)
        }
        try synchronise()
    }

    /// Reads at most `count` bytes from `position`; fewer only at the end.
    func read(at position: Int, count: Int) throws(FileFault) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = pread(
                    descriptor, buffer.baseAddress.map { $0 + filled }, count - filled,
                    position + filled)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { return }
                filled += got
            }
        }
        guard failure == 0 else { throw FileFault(call: "pread", code: failure) }
        return bytes
    }

    private func synchronise() throws(FileFault) {
        guard fdatasync(descriptor) == 0 else { throw FileFault(call: "fdatasync", code: errno) }
    }
}

/// An open directory.
private struct Directory: ~Copyable {
    private let descriptor: Int32

    init(_ descriptor: Int32) throws(FileFault) {
        guard descriptor >= 0 else { throw FileFault(call: "open", code: errno) }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Opens the regular file that `names` lead to.
    func file(at names: ArraySlice<String>, mode: OutputFile.Mode) throws(FileFault) -> Int32 {
        guard let name = names.first else { throw FileFault(call: "open", code: ENOENT) }
        guard names.count > 1 else { return try file(name, mode: mode) }
        if mode == .write {
            if mkdirat(descriptor, name, 0o700) == 0 {
                try synchronise()
            } else if errno != EEXIST {
                throw FileFault(call: "mkdir", code: errno)
            }
        }
        let next = try Directory(
            openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))
        return try next.file(at: names.dropFirst(), mode: mode)
    }

    private func file(_ name: String, mode: OutputFile.Mode) throws(FileFault) -> Int32 {
        let flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        var file = openat(descriptor, name, flags)
        if file < 0, errno == ENOENT, mode == .write {
            file = openat(descriptor, name, flags | O_CREAT | O_EXCL, 0o600)
            // The name must survive a crash as well as what is written under it.
            if file >= 0, fsync(descriptor) != 0 {
                let code = errno
                close(file)
                throw FileFault(call: "fsync", code: code)
            }
        }
        guard file >= 0 else { throw FileFault(call: "open", code: errno) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw FileFault(call: "open", code: EINVAL)
        }
        return file
    }

    private func synchronise() throws(FileFault) {
        guard fsync(descriptor) == 0 else { throw FileFault(call: "fsync", code: errno) }
    }
}
