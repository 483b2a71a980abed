import CustomerModel
import Delivery
import Synchronization

/// A destination that answers as told and keeps what it got.
final class FakeTransport: DestinationTransport {
    private struct State {
        var results: [SendResult]
        var requests: [ComposedRequest] = []
        var held: Set<EffectKey> = []
        var hold: LaneHold?
        var lookups = 0
        var prepared = 0
        var closed = 0
    }

    let uncertainty: Uncertainty
    private let state: Mutex<State>
    private let onPrepare: @Sendable () async -> Void
    private let onSend: @Sendable (ComposedRequest) async -> Void

    /// - Parameters:
    ///   - results: one a request; the last is repeated.
    ///   - onPrepare: called when effects have been chosen and not been looked at again.
    ///   - onSend: called when a request is sent, before it is answered.
    init(
        _ results: SendResult..., uncertainty: Uncertainty = .idempotent,
        onSend: @escaping @Sendable (ComposedRequest) async -> Void = { _ in },
        onPrepare: @escaping @Sendable () async -> Void = {}
    ) {
        self.onPrepare = onPrepare
        self.uncertainty = uncertainty
        self.onSend = onSend
        state = Mutex(State(results: results))
    }

    var requests: [ComposedRequest] { state.withLock { $0.requests } }
    var lookups: Int { state.withLock { $0.lookups } }
    var prepared: Int { state.withLock { $0.prepared } }
    var closed: Int { state.withLock { $0.closed } }

    /// What a lookup finds.
    func holds(_ keys: Set<EffectKey>) { state.withLock { $0.held = keys } }
    /// Why nothing can be sent.
    func setHold(_ hold: LaneHold?) { state.withLock { $0.hold = hold } }

    func prepare() async throws(LaneHold) -> Readiness {
        let hold = state.withLock { state in
            state.prepared += 1
            return state.hold
        }
        if let hold { throw hold }
        await onPrepare()
        return Readiness(position: 77)
    }

    func compose(_ members: [RequestMember], requestID: String?) -> ComposedRequest {
        var body: [UInt8] = []
        for member in members {
            body += member.body
            body.append(0x0A)
        }
        let id = requestID ?? members.map(\.key.hex).joined(separator: "+")
        return ComposedRequest(id: id, body: body)
    }

    func send(_ request: ComposedRequest, handedOver: @Sendable () -> Void) async -> SendResult {
        state.withLock { $0.requests.append(request) }
        handedOver()
        await onSend(request)
        return state.withLock { state in
            state.results.count > 1 ? state.results.removeFirst() : state.results[0]
        }
    }

    func find(
        _ keys: Set<EffectKey>, from position: Int?
    ) async throws(LaneHold) -> Set<EffectKey> {
        state.withLock { state in
            state.lookups += 1
            return state.held.intersection(keys)
        }
    }

    func close() async { state.withLock { $0.closed += 1 } }
}

extension SendResult {
    static let accepted = SendResult(.delivered, reason: "accepted", status: 200)
    static let refused = SendResult(.rejected, reason: "refused", status: 400)
    static let busy = SendResult(.retry, reason: "server error", status: 503)
    static let lost = SendResult(.unknown, reason: "connection lost")
}
