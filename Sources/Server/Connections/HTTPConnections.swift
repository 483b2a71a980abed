internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTPTypes
internal import NIOHTTPTypesHTTP1
internal import Synchronization

/// HTTP/1.1 connections, each owned from the moment it is accepted.
///
/// A connection that comes in while the server stops may be dropped before anybody handles it, and NIO traps
/// on an async channel that goes away without having been run. So the server is handed a box that closes
/// what it holds when nobody took it out.
struct HTTPConnections: ServerChildChannel {
    typealias Value = Accepted

    let http1: HTTP1Channel

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Accepted> {
        http1.setup(channel: channel, logger: logger).flatMapThrowing { connection in
            let handlers = channel.pipeline.syncOperations
            let codec = try handlers.context(handlerType: HTTP1ToHTTPServerCodec.self)
            try handlers.addHandler(HTTPVersionRule(), position: .before(codec.handler))
            return Accepted(connection)
        }
    }

    func handle(value: Accepted, logger: Logger) async {
        guard let channel = value.take() else { return }
        await http1.handle(value: channel, logger: logger)
    }

    /// One accepted connection, until it is handled.
    final class Accepted: ServerChildChannelValue {
        let channel: any Channel
        private let unhandled: Mutex<HTTP1Channel.Value?>

        init(_ connection: HTTP1Channel.Value) {
            channel = connection.channel
            unhandled = Mutex(connection)
        }

        func take() -> HTTP1Channel.Value? {
            unhandled.withLock { connection in
                defer { connection = nil }
                return connection
            }
        }

        deinit {
            guard let abandoned = take() else { return }
            // Ends by itself at once; nobody is left to wait for it.
            Task {
                do {
                    try await abandoned.executeThenClose { _, _ in }
                } catch {
                    // It was closing anyway.
                    return
                }
            }
        }
    }
}
