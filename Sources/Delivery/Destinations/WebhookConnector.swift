import AsyncHTTPClient
public import CustomerModel
public import JSONText
public import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// Posts effects as Standard Webhooks 1.0.0.
///
/// The body is the effect's object, or `{"batch":[…]}` for several. One that corrects what was told before
/// (``Rendering``) has the headers `sluice-correction: amend` or `retract`, and `sluice-plan`; a request never
/// holds corrections beside anything else. Redirects are not followed, and what
/// the receiver answers is read only as far as keeping the connection needs it, and never logged.
///
/// The host's addresses are checked before each connection and the connection goes to the address that
/// was checked, so a name that changes its mind in between leads nowhere else.
public final class WebhookConnector: DestinationTransport {
    /// Who may be posted to.
    public enum Reach: Equatable, Sendable {
        case publicAddresses
        /// Loopback and private networks too: the operator's own receivers.
        case anyAddress
    }

    private struct State {
        var keys: [WebhookKey] = []
        var client: PinnedClient?
        /// The address that could not be reached last, to be passed over next time.
        var failed: NetworkAddress?
    }

    private let url: WebhookURL
    private let secretName: String
    private let secrets: SecretStore
    private let reach: Reach
    private let resolver: HostResolver
    private let timeoutMilliseconds: Int
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    private let state = Mutex(State())

    public let uncertainty: Uncertainty

    /// - Parameter uncertainty: `none` where the receiver takes a repeated id for something new.
    /// - Throws: ``LaneHold`` when `url` is none that can be posted to.
    public init(
        url: String, secretName: String, secrets: SecretStore, reach: Reach, resolver: HostResolver,
        timeoutMilliseconds: Int, logger: Logger, uncertainty: Uncertainty = .idempotent,
        now: @escaping @Sendable () -> Timestamp = { Timestamp.now() }
    ) throws(LaneHold) {
        self.url = try WebhookURL(url)
        self.secretName = secretName
        self.secrets = secrets
        self.reach = reach
        self.resolver = resolver
        self.timeoutMilliseconds = timeoutMilliseconds
        self.logger = logger
        self.uncertainty = uncertainty
        self.now = now
    }

    public func prepare() async throws(LaneHold) -> Readiness {
        let keys = try signingKeys()
        state.withLock { $0.keys = keys }
        try await pin()
        return Readiness()
    }

