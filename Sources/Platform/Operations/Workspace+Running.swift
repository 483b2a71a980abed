import CustomerModel
import Delivery
import EventLog
import JSONText
import Logging
import Projections
import ReadModel
import Synchronization

/// One lane's dispatcher while it runs.
struct RunningDispatcher: Sendable {
    var dispatcher: Dispatcher
    var task: Task<Void, Never>
    /// Why it ended by itself; nil while it runs.
    var ended: String?
}

/// The long-lived parts.
extension Workspace {
    /// Follows the log, releases, dispatches, ticks, keeps the read model and checkpoints, until the task is
    /// cancelled; then drains: requests in flight end, the fold stops, a checkpoint is written.
    public func run() async throws {
        running.withLock {
            $0.isRunning = true
            $0.startedAt = Timestamp.now()
        }
        startFolding()
        let outlets = Outlets(workspace: self)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.dispatchUntilCancelled(outlets) }
            group.addTask { await self.tickUntilCancelled() }
            group.addTask { await self.followReadModel() }
            group.addTask { await self.checkpointUntilCancelled() }
            await group.waitForAll()
        }
        running.withLock { $0.isRunning = false }
        await outlets.close()
        await close()
    }

    // MARK: Dispatch

    /// Keeps one dispatcher for every lane of the policy in force.
    private func dispatchUntilCancelled(_ outlets: Outlets) async {
        var seen: UInt64 = 0
        while !Task.isCancelled {
            let lanes = projection.read { $0.currentLanes }
            let known = running.withLock { Set($0.dispatchers.keys) }
            for lane in lanes where !known.contains(lane) { start(lane, outlets) }
            await stop(known.filter { !lanes.contains($0) })
            seen = await projection.waitChange(since: seen)
        }
        await stop(running.withLock { Set($0.dispatchers.keys) })
    }

    private func start(_ lane: Lane, _ outlets: Outlets) {
        let dispatcher = Dispatcher(
            lane: lane, log: log, projection: projection,
            makeTransport: { destination throws(LaneHold) in
                try outlets.transports.transport(for: destination)
            },
            planRate: { [projection] id in projection.read { $0.planRate(id) } },
            faults: outlets.faults, logger: options.logger)
        let logger = options.logger
        let task = Task {
            do {
                try await dispatcher.run()
            } catch is CancellationError {
                return
            } catch {
                logger.error(
                    "a dispatcher stopped",
                    metadata: ["lane": "\(lane)", "reason": "\(error)"])
                running.withLock { $0.dispatchers[lane]?.ended = "\(error)" }
            }
        }
        running.withLock {
            $0.dispatchers[lane] = RunningDispatcher(dispatcher: dispatcher, task: task)
        }
    }

    /// Ends dispatchers: all are told first, so that their last requests end side by side.
    private func stop(_ lanes: Set<Lane>) async {
        let entries = running.withLock { state in
            lanes.compactMap { state.dispatchers.removeValue(forKey: $0) }
        }
        for entry in entries { entry.task.cancel() }
        for entry in entries { await entry.task.value }
    }

    /// Makes dispatchers look at once instead of at the end of a wait.
    func nudgeDispatchers(of destination: String) {
        for entry in running.withLock({ Array($0.dispatchers.values) })
        where entry.dispatcher.lane.destination == destination {
            entry.dispatcher.nudge()
        }
    }

    // MARK: Ticks

    /// One tick a minute, also when idle (T2). None before the first event, so that a file can still be
    /// played as if live, and none while one is.
    private func tickUntilCancelled() async {
        while !Task.isCancelled {
            let now = Timestamp.now()
            let state = projection.read { ($0.projectionTime, $0.hasEvents) }
            let isDue = state.0 == .min || now.microseconds - state.0 >= 60_000_000
            if isDue, state.1, !collector.isPlayingAsIfLive {
                do {
                    let ticket = try log.append([
                        ControlDraft.make(TickRecord(time: now, asIfLive: false))
                    ])
                    try await log.waitDurable(ticket)
                } catch {
                    options.logger.warning("no tick", metadata: ["reason": "\(error)"])
                }
            }
            do {
                try await Task.sleep(for: .seconds(5))
            } catch {
                return
            }
        }
    }

    // MARK: Checkpoints

    private func checkpointUntilCancelled() async {
        var last = projection.applied.value
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: .seconds(10))
            } catch {
                return
            }
            let now = projection.applied.value
            guard now - last >= options.checkpointEvery else { continue }
            last = now
            do {
                try await checkpoint()
            } catch {
                options.logger.warning("no checkpoint", metadata: ["reason": "\(error)"])
            }
        }
    }
}

/// What all dispatchers share.
final class Outlets: Sendable {
    let transports: DestinationTransports
    let faults: FaultPoints
    private let files: OutputFiles
    private let resolver: HostResolver
    private let logger: Logger

    init(workspace: Workspace) {
        files = OutputFiles(root: workspace.directory + "/outputs")
        resolver = HostResolver()
        logger = workspace.options.logger
        let secrets = workspace.secrets
        transports = DestinationTransports(
            files: files, secrets: SecretStore { secrets.values($0) ?? [] }, resolver: resolver,
            reach: workspace.options.allowsPrivateDestinations ? .anyAddress : .publicAddresses,
            logger: logger)
        faults = FaultPoints.fromEnvironment()
    }

    func close() async {
        do {
            try await files.close()
        } catch {
            logger.warning("an outlet did not close", metadata: ["reason": "\(error)"])
        }
    }
}
