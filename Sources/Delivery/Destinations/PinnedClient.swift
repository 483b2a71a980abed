import AsyncHTTPClient
import JSONText
import Logging
import NIOCore
import Synchronization

/// An HTTP client that connects to one checked address whatever the name says by then. Certificates are
/// still those of the name.
struct PinnedClient: Sendable {
    let address: NetworkAddress
    let client: HTTPClient
    /// When the address was last found to be the host's.
    var checked: Timestamp

    init(host: String, address: NetworkAddress, timeoutMilliseconds: Int, checked: Timestamp) {
        let limit = TimeAmount.milliseconds(Int64(timeoutMilliseconds))
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: min(limit, .seconds(10)), read: limit),
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.idleTimeout = .seconds(30)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1
        // A failed connection is an answer too: the lane waits and tries again, and says so.
        configuration.connectionPool.retryConnectionEstablishment = false
        for name in [host, host.lowercased()] {
            configuration.dnsOverride[name] = address.description
        }
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        self.address = address
        self.checked = checked
    }

    /// Whether the address need not be looked up again yet.
    func isFresh(at now: Timestamp) -> Bool {
        let age = now.microseconds - checked.microseconds
        return age >= 0 && age < 30_000_000
    }

    func close(logger: Logger) async {
        do {
            try await client.shutdown()
        } catch {
            logger.warning("a webhook client did not shut down cleanly")
        }
    }
}

/// A request body that knows whether anybody has asked for it.
struct BodyOnce: AsyncSequence, Sendable {
    /// Set when the client is connected, has written the head and asks for the body.
    final class Asked: Sendable {
        private let flag = Atomic(false)
        var isSet: Bool { flag.load(ordering: .acquiring) }
        func set() { flag.store(true, ordering: .releasing) }
    }

    let bytes: ByteBuffer
    let asked: Asked

    struct AsyncIterator: AsyncIteratorProtocol {
        var bytes: ByteBuffer?
        let asked: Asked

        mutating func next() async -> ByteBuffer? {
            asked.set()
            defer { bytes = nil }
            return bytes
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(bytes: bytes, asked: asked) }
}
