import JSONText
import TestSupport

/// A server to be killed, a receiver, and clients.
struct Trial {
    let directory: TemporaryDirectory
    let server: SluiceServer
    let receiver: WebhookReceiver
    let allowance = Allowance()
    private let key: String

    private static let clients = 3
    private static let batchesPerRound = 40
    /// A fault that has not struck by then will not: the round's batches are delivered.
    private static let patience = Duration.seconds(10)

    init() async throws {
        directory = try TemporaryDirectory()
        receiver = try await WebhookReceiver(in: directory, paths: ["ads"])
        server = try SluiceServer(in: directory)
        do {
            try server.setSecrets(["ads_webhook": WebhookReceiver.secret])
            let policy = try directory.write(
                "crash.yaml", CrashPolicy.text(receiverPort: receiver.port))
            try await server.run("policy", "apply", policy, "--approver", "test")
            let made = try await server.ask("key", "create", "web")
            guard let key = made["key"]?.string else { throw NeverHappened(description: "a key") }
            self.key = key
        } catch {
            receiver.stop()
            throw error
        }
    }

    func stop() {
        server.kill()
        receiver.stop()
    }

    /// Runs all clients until the allowance is closed; what was acknowledged to any of them.
    func sendUntilClosed() async throws -> Acknowledged {
        let http = server.http(headers: Credentials.writeKey(key))
        return try await withThrowingTaskGroup(of: Acknowledged.self) { group in
            for number in 0..<Self.clients {
                let client = CrashClient(number: number, http: http, allowance: allowance)
                group.addTask { try await client.run() }
            }
            var all = Acknowledged()
            for try await one in group {
                all.fates.merge(one.fates) { first, _ in first }
                all.repeatedBatches += one.repeatedBatches
            }
            return all
        }
    }

    /// Starts the server, lets clients send, and has it killed; returns how it was killed in fact.
    func round(_ kill: Kill, random: inout SeededRandom) async throws -> Kill {
        allowance.add(Self.batchesPerRound)
        if kill.isFault {
            return try await roundByFault(kill, passage: 1 + random.below(4))
        }
        let child = kill == .starting ? try server.launch() : try await server.start()
        try await Task.sleep(for: .milliseconds(random.below(kill == .starting ? 250 : 400)))
        child.kill()
        let exit = try await child.ended()
        guard exit == .signal(9) else {
            throw NeverHappened(description: "the kill: \(exit): \(child.lastWords)")
        }
        return kill
    }

    private func roundByFault(_ kill: Kill, passage: Int) async throws -> Kill {
        let child = try server.launch(fault: "\(kill.rawValue):\(passage)")
        if let exit = try await child.ended(within: Self.patience) {
            guard exit == .signal(9) else {
                throw NeverHappened(description: "the kill: \(exit): \(child.lastWords)")
            }
            return kill
        }
        child.kill()
        _ = try await child.ended()
        return .serving
    }
}
