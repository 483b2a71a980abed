import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A real HTTP receiver on a loopback port, which answers as told and keeps what it got.
struct LoopbackReceiver {
    enum Answer: Sendable {
        case status(Int, headers: [(String, String)] = [], bodyBytes: Int = 0)
        /// Takes the request and says nothing.
        case silence
        /// Takes the request and closes the connection.
        case close
        /// Answers 200 and then sends a byte now and then, for ever.
        case drip
    }

    struct Received: Sendable {
        var uri: String
        var headers: [(name: String, value: String)]
        var body: [UInt8]

        func header(_ name: String) -> String? {
            headers.first { $0.name.lowercased() == name }?.value
        }
    }

    private let ledger: Ledger
    private let channel: any Channel
    let port: Int

    var received: [Received] { ledger.received }
    var connections: Int { ledger.connections }

    /// Listens, lets `body` post, and stops. The last answer is repeated.
    static func with(
        _ answers: Answer..., body: (LoopbackReceiver) async throws -> Void
    ) async throws {
        let ledger = Ledger(answers)
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    ledger.connected()
                    try child.pipeline.syncOperations.configureHTTPServerPipeline()
                    try child.pipeline.syncOperations.addHandler(Answerer(ledger))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let port = channel.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        do {
            try await body(LoopbackReceiver(ledger: ledger, channel: channel, port: port))
        } catch {
            try await channel.close()
            throw error
        }
        try await channel.close()
    }

    /// What the receiver's connections share.
    private final class Ledger: Sendable {
        private struct State {
            var answers: [Answer]
            var received: [Received] = []
            var connections = 0
        }
        private let state: Mutex<State>

        init(_ answers: [Answer]) { state = Mutex(State(answers: answers)) }

        var received: [Received] { state.withLock { $0.received } }
        var connections: Int { state.withLock { $0.connections } }

        func connected() { state.withLock { $0.connections += 1 } }

        func take(_ request: Received) -> Answer {
            state.withLock { state in
                state.received.append(request)
                return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
            }
        }
    }

    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let ledger: Ledger
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(_ ledger: Ledger) { self.ledger = ledger }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): self.head = head
            case .body(let part): body.append(contentsOf: part.readableBytesView)
            case .end: answer(context)
            }
        }

        private func answer(_ context: ChannelHandlerContext) {
            guard let head else { return }
            let request = Received(
                uri: head.uri, headers: head.headers.map { ($0.name, $0.value) }, body: body)
            body = []
            switch ledger.take(request) {
            case .silence: return
            case .close: context.close(promise: nil)
            case .status(let code, let headers, let bodyBytes):
                write(context, code, headers)
                writeBody(context, left: bodyBytes)
            case .drip:
                write(context, 200, [])
                drip(context)
            }
        }

        private func write(
            _ context: ChannelHandlerContext, _ code: Int, _ headers: [(String, String)]
        ) {
            let head = HTTPResponseHead(
                version: .http1_1, status: HTTPResponseStatus(statusCode: code),
                headers: HTTPHeaders(headers))
            context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        }

        /// Sends a body of zeroes, no faster than it is taken.
        private func writeBody(_ context: ChannelHandlerContext, left: Int) {
            guard left > 0 else {
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
                return
            }
            let count = min(left, 65_536)
            let part = ByteBuffer(repeating: 0, count: count)
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(part)))).whenSuccess {
                let (handler, context) = bound.value
                handler.writeBody(context, left: left - count)
            }
        }

        private func drip(_ context: ChannelHandlerContext) {
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            let part = wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "."))))
            context.writeAndFlush(part).whenSuccess {
                bound.value.1.eventLoop.scheduleTask(in: .milliseconds(50)) {
                    let (handler, context) = bound.value
                    handler.drip(context)
                }
            }
        }
    }
}
