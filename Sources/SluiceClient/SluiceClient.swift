import JSONText
import Synchronization

/// Sends what happens in an app or a server to Sluice, and loses nothing on the way.
///
/// A call returns once its message is in a queue on disk (``ClientConfiguration/SyncPolicy``); ``run()``
/// takes it from there: in batches, again and again until the server has acknowledged it. Since each message
/// has an id and the server counts an id once per source, a message that is sent twice is recorded once.
///
/// ```swift
/// try await SluiceClient.with(configuration) { client in
///     try await client.consent(["Analytics": true])
///     try await client.identify("user-1", traits: ["plan": "pro"])
///     try await client.track("Order Completed", ["revenue": .number("42.50")])
/// }
/// ```
///
/// Calls may come from anywhere at once; those of one task stay in order. Messages are sent in the order of
/// their calls, one request at a time.
///
/// - Crash: of the process or the machine leaves the queue directory; the next client on it sends what is
///   there. A message whose call had not returned may be there or not.
public final class SluiceClient: Sendable {
    struct State: Sendable {
        var person: Person
        /// Whether ``SluiceClient/run()`` is under way.
        var isRunning = false
        /// Nil until ``SluiceClient/shutdown()``; then until when it goes on sending.
        var stopsAt: ContinuousClock.Instant?
        var flushes: [Wakeup] = []
    }

    let configuration: ClientConfiguration
    let queue: QueueThread
    let state: Mutex<State>
    /// Set when there is something new to send for, or an end.
    var work: Wakeup { queue.written }
    let onReport: @Sendable (ClientReport) -> Void

    /// Opens the queue, or makes it. Blocks while it reads what waits there, at most
    /// ``ClientConfiguration/queueBytes`` and an eighth.
    ///
    /// - Parameter onReport: hears what became known while sending, from the task of ``run()``; it should
    ///   return soon.
    /// - Throws: ``ClientError``.
    public init(
        _ configuration: ClientConfiguration,
        onReport: @escaping @Sendable (ClientReport) -> Void = { _ in }
    ) throws(ClientError) {
        try configuration.check()
        let disk = try DiskQueue.open(configuration)
        let known = try disk.person()
        let person = known ?? Person(anonymousID: Message.newID())
        if known == nil { try disk.keep(person) }
        let damagedLines = disk.damagedLines
        self.configuration = configuration
        self.onReport = onReport
        state = Mutex(State(person: person))
        queue = QueueThread(disk)
        if damagedLines > 0 { onReport(.damaged(lines: damagedLines)) }
    }

    /// Makes a client, runs it beside `body`, and shuts it down afterwards: what is queued is sent for as long
    /// as ``ClientConfiguration/shutdownLimit`` allows, and stays on disk otherwise.
    ///
    /// - Throws: ``ClientError``, or what `body` throws.
    public static func with<R: Sendable>(
        _ configuration: ClientConfiguration,
        onReport: @escaping @Sendable (ClientReport) -> Void = { _ in },
        _ body: @Sendable (SluiceClient) async throws -> R
    ) async throws -> R {
        let client = try SluiceClient(configuration, onReport: onReport)
        async let running: Void = client.run()
        do {
            let result = try await body(client)
            client.shutdown()
            try await running
            return result
        } catch {
            client.shutdown()
            try await running
            throw error
        }
    }

    /// How many messages wait on disk.
    public var queuedCount: Int { Int(clamping: queue.standing.count) }

    /// The id of the person nobody has named, kept over restarts until ``reset(consent:)``.
    public var anonymousID: String { state.withLock { $0.person.anonymousID } }

    /// Waits until everything that was queued before the call has been answered by the server.
    ///
    /// - Throws: ``ClientError/timedOut``, or ``ClientError/notRunning`` when nobody called ``run()`` in that
    ///   time; the messages stay queued.
    public func flush(within limit: Duration = .seconds(30)) async throws {
        let target = queue.standing.end
        let deadline = ContinuousClock.now + limit
        let mine = Wakeup()
        state.withLock { $0.flushes.append(mine) }
        defer { state.withLock { $0.flushes.removeAll { $0 === mine } } }
        work.set()
        while queue.standing.acknowledged < target {
            let isSending = state.withLock { $0.isRunning || $0.stopsAt == nil }
            guard isSending else { throw ClientError.notRunning }
            guard ContinuousClock.now < deadline else {
                throw state.withLock { $0.isRunning } ? ClientError.timedOut : .notRunning
            }
            await mine.wait(until: deadline)
            try Task.checkCancellation()
        }
    }

    /// Takes no more calls; ``run()`` sends what is queued, for ``ClientConfiguration/shutdownLimit`` at most
    /// and the request that is under way then, and returns. What is left stays on disk.
    public func shutdown() {
        let end = ContinuousClock.now + configuration.shutdownLimit
        state.withLock { $0.stopsAt = $0.stopsAt ?? end }
        work.set()
    }

    /// Queues one message, after the person has been changed by `change`.
    func enqueue(
        _ type: String, _ members: [(key: String, value: JSONValue)], _ options: MessageOptions,
        changing change: (@Sendable (inout Person) -> Void)? = nil
    ) async throws -> String {
        let limitBytes = configuration.messageBytes
        var id = ""
        try await withCheckedThrowingContinuation { caller in
            // Handed over under the lock, so that messages stand in the order of what was said.
            state.withLock { state in
                do throws(ClientError) {
                    guard state.stopsAt == nil else { throw .isShutDown }
                    var person = state.person
                    change?(&person)
                    let message = Message(type: type, members: members, options: options)
                    let made = try message.text(of: person, limitBytes: limitBytes)
                    id = made.id
                    let isChanged = person != state.person
                    state.person = person
                    queue.enqueue(made.bytes, keeping: isChanged ? person : nil, caller)
                } catch {
                    caller.resume(throwing: error)
                }
            }
        }
        return id
    }
}
