internal import NIOCore
internal import NIOHTTP1

/// HTTP/1.0 closes after each answer unless the client asks to keep the connection; HTTP/1.1 keeps it unless
/// the client asks to close. Whoever answers knows no versions, so the older rule is put into the words of
/// the newer one.
final class HTTPVersionRule: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data), !head.isKeepAlive else {
            return context.fireChannelRead(data)
        }
        // One word, whatever list of words the client wrote it in.
        head.headers.replaceOrAdd(name: "connection", value: "close")
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }
}
