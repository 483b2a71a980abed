public import CustomerModel
public import EventLog
public import Logging
public import Projections
import Synchronization

/// Delivers one lane's effects: one request in flight, in offset order.
///
/// Nothing leaves that was not judged by the second look at everything durable (E6) and recorded as an attempt
/// that is durable (E5). A crash at any point leaves an attempt without a receipt at worst, which the
/// next start records as `unknown` (E7).
public actor Dispatcher {
    /// Makes the transport of a destination.
    public typealias TransportMaker =
        @Sendable (Destination) throws(LaneHold) -> any DestinationTransport

    public nonisolated let lane: Lane
    let log: EventLog
    let projection: LiveProjection
    let worker: LogWorker
    let appender: ControlAppender
    let faults: FaultPoints
    let clock: LaneClock
    let logger: Logger
    let meter: LaneMeter
    private let makeTransport: TransportMaker
    private let planRate: @Sendable (String) -> Int?
    private nonisolated let nudged = Atomic(false)

    var machine: LaneMachine
    /// Offsets of the field sets that this process has recorded for the lane.
    var fieldSets: [FieldSet: Offset] = [:]
    private var outlet: Outlet?

    /// What leaves in an effect, as it is interned.
    struct FieldSet: Hashable {
        var fields: [String]
        var identifiers: [String]
    }

    /// A transport and the words it was made from.
    private struct Outlet {
        var connector: Connector
        var timeoutMilliseconds: Int
        var transport: any DestinationTransport
    }

    /// - Parameter planRate: how many effects of a plan may leave a second; nil for no limit.
    public init(
        lane: Lane, log: EventLog, projection: LiveProjection,
        makeTransport: @escaping TransportMaker,
        planRate: @escaping @Sendable (String) -> Int? = { _ in nil },
        faults: FaultPoints = FaultPoints(), clock: LaneClock = .system,
        backoff: Backoff = .standard, logger: Logger
    ) {
        self.lane = lane
        self.log = log
        self.projection = projection
        self.makeTransport = makeTransport
        self.planRate = planRate
        self.faults = faults
        self.clock = clock
        self.logger = logger
        worker = LogWorker(log: log, projection: projection)
        appender = ControlAppender(log: log, clock: clock)
        meter = LaneMeter(lane: lane)
        machine = LaneMachine(backoff: backoff)
    }

    /// What the lane has done and what it waits for.
    public nonisolated var snapshot: LaneSnapshot { meter.snapshot }

    /// Ends a wait early, when an operator resumed, redrove or mended something.
    public nonisolated func nudge() { nudged.store(true, ordering: .relaxed) }

    /// Delivers until the task is cancelled; a request in flight is finished first. To be called once.
    ///
    /// - Throws: when the log can no longer be written to. Nothing leaves after that.
    public func run() async throws {
        worker.start()
        let ending: Result<Void, any Error>
        do {
            try await deliver()
            ending = .success(())
        } catch is CancellationError {
            ending = .success(())
        } catch {
            ending = .failure(error)
        }
        await outlet?.transport.close()
        try await worker.close()
        try ending.get()
    }

    private func deliver() async throws {
        try await settleInterrupted()
        while !Task.isCancelled {
            let seen = projection.changeCount
            if nudged.exchange(false, ordering: .relaxed) { machine.nudge() }
            let wait = machine.wait(at: clock.now())
            if wait > 0 {
                try await sleep(milliseconds: wait)
                continue
            }
            switch try await turn() {
            case .worked: break
            case .pacing(let milliseconds): try await sleep(milliseconds: min(milliseconds, 200))
            case .idle:
                machine.rest()
                note()
                _ = await projection.waitChange(since: seen)
            }
        }
    }

    /// Sleeps in slices, so that a nudge is soon noticed.
    private func sleep(milliseconds: Int) async throws {
        var left = milliseconds
        while left > 0, !nudged.load(ordering: .relaxed) {
            let slice = min(left, 1_000)
            try await clock.sleep(slice)
            left -= slice
        }
    }

    private enum Turn {
        case worked
        case idle
        /// Only a plan has anything to send, and its rate is used up.
        case pacing(milliseconds: Int)
    }

    /// Makes at most one request.
    private func turn() async throws -> Turn {
        guard let (destination, _) = projection.destination(named: lane.destination),
            destination.epoch == lane.epoch
        else { return .idle }
        do {
            return try await work(for: destination)
        } catch let hold as LaneHold {
            held(hold)
            return .worked
        }
    }

    /// Takes up what is next.
    private func work(for destination: Destination) async throws -> Turn {
        // While the destination is paused the outbox gives nothing.
        guard !open(limit: 1).isEmpty else { return .idle }
        let transport = try await transport(for: destination)
        guard let effects = choose(for: destination, transport.uncertainty) else {
            let pause = machine.planWait(at: clock.now())
            return pause > 0 ? .pacing(milliseconds: pause) : .idle
        }
        let readiness = try await transport.prepare()
        if readiness.tornBytes > 0 {
            logger.warning(
                "cut a torn last line from an output file",
                metadata: ["lane": "\(lane)", "bytes": "\(readiness.tornBytes)"])
        }
        var request = Request(
            effects: effects, destination: destination, transport: transport,
            position: readiness.position)
        if let attempt = effects[0].lastAttempt {
            let earlier = try await worker.attempt(at: attempt)
            if LaneMachine.mustLookUp(effects, transport.uncertainty) {
                try await lookUp(earlier, at: attempt, transport)
                return .worked
            }
            request.id = earlier.request
        }
        if let plan = effects[0].plan {
            machine.pacePlan(count: effects.count, ratePerSecond: planRate(plan), at: clock.now())
        }
        try await deliver(request)
        return .worked
    }

    /// The oldest effects that may be taken up.
    private func open(
        limit: Int, where isWanted: @Sendable (PendingEffect) -> Bool = { _ in true }
    ) -> [PendingEffect] {
        projection.pendingEffects(in: lane, limit: limit, skipping: { !isWanted($0) })
    }

    /// The effects of the next request.
    private func choose(for destination: Destination, _ uncertainty: Uncertainty)
        -> [PendingEffect]?
    {
        // Where nobody can be asked and nothing may be repeated, an operator settles it (E7).
        @Sendable func isOurs(_ effect: PendingEffect) -> Bool {
            uncertainty != .none || !effect.isUnknown
        }
        func next(from oldest: [PendingEffect]) -> LaneMachine.Choice {
            let rate = oldest.first?.plan.flatMap(planRate)
            return machine.choose(from: oldest, planRatePerSecond: rate, at: clock.now())
        }
        let limit = destination.batchSize
        var choice = next(from: open(limit: limit, where: isOurs))
        if choice == .liveFirst {
            choice = next(from: open(limit: limit) { $0.plan == nil && isOurs($0) })
            if choice == .nothing, machine.planWait(at: clock.now()) == 0 {
                choice = next(from: open(limit: limit, where: isOurs))
            }
        }
        switch choice {
        case .nothing, .liveFirst: return nil
        case .fresh(let effects): return effects
        case .again(let attempt):
            // All of them, however many a request may hold by now.
            let effects = open(limit: 1_000) { $0.lastAttempt == attempt && isOurs($0) }
            return effects.isEmpty ? nil : effects
        }
    }

    /// The destination's transport, made anew when the policy changed what it is made from.
    private func transport(for destination: Destination) async throws -> any DestinationTransport {
        if let outlet, outlet.connector == destination.connector,
            outlet.timeoutMilliseconds == destination.timeoutMilliseconds
        {
            return outlet.transport
        }
        if let old = outlet {
            outlet = nil
            await old.transport.close()
        }
        let made = try makeTransport(destination)
        outlet = Outlet(
            connector: destination.connector,
            timeoutMilliseconds: destination.timeoutMilliseconds, transport: made)
        return made
    }

    private func held(_ hold: LaneHold) {
        if machine.hold != hold {
            logger.error(
                "a lane is held", metadata: ["lane": "\(lane)", "reason": "\(hold.reason)"])
        }
        machine.hold(hold, at: clock.now())
        note { $0.lastError = hold.reason }
    }

    /// Brings the snapshot up to date.
    func note(_ change: (inout LaneSnapshot) -> Void = { _ in }) {
        meter.update { snapshot in
            change(&snapshot)
            snapshot.hold = machine.hold?.reason
            snapshot.blockedSince = machine.blockedSince
            snapshot.waitingUntil = machine.waitingUntil
        }
    }
}
