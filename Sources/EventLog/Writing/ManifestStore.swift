/// Reads and replaces the manifest file.
struct ManifestStore {
    let storage: any LogStorage

    /// Nil when there is none.
    func read() throws(LogError) -> Manifest? {
        let bytes: [UInt8]
        do throws(StorageError) {
            guard try storage.list().contains(Manifest.fileName) else { return nil }
            let file = try storage.open(Manifest.fileName, for: .reading)
            bytes = try file.bytes(at: 0, count: try file.size())
        } catch { throw .storage(error) }
        if let version = bytes.withUnsafeBytes({ Manifest.otherVersion(of: $0) }) {
            throw .unsupportedVersion(file: Manifest.fileName, version: version)
        }
        do {
            return try bytes.withUnsafeBytes { try Manifest.decode($0) }
        } catch {
            guard let problem = error as? FormatProblem else { throw .manifest("\(error)") }
            throw .manifest("\(problem.reason) (byte \(problem.position ?? 0))")
        }
    }

    /// Writes a new file, makes it durable, and puts it in the old one's place.
    ///
    /// - Crash: either manifest is whole; a left-over temporary file is removed at open.
    func write(_ manifest: Manifest) throws(StorageError) {
        try storage.writeWhole(Manifest.fileName, manifest.encoded())
    }
}
