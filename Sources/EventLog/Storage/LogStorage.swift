/// The files of one log, as the log uses them: the one seam under which tests put a disk that
/// crashes, fills up and lies.
///
/// Calls block. No name holds a slash.
package protocol LogStorage: Sendable {
    /// The names of all files.
    func list() throws(StorageError) -> [String]
    /// A new, empty file; an error when the name is taken.
    func create(_ name: String) throws(StorageError) -> any LogFile
    /// An existing file; an error when there is none.
    func open(_ name: String, for access: FileAccess) throws(StorageError) -> any LogFile
    /// Replaces `new` when it exists.
    func rename(_ old: String, to new: String) throws(StorageError)
    /// Removes the name. Files that are open stay readable.
    func unlink(_ name: String) throws(StorageError)
    /// Makes creations, renames and removals durable.
    func syncDirectory() throws(StorageError)
    /// Takes the single-writer lock, or throws ``LogError/locked(holder:)``.
    func lock(_ name: String) throws(LogError) -> any LogLock
}

package enum FileAccess: Sendable { case reading, writing }

/// An open file. Closed when the last reference goes.
package protocol LogFile: AnyObject, Sendable {
    var name: String { get }
    func size() throws(StorageError) -> Int
    /// Writes some front part of `bytes`, one byte or more, and says how many.
    func write(_ bytes: UnsafeRawBufferPointer, at position: Int) throws(StorageError) -> Int
    /// Fills a front part of `room` and says how many bytes; 0 only at the file's end.
    func read(into room: UnsafeMutableRawBufferPointer, at position: Int) throws(StorageError)
        -> Int
    func truncate(to size: Int) throws(StorageError)
    /// fdatasync: bytes and length are durable when it returns. An error is final for the file.
    func sync() throws(StorageError)
}

/// The single-writer lock, held while it lives or until released.
package protocol LogLock: AnyObject, Sendable {
    func release()
}

extension LogStorage {
    /// Puts a small file whole in the place of any other of that name, durably with its name.
    ///
    /// - Crash: the old file or the new one; a `.tmp` may be left over, and is replaced by the next write.
    func writeWhole(_ name: String, _ bytes: [UInt8]) throws(StorageError) {
        let temporary = name + ".tmp"
        if try list().contains(temporary) { try unlink(temporary) }
        let file = try create(temporary)
        try file.writeAll(bytes, at: 0)
        try file.sync()
        try rename(temporary, to: name)
        try syncDirectory()
    }
}

extension LogFile {
    /// Writes all of `bytes`.
    func writeAll(_ bytes: [UInt8], at position: Int) throws(StorageError) {
        var failure: StorageError?
        bytes.withUnsafeBytes { bytes in
            do throws(StorageError) { try writeAll(bytes, at: position) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Writes all of `bytes`.
    package func writeAll(
        _ bytes: UnsafeRawBufferPointer, at position: Int
    ) throws(StorageError) {
        var done = 0
        while done < bytes.count {
            done += try write(
                UnsafeRawBufferPointer(rebasing: bytes[done...]), at: position + done)
        }
    }

    /// Fills `room`, or throws with code 0 when the file ends before.
    package func readAll(
        into room: UnsafeMutableRawBufferPointer, at position: Int
    ) throws(StorageError) {
        var done = 0
        while done < room.count {
            let part = UnsafeMutableRawBufferPointer(rebasing: room[done...])
            let count = try read(into: part, at: position + done)
            guard count > 0 else {
                throw StorageError(
                    operation: .read, file: name, code: 0,
                    reason: "the file ends at byte \(position + done)")
            }
            done += count
        }
    }

    /// `count` bytes from `position`, which the caller has checked against the file's size.
    func bytes(at position: Int, count: Int) throws(StorageError) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: count)
        var failure: StorageError?
        out.withUnsafeMutableBytes { room in
            do throws(StorageError) { try readAll(into: room, at: position) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return out
    }
}