    public func compose(_ members: [RequestMember], requestID: String?) -> ComposedRequest {
        let id = requestID ?? ComposedRequest.id(of: members)
        if members.count == 1 { return ComposedRequest(id: id, body: members[0].body) }
        var body = Array(#"{"batch":["#.utf8)
        for (place, member) in members.enumerated() {
            if place > 0 { body.append(UInt8(ascii: ",")) }
            body.append(contentsOf: member.body)
        }
        body.append(contentsOf: "]}".utf8)
        return ComposedRequest(id: id, body: body)
    }

    public func send(_ request: ComposedRequest, handedOver: @Sendable () -> Void) async
        -> SendResult
    {
        let (keys, pinned) = state.withLock { ($0.keys, $0.client) }
        guard let pinned else { return SendResult(.retry, reason: "host name not resolved") }
        let asked = BodyOnce.Asked()
        let post = makePost(request, keys: keys, asked: asked)
        let response: HTTPClientResponse
        do {
            response = try await pinned.client.execute(
                post, timeout: .milliseconds(Int64(timeoutMilliseconds)))
        } catch {
            return failure(error, bodyWasAsked: asked.isSet, address: pinned.address)
        }
        handedOver()
        await drain(response.body)
        return HTTPOutcome.of(
            status: Int(response.status.code),
            retryAfter: response.headers.first(name: "retry-after"), now: now())
    }

    public func find(
        _ keys: Set<EffectKey>, from position: Int?
    ) async throws(LaneHold) -> Set<EffectKey> {
        preconditionFailure("a webhook cannot be asked for a key")
    }

    public func close() async {
        let client = state.withLock { state in
            defer { state.client = nil }
            return state.client
        }
        await client?.close(logger: logger)
    }

    private func signingKeys() throws(LaneHold) -> [WebhookKey] {
        let found = secrets.secrets(named: secretName)
        guard !found.isEmpty else {
            throw LaneHold("secret '\(secretName)' is not in secrets.yaml: add it and reload")
        }
        var keys: [WebhookKey] = []
        for secret in found {
            guard let key = WebhookKey(secret: secret) else {
                throw LaneHold(
                    "secret '\(secretName)' is no webhook secret: it must be whsec_ and the Base64 of 24 to 64 bytes"
                )
            }
            keys.append(key)
        }
        return keys
    }

    private func makePost(_ request: ComposedRequest, keys: [WebhookKey], asked: BodyOnce.Asked)
        -> HTTPClientRequest
    {
        let seconds = now().microseconds / 1_000_000
        let signatures = keys.map {
            $0.signature(id: request.id, timestamp: seconds, body: request.body)
        }
        var post = HTTPClientRequest(url: url.text)
        post.method = .POST
        post.headers = [
            "content-type": "application/json",
            "user-agent": "sluice",
            "webhook-id": request.id,
            "webhook-timestamp": String(seconds),
            "webhook-signature": signatures.joined(separator: " "),
        ]
        if let note = request.correction {
            post.headers.add(name: "sluice-correction", value: note.correction.rawValue)
            post.headers.add(name: "sluice-plan", value: note.plan)
        }
        post.body = .stream(
            BodyOnce(bytes: ByteBuffer(bytes: request.body), asked: asked),
            length: .known(Int64(request.body.count)))
        return post
    }

    /// What an error means. As long as the client has not asked for the body, no byte of it has left:
    /// the receiver cannot have taken anything, whatever went wrong.
    private func failure(_ error: any Error, bodyWasAsked: Bool, address: NetworkAddress)
        -> SendResult
    {
        if bodyWasAsked {
            let late: [HTTPClientError?] = [.deadlineExceeded, .readTimeout]
            let isLate = late.contains(error as? HTTPClientError)
            return SendResult(.unknown, reason: isLate ? "no answer in time" : "connection lost")
        }
        state.withLock { $0.failed = address }
        switch error as? HTTPClientError {
        case .connectTimeout, .deadlineExceeded, .getConnectionFromPoolTimeout:
            return SendResult(.retry, reason: "no connection in time")
        case .tlsHandshakeTimeout:
            return SendResult(.retry, reason: "no TLS connection in time")
        default:
            return SendResult(.retry, reason: "no connection")
        }
    }
}

extension WebhookConnector {
    /// Finds out where the host is and holds a client that connects there and nowhere else.
    private func pin() async throws(LaneHold) {
        let (current, failed) = state.withLock { ($0.client, $0.failed) }
        if let current, failed == nil, current.isFresh(at: now()) { return }
        let addresses = try await checkedAddresses()
        guard let address = Self.choose(from: addresses, current: current?.address, failed: failed)
        else {
            await replaceClient(with: nil)
            return
        }
        if let current, current.address == address {
            state.withLock {
                $0.client?.checked = now()
                $0.failed = nil
            }
            return
        }
        await replaceClient(
            with: PinnedClient(
                host: url.host, address: address, timeoutMilliseconds: timeoutMilliseconds,
                checked: now()))
    }

    private func checkedAddresses() async throws(LaneHold) -> [NetworkAddress] {
        let addresses: [NetworkAddress]
        do {
            addresses = try await resolver.addresses(of: url.host)
        } catch {
            throw LaneHold("host names cannot be resolved: the resolver has ended")
        }
        // One bad address among good ones is refused as well: it is how a rebinding name looks.
        if reach == .publicAddresses, !addresses.allSatisfy(\.isPublic) {
            throw LaneHold(
                "the webhook's host leads to a private, local or reserved address, which this server may not post to"
            )
        }
        return addresses
    }

    /// The address in use while it is still one of the host's, the next one after a failure.
    private static func choose(
        from addresses: [NetworkAddress], current: NetworkAddress?, failed: NetworkAddress?
    ) -> NetworkAddress? {
        if let failed, let place = addresses.firstIndex(of: failed) {
            return addresses[(place + 1) % addresses.count]
        }
        if let current, addresses.contains(current) { return current }
        return addresses.first
    }

    private func replaceClient(with client: PinnedClient?) async {
        let old = state.withLock { state in
            defer {
                state.client = client
                state.failed = nil
            }
            return state.client
        }
        await old?.close(logger: logger)
    }

    /// Reads what is left of an answer, so that the connection can be used again, but neither much nor long.
    private func drain(_ body: HTTPClientResponse.Body) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var left = 64 << 10
                do {
                    for try await chunk in body {
                        left -= chunk.readableBytes
                        if left < 0 { return }
                    }
                } catch {
                    // The status has been read, and it alone is the answer.
                    return
                }
            }
            group.addTask {
                do { try await Task.sleep(for: .seconds(1)) } catch { return }
            }
            await group.next()
            group.cancelAll()
        }
    }
}
