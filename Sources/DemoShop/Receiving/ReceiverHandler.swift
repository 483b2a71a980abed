import Glibc
import JSONText
import NIOCore
import NIOHTTP1

/// One connection: reads a request whole, asks the ledger, answers.
final class ReceiverHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let ledger: Ledger
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(ledger: Ledger) { self.ledger = ledger }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let buffer):
            body.append(contentsOf: buffer.readableBytesView)
        case .end:
            guard let head else { return }
            respond(to: head, context: context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The sender was killed in the middle of a request, which is what the crash tests do.
        context.close(promise: nil)
    }

    private func respond(to head: HTTPRequestHead, context: ChannelHandlerContext) {
        let parts = head.uri.split(separator: "?", maxSplits: 1).map(String.init)
        let path = parts.first ?? "/"
        switch path {
        case "/control/counts":
            answer(200, text: ledger.counts.text, context: context)
        case "/control/fail":
            guard parts.count == 2, let fault = Fault(query: parts[1]) else {
                return answer(400, text: "say path=, how=, times=", context: context)
            }
            ledger.add(fault)
            answer(200, text: "{}", context: context)
        default:
            let arrival = Ledger.Arrival(
                path: path, id: head.headers.first(name: "webhook-id"),
                timestamp: head.headers.first(name: "webhook-timestamp"),
                signatures: head.headers.first(name: "webhook-signature"),
                correction: head.headers.first(name: "sluice-correction"),
                plan: head.headers.first(name: "sluice-plan"), body: body)
            react(ledger.take(arrival), context: context)
        }
    }

    private func react(_ reaction: Ledger.Reaction, context: ChannelHandlerContext) {
        if reaction.isReset {
            // Closing with a linger of 0 s sends RST instead of FIN.
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            (context.channel as? any SocketOptionProvider)?
                .setSoLinger(linger(l_onoff: 1, l_linger: 0))
                .whenComplete { _ in bound.value.close(promise: nil) }
            return
        }
        guard reaction.delayMilliseconds > 0 else {
            return answer(reaction.status, text: "{}", context: context)
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(reaction.delayMilliseconds)) {
            let (handler, context) = bound.value
            handler.answer(reaction.status, text: "{}", context: context)
        }
    }

    private func answer(_ status: Int, text: String, context: ChannelHandlerContext) {
        var head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: status))
        head.headers.add(name: "content-type", value: "application/json")
        head.headers.add(name: "content-length", value: String(text.utf8.count))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let buffer = context.channel.allocator.buffer(string: text)
        context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
