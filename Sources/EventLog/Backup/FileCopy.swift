/// Copies one file between storages.
enum FileCopy {
    private static let chunkBytes = 1 << 20
    private static let syncBytes = 8 << 20

    /// Copies the first `count` bytes of `file` to `name`, which is replaced, and makes the copy durable.
    /// The name is durable after the target's next ``LogStorage/syncDirectory()``.
    ///
    /// - Crash: `name` is the old file or the whole new one; a `.tmp` may be left over.
    static func copy(
        _ file: any LogFile, count: Int, to name: String, in target: any LogStorage
    ) throws(StorageError) {
        let temporary = name + ".tmp"
        if try target.list().contains(temporary) { try target.unlink(temporary) }
        let copy = try target.create(temporary)
        var position = 0
        var unsynced = 0
        while position < count {
            let bytes = try file.bytes(at: position, count: min(chunkBytes, count - position))
            try copy.writeAll(bytes, at: position)
            position += bytes.count
            unsynced += bytes.count
            // So that a copy does not pile up dirty pages in front of the appends' own syncs.
            if unsynced >= syncBytes {
                try copy.sync()
                unsynced = 0
            }
        }
        try copy.sync()
        try target.rename(temporary, to: name)
    }
}
