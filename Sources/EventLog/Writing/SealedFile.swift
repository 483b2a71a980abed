/// Makes the file of a sealed segment under a temporary name and gives it its own once it is durable.
enum SealedFile {
    /// Writes with `body`, reads the end back, and makes name and bytes durable; nil when `body` says so.
    ///
    /// - Crash: a file that no manifest names is removed at open.
    static func make(
        base: UInt64, edition: UInt32, in storage: any LogStorage,
        _ body: (any LogFile) throws -> Manifest.Entry?
    ) throws -> Manifest.Entry? {
        let name = LogFormat.sealedName(base: base, edition: edition)
        let temporary = name + ".tmp"
        for left in try storage.list() where left == temporary { try storage.unlink(left) }
        do {
            let file = try storage.create(temporary)
            guard let sealed = try body(file) else {
                try storage.unlink(temporary)
                return nil
            }
            // Read back what is about to be the only copy.
            let check = try SegmentFooter.read(from: file)
            guard check.trailer.merkleRoot == sealed.merkleRoot else {
                throw FormatProblem("the sealed file does not read back as it was written")
            }
            try storage.rename(temporary, to: name)
            try storage.syncDirectory()
            return sealed
        } catch {
            // On a full disk the half-written file stands in the way of everything else.
            do throws(StorageError) { try storage.unlink(temporary) } catch {
                // Not there, or to be removed at the next open.
            }
            throw error
        }
    }
}
