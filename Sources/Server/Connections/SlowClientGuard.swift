internal import NIOCore
internal import NIOHTTPTypes

/// Cuts connections that hold a place without using it.
///
/// | while | at most | as a share of the server's patience |
/// |---|---|---|
/// | the first request's head arrives | 15 s | a quarter |
/// | a request's body arrives | 60 s, and twice as many bytes as any body may have | all of it |
/// | the client does not take an answer | 60 s | all of it |
/// | nothing is asked (the server's idle timeout) | 75 s | five quarters |
///
/// Looked at every twentieth of the patience, not timed to the second.
final class SlowClientGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let headLimit: TimeAmount
    private let bodyLimit: TimeAmount
    private let answerLimit: TimeAmount
    private let lookEvery: TimeAmount
    /// An unread body is drained after its refusal, but not for ever.
    private static let bodyBytes = ServerConfiguration.largestBodyBytes * 2

    private var readDeadline: NIODeadline?
    private var writeDeadline: NIODeadline?
    private var bytes = 0
    private var looking: RepeatedTask?

    init(patienceSeconds: Int) {
        let patience = Int64(patienceSeconds) * 1_000
        headLimit = .milliseconds(patience / 4)
        bodyLimit = .milliseconds(patience)
        answerLimit = .milliseconds(patience)
        lookEvery = .milliseconds(patience / 20)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        readDeadline = .now() + headLimit
        let channel = context.channel
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        looking = context.eventLoop.scheduleRepeatedTask(
            initialDelay: lookEvery, delay: lookEvery
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
            readDeadline = .now() + bodyLimit
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
        writeDeadline = context.channel.isWritable ? nil : .now() + answerLimit
        context.fireChannelWritabilityChanged()
    }
}
