public import Hashing

/// What a reindex did.
public struct ReindexReport: Sendable, Hashable {
    /// Whether the manifest was missing or unusable and was made anew, with a new key for key hashes.
    public var madeManifest = false
    /// Segments that were written anew: the new file's name.
    public var rewritten: [String] = []
    /// Segments that needed nothing.
    public var kept = 0
    /// What cannot be healed from the lines, since lines are what is bad. The segments stay as they are.
    public var notHealed: [Damage] = []
}

/// Which segments a reindex writes anew.
public enum ReindexScope: Sendable {
    /// Those whose columns, indexes or footer are damaged or were made by another extractor.
    case whatNeedsIt
    case everything
}

extension EventLog {
    /// Makes everything derivable of the log in `directory` anew from its lines: columns, indexes, footers, and a
    /// manifest that is missing. No process may have the log open.
    ///
    /// A segment can be made anew when all of its lines are whole; its Merkle root stays, and what is written
    /// must give it. An open segment whose salts are damaged gets new ones: no root was ever announced for it.
    /// - Parameter extractor: makes the columns of a line, under the log's key.
    /// - Crash: the manifest names the old files until it names the new ones; call again.
    public static func reindex(
        _ directory: String, scope: ReindexScope = .whatNeedsIt,
        configuration: LogConfiguration = LogConfiguration(),
        extractor: @escaping (SipKey) -> Extractor, progress: (String) -> Void = { _ in }
    ) throws -> ReindexReport {
        do {
            return try reindex(
                try PosixStorage(existing: directory), scope: scope, configuration: configuration,
                extractor: extractor, progress: progress)
        } catch let error as StorageError { throw LogError.storage(error) }
    }

    package static func reindex(
        _ storage: any LogStorage, scope: ReindexScope, configuration: LogConfiguration,
        extractor: (SipKey) -> Extractor, progress: (String) -> Void = { _ in }
    ) throws -> ReindexReport {
        let lock = try storage.lock("LOCK")
        defer { lock.release() }
        guard try !storage.list().contains(BackupFiles.marker) else {
            throw LogError.refused("the directory holds a backup: restore it and reindex the log")
        }
        var known: Manifest?
        do throws(LogError) { known = try ManifestStore(storage: storage).read() } catch {
            guard case .manifest = error else { throw error }
        }
        let manifest =
            try known
            ?? ManifestRebuilder(storage: storage, configuration: configuration).rebuild()
        var reindexer = Reindexer(
            storage: storage, configuration: configuration, manifest: manifest,
            extractor: extractor(manifest.identity.key),
            isForced: known == nil || scope == .everything)
        reindexer.report.madeManifest = known == nil
        try reindexer.run(progress)
        return reindexer.report
    }
}
