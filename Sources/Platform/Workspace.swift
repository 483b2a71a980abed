import CustomerModel
public import EventLog
import Foundation
import JSONText
public import Logging
public import Projections
import ReadModel
import Synchronization

/// How a workspace is opened.
public struct WorkspaceOptions: Sendable {
    /// Whether webhooks may go to loopback and private addresses.
    public var allowsPrivateDestinations: Bool
    public var limits: CollectLimits
    public var logger: Logger
    /// Records between two checkpoints.
    public var checkpointEvery: UInt64
    /// The most bytes of lines that may wait for the disk.
    public var queueBytes: Int
    /// How long a stream is silent before it says that it is still there.
    public var heartbeatEvery: Duration

    public init(
        allowsPrivateDestinations: Bool = false, limits: CollectLimits = CollectLimits(),
        logger: Logger = Logger(label: "sluice"), checkpointEvery: UInt64 = 1_000_000,
        queueBytes: Int = 16 << 20,
        heartbeatEvery: Duration = .seconds(10)
    ) {
        self.allowsPrivateDestinations = allowsPrivateDestinations
        self.limits = limits
        self.logger = logger
        self.checkpointEvery = checkpointEvery
        self.queueBytes = queueBytes
        self.heartbeatEvery = heartbeatEvery
    }
}

/// One workspace: its log, and everything that follows from it.
///
/// ``open(directory:options:)`` takes the log's single-writer lock, recovers it, and folds what is durable
/// from the newest checkpoint; ``run()`` then follows, releases, dispatches, ticks and checkpoints until it
/// is cancelled. ``perform(_:_:by:)`` answers the CLI and HTTP alike.
///
/// A crash at any moment loses nothing acknowledged: the next open refolds from the checkpoint.
public final class Workspace: Sendable {
    public let directory: String
    public let options: WorkspaceOptions
    public let log: EventLog
    public let access: AccessList
    public let oauth: OAuthDesk
    /// How fast each source sends.
    public let rates = SourceRates()
    public let secrets: SecretsFile
    public let collector: Collector
    public let projection: LiveProjection
    let readModel: ReadModelStore
    let mustRebuildReadModel: Bool
    let checkpoints: CheckpointStore
    let suppressionFile: SuppressionFile
    let driver: FoldDriver
    let running = Mutex(RunningState())
    /// What filters said of events when a simulation asked them.
    let verdicts = FilterVerdicts()
    let replays = OneAtATime("another replay is running; try again when it has ended")
    let policyChanges = OneAtATime(
        "another policy is being activated; look at it first, then try again")

    struct RunningState {
        /// By lane: what its dispatcher counts.
        var dispatchers: [Lane: RunningDispatcher] = [:]
        var isRunning = false
        var startedAt = Timestamp(microseconds: 0)
        var readModelError: String?
    }

    private init(
        directory: String, options: WorkspaceOptions, log: EventLog, access: AccessList,
        secrets: SecretsFile, collector: Collector, projection: LiveProjection,
        readModel: ReadModelStore, mustRebuildReadModel: Bool, checkpoints: CheckpointStore,
        suppressionFile: SuppressionFile
    ) {
        self.directory = directory
        self.options = options
        self.log = log
        self.access = access
        oauth = OAuthDesk(path: directory + "/oauth.key", access: access)
        self.secrets = secrets
        self.collector = collector
        self.projection = projection
        self.readModel = readModel
        self.mustRebuildReadModel = mustRebuildReadModel
        self.checkpoints = checkpoints
        self.suppressionFile = suppressionFile
        driver = FoldDriver(
            log: log, projection: projection, logger: options.logger,
            forget: { checkpoints.removeAll() })
    }

    /// Opens or creates the workspace in `directory` and folds what its log holds.
    ///
    /// - Throws: when another process holds the log, when it cannot be read, or when a private file may be
    ///   read by others.
    public static func open(directory: String, options: WorkspaceOptions = WorkspaceOptions())
        async throws -> Workspace
    {
        try await OwnThread.run("sluice.open") {
            try openBlocking(directory: directory, options: options)
        }
    }

