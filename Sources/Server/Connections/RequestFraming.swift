internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes

/// What of HTTP/1.1 is left open by who reads and writes messages.
///
/// | when | then |
/// |---|---|
/// | a client asks with `Expect: 100-continue` | it is told to go on, instead of waiting until it loses patience |
/// | a request is answered before its body has come | the rest is read and dropped, so that a client which writes before it reads comes to the answer |
/// | what comes is no HTTP/1.1 | the 400 says so, as JSON with `code` and `message` like every other |
///
/// How much is dropped, and for how long, is bounded by ``SlowClientGuard``, which stands before it.
final class RequestFraming: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Heads that came.
    private var asked = 0
    /// Answers that were written to their end.
    private var answered = 0
    private var isInRequest = false
    private var isRefusingHTTP = false

    private var isDropping: Bool { isInRequest && answered == asked }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            asked += 1
            isInRequest = true
            if asked == answered + 1, head.headerFields[.expect]?.lowercased() == "100-continue" {
                context.writeAndFlush(
                    wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
        case .body:
            if isDropping { return }
        case .end:
            isInRequest = false
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        // Nobody behind this handler asks for it any more.
        if isDropping { context.read() }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where Self.isOfNoRequest(head):
            isRefusingHTTP = true
            head.headerFields[.contentType] = "application/json"
            head.headerFields[.contentLength] = String(Self.noHTTP.utf8.count)
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            if isRefusingHTTP {
                context.write(
                    wrapOutboundOut(.body(ByteBuffer(staticString: Self.noHTTP))), promise: nil)
            } else {
                answered += 1
            }
            context.write(data, promise: promise)
            if isDropping { context.read() }
        default:
            context.write(data, promise: promise)
        }
    }

    /// The only answer without a body that closes the connection.
    private static func isOfNoRequest(_ head: HTTPResponse) -> Bool {
        head.status == .badRequest && head.headerFields[.contentLength] == "0"
            && head.headerFields[.connection] == "close"
    }

    private static let noHTTP: StaticString =
        #"{"code":"bad_request","message":"this is not a request of HTTP/1.1"}"#
}

extension StaticString {
    fileprivate var utf8: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}
