/// Makes the file of a new segment.
enum OpenSegmentFile {
    /// A file with its header, durable together with its name. A left-over of the same name holds no
    /// record and is replaced.
    static func create(
        _ header: SegmentHeader, in storage: any LogStorage
    ) throws(StorageError) -> (file: any LogFile, length: Int, chain: UInt32) {
        let name = LogFormat.openName(base: header.base)
        if try storage.list().contains(name) { try storage.unlink(name) }
        let file = try storage.create(name)
        let (bytes, chain) = header.encoded()
        do throws(StorageError) { try file.writeAll(bytes, at: 0) } catch {
            if error.isDiskFull { try storage.unlink(name) }
            throw error
        }
        try file.sync()
        try storage.syncDirectory()
        return (file, bytes.count, chain)
    }
}
