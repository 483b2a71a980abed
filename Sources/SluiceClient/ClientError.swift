/// Why a call of the client did nothing. Messages that were queued before stay queued.
public enum ClientError: Error, Equatable, Sendable {
    /// A value of the configuration is out of its range.
    case configuration(String)
    /// Another client, here or in another process, uses the directory.
    case directoryInUse(String)
    /// ``ClientConfiguration/queueBytes`` wait already; the message was not taken.
    case queueFull
    /// The message is longer than ``ClientConfiguration/messageBytes``.
    case messageTooLarge(bytes: Int, limit: Int)
    /// A value in it is no JSON, such as a number token that is none.
    case invalidMessage(String)
    /// The disk said no. After a failed sync nothing more is taken: what the disk holds is not known then,
    /// and a new client on the directory reads it anew.
    case disk(operation: String, file: String, code: Int32)
    /// ``SluiceClient/shutdown()`` was called.
    case isShutDown
    /// Nothing is sent: ``SluiceClient/run()`` is not running.
    case notRunning
    case alreadyRunning
    /// Not everything was acknowledged in time; it stays queued.
    case timedOut
}

/// What became known while sending. Nothing of it needs an answer; ``refused`` is for a log that somebody
/// reads, since those messages are gone.
public enum ClientReport: Equatable, Sendable {
    /// The server will never take this message: its own code and sentence. It left the queue.
    case refused(messageID: String, code: String, message: String)
    /// A request failed and is made again after `pause`. `reason` holds no message and no key.
    case retrying(reason: String, pause: Duration)
    /// The server does not know the write key or refuses it. Messages wait.
    case unauthorized(message: String)
    /// Lines of the queue that do not bear their checksum were passed over when it was opened.
    case damaged(lines: Int)
}
