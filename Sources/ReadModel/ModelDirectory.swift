private import Glibc

/// The files of the read model, in `read/` of a data directory (mode 0700, files 0600).
///
/// ```
/// model.sqlite -> model.7.sqlite     what people and tools open; a link, replaced as a whole
/// model.7.sqlite (-wal, -shm)        the rows
/// model.8.sqlite                     only while a rebuild writes it, or left by a crash in one
/// ```
///
/// A file never changes its name while it is open, because SQLite finds its log by that name. So what is
/// swapped is the link: whoever has the old file open reads it to the end, whoever opens the link gets the
/// new one, and a crash leaves one or the other.
struct ModelDirectory: Sendable {
    static let link = "model.sqlite"
    private static let freshLink = "model.sqlite.new"
    /// What SQLite may leave beside a file.
    private static let companions = ["-wal", "-shm", "-journal"]

    let path: String

    /// Makes the directory when it is not there.
    init(_ path: String) throws(ReadModelError) {
        self.path = path
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw .file(operation: "make", file: "read", reason: Self.reason())
        }
    }

    func path(of name: String) -> String { "\(path)/\(name)" }

    /// The file that the link leads to; nil when there is no link, or it leads nowhere known.
    func current() -> String? {
        var buffer = [UInt8](repeating: 0, count: 256)
        let length = readlink(path(of: Self.link), &buffer, buffer.count)
        guard length > 0, length < buffer.count else { return nil }
        let name = String(decoding: buffer[..<length], as: UTF8.self)
        guard Self.number(of: name) != nil, access(path(of: name), F_OK) == 0 else { return nil }
        return name
    }

    /// Makes an empty file under a name that was never used here.
    func makeFile() throws(ReadModelError) -> String {
        let last = try names().compactMap(Self.number).max()
        let name = "model.\(last.map { $0 + 1 } ?? 1).sqlite"
        // SQLite gives its companion files the mode that it finds.
        let descriptor = open(path(of: name), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .file(operation: "create", file: "read/\(name)", reason: Self.reason())
        }
        close(descriptor)
        return name
    }

    /// Makes a finished file the one that the link leads to. It is on the disk before the link is.
    func publish(_ name: String) throws(ReadModelError) {
        try sync(path(of: name), as: "read/\(name)")
        let fresh = path(of: Self.freshLink)
        guard unlink(fresh) == 0 || errno == ENOENT, symlink(name, fresh) == 0,
            rename(fresh, path(of: Self.link)) == 0
        else { throw .file(operation: "link", file: "read/\(Self.link)", reason: Self.reason()) }
        try sync(path, as: "read")
    }

    /// Removes a file and what SQLite left beside it. Whoever has it open is not disturbed.
    func remove(_ name: String) {
        for suffix in [""] + Self.companions { unlink(path(of: name + suffix)) }
    }

    /// Removes what crashes left: every file of ours except `kept`.
    func sweep(keeping kept: String) throws(ReadModelError) {
        for name in try names() where Self.number(of: name) != nil && name != kept { remove(name) }
    }

    /// `model.7.sqlite` is number 7.
    private static func number(of name: String) -> Int? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "model", parts[2] == "sqlite" else { return nil }
        return Int(parts[1])
    }

    private func names() throws(ReadModelError) -> [String] {
        guard let directory = opendir(path) else {
            throw .file(operation: "list", file: "read", reason: Self.reason())
        }
        defer { closedir(directory) }
        var found: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            found.append(name)
        }
        return found
    }

    private func sync(_ path: String, as name: String) throws(ReadModelError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .file(operation: "open", file: name, reason: Self.reason())
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw .file(operation: "sync", file: name, reason: Self.reason())
        }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
