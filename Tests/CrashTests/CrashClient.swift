import JSONText
import Synchronization
import TestSupport

/// How many batches clients may send. A round of kills gives some, so that a fast machine does not
/// send more than the test then has to read.
final class Allowance: Sendable {
    private struct State {
        var batches = 0
        var isClosed = false
    }

    private let state = Mutex(State())

    func add(_ batches: Int) { state.withLock { $0.batches += batches } }

    /// Nothing more is to be sent.
    func close() { state.withLock { $0.isClosed = true } }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Takes one; false when there is none.
    func take() -> Bool {
        state.withLock { state in
            guard !state.isClosed, state.batches > 0 else { return false }
            state.batches -= 1
            return true
        }
    }
}

/// What the server has acknowledged to one client.
struct Acknowledged: Sendable {
    var fates: [String: Fate] = [:]
    /// Batches that had to be sent more than once.
    var repeatedBatches = 0
}

/// A client as SDKs are: it sends a batch until it is acknowledged, and only then the next.
struct CrashClient: Sendable {
    var number: Int
    /// With the write key.
    var http: HTTP
    var allowance: Allowance

    private static let eventsPerBatch = 6

    /// Sends until the allowance is closed and returns what was acknowledged. What it has begun to
    /// send it sends to the end, so that everything ever sent is acknowledged in the end.
    func run() async throws -> Acknowledged {
        var shopper = Shopper(client: number)
        var acknowledged = Acknowledged()
        while !allowance.isClosed {
            guard allowance.take() else {
                try await Task.sleep(for: .milliseconds(5))
                continue
            }
            let batch = (0..<Self.eventsPerBatch).map { _ in shopper.next() }
            let body: JSONValue = ["batch": .array(batch.map(\.json))]
            var tries = 1
            while try await !post(body) {
                tries += 1
                try await Task.sleep(for: .milliseconds(10))
            }
            if tries > 1 { acknowledged.repeatedBatches += 1 }
            for planned in batch { acknowledged.fates[planned.id] = planned.fate }
        }
        return acknowledged
    }

    /// Whether the server has acknowledged it. A connection that fails is no answer.
    private func post(_ body: JSONValue) async throws -> Bool {
        do {
            return try await http.post("/v1/batch", body).status == 200
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            return false
        }
    }
}
