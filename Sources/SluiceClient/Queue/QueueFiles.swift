import Glibc

/// The calls of the system that a queue makes, each error with its name. They block.
enum QueueFiles {
    static func fail(_ operation: String, _ file: String) -> ClientError {
        .disk(operation: operation, file: file, code: errno)
    }

    static func open(_ path: String, _ flags: Int32) throws(ClientError) -> Int32 {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw fail("open", path) }
        return descriptor
    }

    static func size(_ descriptor: Int32, _ path: String) throws(ClientError) -> Int {
        var about = stat()
        guard fstat(descriptor, &about) == 0 else { throw fail("stat", path) }
        return Int(about.st_size)
    }

    /// Up to `count` bytes from `position`; fewer only at the file's end.
    static func read(
        _ descriptor: Int32, _ path: String, at position: Int, count: Int
    ) throws(ClientError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes { room in
                pread(descriptor, room.baseAddress! + done, count - done, off_t(position + done))
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw fail("read", path) }
            if got == 0 { break }
            done += got
        }
        bytes.removeLast(count - done)
        return bytes
    }

    static func write(
        _ descriptor: Int32, _ path: String, _ bytes: [UInt8], at position: Int
    ) throws(ClientError) {
        var done = 0
        while done < bytes.count {
            let put = bytes.withUnsafeBytes { all in
                pwrite(
                    descriptor, all.baseAddress! + done, bytes.count - done,
                    off_t(position + done))
            }
            if put < 0, errno == EINTR { continue }
            guard put > 0 else { throw fail("write", path) }
            done += put
        }
    }

    static func truncate(_ descriptor: Int32, _ path: String, to size: Int) throws(ClientError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw fail("truncate", path) }
    }

    static func sync(_ descriptor: Int32, _ path: String) throws(ClientError) {
        guard fdatasync(descriptor) == 0 else { throw fail("sync", path) }
    }

    static func unlink(_ path: String) throws(ClientError) {
        guard Glibc.unlink(path) == 0 || errno == ENOENT else { throw fail("unlink", path) }
    }

    static func names(in directory: String) throws(ClientError) -> [String] {
        guard let handle = opendir(directory) else { throw fail("list", directory) }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            names.append(
                withUnsafeBytes(of: entry.pointee.d_name) { name in
                    String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
                })
        }
        return names.sorted()
    }

    /// Replaces a small file whole and durably.
    ///
    /// - Crash: the old file or the new one.
    static func replace(_ path: String, with bytes: [UInt8]) throws(ClientError) {
        let temporary = path + ".tmp"
        let descriptor = try open(temporary, O_WRONLY | O_CREAT | O_TRUNC)
        defer { close(descriptor) }
        try write(descriptor, temporary, bytes, at: 0)
        try sync(descriptor, temporary)
        guard rename(temporary, path) == 0 else { throw fail("rename", path) }
    }
}