    private static func openBlocking(directory: String, options: WorkspaceOptions) throws
        -> Workspace
    {
        let files = FileManager.default
        if try EventLog.isLogDirectory(directory) {
            throw OperationError.refused(
                "\(directory) is a log's own directory or a backup, and no data directory: name the one "
                    + "that holds `log`, or make one with `sluice log restore`")
        }
        for folder in ["", "/log", "/checkpoints", "/read", "/outputs", "/rejects"] {
            try files.createDirectory(
                atPath: directory + folder, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        }
        let log = try EventLog.open(
            directory: directory + "/log",
            configuration: LogFiles.configuration(queueBytes: options.queueBytes))
        do {
            let checkpoints = CheckpointStore(
                directory: directory + "/checkpoints", identity: log.identity,
                logger: options.logger)
            let suppressionFile = try SuppressionFile.open(path: directory + "/suppressions.ndjson")
            let (collector, damages) = try Collector.opening(
                log: log, rejects: RejectFile(directory: directory + "/rejects"),
                limits: options.limits, suppressionFile: suppressionFile)
            let soundness = LogSoundness(log: log, damages: damages)
            var isRefolded = false
            let newest = checkpoints.newest(upTo: log.durableEnd) { state in
                guard soundness.isWhatFolds(to: state) else {
                    isRefolded = true
                    return false
                }
                return true
            }
            var state = newest ?? FoldState(key: log.identity.key)
            let readModel = try ReadModelStore.open(
                directory: directory + "/read",
                origin: ModelOrigin(
                    logID: log.identity.hex, incarnation: log.identity.incarnation))
            // Where the read model stands no further back than the checkpoint, what is folded from here
            // on is all that it lacks; otherwise it is made anew once the platform runs.
            let canFollow = readModel.canFollow(
                generation: state.generation, from: Offset(state.next))
            if canFollow { state.journal = [] }
            var replayer = Replayer(log: log)
            let losses = state.logLosses.count
            try replayer.advance(&state, to: log.durableEnd)
            // What was lost or healed since may stand otherwise in the rows of the read model.
            let isSame = !isRefolded && state.logLosses.count == losses
            state.journal = state.journal ?? []
            return Workspace(
                directory: directory, options: options, log: log,
                access: try AccessList.open(path: directory + "/access.json"),
                secrets: try SecretsFile.open(path: directory + "/secrets.yaml"),
                collector: collector,
                projection: LiveProjection(log: log, state: state),
                readModel: readModel, mustRebuildReadModel: !canFollow || !isSame,
                checkpoints: checkpoints,
                suppressionFile: suppressionFile)
        } catch {
            log.close()
            throw error
        }
    }

    /// Re-reads `secrets.yaml`; the old values stay when it cannot be read.
    public func reloadSecrets() throws { try secrets.reload() }

    /// Starts folding without dispatching: for a process that answers one question or runs one command.
    public func startFolding() { driver.start() }

    /// Folds everything durable without dispatching: before a process that serves nobody answers.
    public func catchUp() async throws {
        startFolding()
        try await projection.waitApplied(through: log.durableEnd)
    }

    /// Stops, checkpoints and closes the log. Nothing may be asked afterwards.
    public func close() async {
        await driver.stop()
        do {
            try await checkpoint()
        } catch {
            options.logger.warning("no checkpoint", metadata: ["reason": "\(error)"])
        }
        await collector.rejects.flush()
        readModel.close()
        log.close()
    }

    /// Writes the fold's state, so that the next open starts there.
    func checkpoint() async throws {
        try await OwnThread.run("sluice.checkpoint", .background) { [projection, checkpoints] in
            let (next, bytes) = projection.read { ($0.next, $0.canonicalBytes()) }
            try checkpoints.write(bytes, upTo: Offset(next))
        }
    }

    /// Appends control records and returns once they are durable and applied.
    @discardableResult
    func append(_ drafts: [RecordDraft]) async throws -> Offset {
        let ticket: AppendTicket
        do {
            ticket = try log.append(drafts)
        } catch {
            throw OperationError.busy("the log takes no records now (\(error)); try again")
        }
        try await log.waitDurable(ticket)
        try await projection.waitApplied(
            through: Offset(ticket.first.value + UInt64(ticket.count)))
        return ticket.first
    }
}

/// Lets one at a time through and refuses the rest: replays, because each may need as much memory as the
/// live state, and activations, because each version follows the one before.
final class OneAtATime: Sendable {
    private let isBusy = Mutex(false)
    private let refusal: String

    init(_ refusal: String) { self.refusal = refusal }

    /// Whether one is running.
    var isTaken: Bool { isBusy.withLock { $0 } }

    func run<R>(_ body: () async throws -> R) async throws -> R {
        let isMine = isBusy.withLock { busy in
            defer { busy = true }
            return !busy
        }
        guard isMine else { throw OperationError.conflict(refusal) }
        defer { isBusy.withLock { $0 = false } }
        return try await body()
    }
}
