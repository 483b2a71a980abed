internal import NIOCore
internal import NIOHTTPTypes

/// Cuts connections that hold a place without using it.
///
/// | while | at most |
/// |---|---|
/// | the first request's head arrives | 15 s |
/// | a request's body arrives | 60 s, and as many bytes as any body may have |
/// | the client does not take an answer | 60 s |
///
/// Between requests the server's idle timeout counts. Looked at every few seconds, not timed to the second.
final class SlowClientGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private static let headLimit = TimeAmount.seconds(15)
    private static let bodyLimit = TimeAmount.seconds(60)
    private static let answerLimit = TimeAmount.seconds(60)
    private static let lookEvery = TimeAmount.seconds(3)
    /// An unread body is drained after its refusal, but not for ever.
    private static let bodyBytes = ServerConfiguration.largestBodyBytes * 2

    private var readDeadline: NIODeadline?
    private var writeDeadline: NIODeadline?
    private var bytes = 0
    private var looking: RepeatedTask?

    func handlerAdded(context: ChannelHandlerContext) {
        readDeadline = .now() + Self.headLimit
        let channel = context.channel
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        looking = context.eventLoop.scheduleRepeatedTask(
            initialDelay: Self.lookEvery, delay: Self.lookEvery
        ) { _ in
            if bound.value.isLate { channel.close(promise: nil) }
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { looking?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        looking?.cancel()
        context.fireChannelInactive()
    }

    private var isLate: Bool {
        let now = NIODeadline.now()
        if let readDeadline, readDeadline < now { return true }
        if let writeDeadline, writeDeadline < now { return true }
        return false
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            bytes = 0
            readDeadline = .now() + Self.bodyLimit
        case .body(let part):
            bytes += part.readableBytes
            if bytes > Self.bodyBytes {
                context.close(promise: nil)
                return
            }
        case .end:
            readDeadline = nil
        }
        context.fireChannelRead(data)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writeDeadline = context.channel.isWritable ? nil : .now() + Self.answerLimit
        context.fireChannelWritabilityChanged()
    }
}
