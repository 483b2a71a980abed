/// Where a client sends, how it gathers, and what it keeps on disk.
public struct ClientConfiguration: Sendable {
    /// When a call returns, and with that what a crash can lose.
    ///
    /// | | the process is killed | the machine stops |
    /// |---|---|---|
    /// | `everyMessage` | nothing of what returned | nothing of what returned |
    /// | `written` | nothing of what returned | what the system had not written yet, some 30 s |
    public enum SyncPolicy: Sendable {
        /// After fdatasync. Calls that wait at the same time share one.
        case everyMessage
        /// After the system took the bytes.
        case written
    }

    /// The server, such as `http://127.0.0.1:8080`; a slash at its end is left out.
    public var url: String
    /// The write key of a source (`sluice key create NAME`).
    public var writeKey: String
    /// The directory of this client's queue. It is made, mode 0700, when only its last part is missing.
    /// One client at a time: a second one is refused.
    public var directory: String

    /// Messages that make a batch due at once, and the most of one batch: 1 to 2,500.
    public var batchItems = 100
    /// The same in bytes of JSON: 64 KiB or more, and at most what the source takes (500 KiB if nothing
    /// else is set).
    public var batchBytes = 400 << 10
    /// How long the first message of a batch may wait for others.
    public var interval = Duration.seconds(1)
    /// Largest message, in bytes of JSON: what the source takes, 32 KiB if nothing else is set, and no
    /// more than half of ``batchBytes``.
    public var messageBytes = 32 << 10
    /// How much may wait on disk, in bytes: 1 MiB or more. Past it calls throw ``ClientError/queueFull``.
    /// Files stand for up to an eighth more, since they go whole.
    public var queueBytes = 64 << 20
    public var sync = SyncPolicy.everyMessage

    /// How long one request may take.
    public var requestTimeout = Duration.seconds(15)
    /// The first pause after a failure; each further one is twice as long, with jitter.
    public var firstRetry = Duration.milliseconds(500)
    /// The longest pause. `Retry-After` is honoured beyond it, up to an hour.
    public var longestRetry = Duration.seconds(60)
    /// How long ``SluiceClient/shutdown()`` goes on sending.
    public var shutdownLimit = Duration.seconds(10)

    public init(url: String, writeKey: String, directory: String) {
        self.url = url
        self.writeKey = writeKey
        self.directory = directory
    }

    /// - Throws: ``ClientError/configuration(_:)`` naming the first value out of its range.
    func check() throws(ClientError) {
        func demand(_ holds: Bool, _ what: String) throws(ClientError) {
            guard holds else { throw .configuration(what) }
        }
        try demand(
            url.hasPrefix("http://") || url.hasPrefix("https://"),
            "the url begins with http:// or https://")
        try demand(!writeKey.isEmpty, "the write key is empty")
        try demand(!directory.isEmpty, "the directory is empty")
        try demand((1...2_500).contains(batchItems), "batchItems is 1 to 2,500")
        try demand(batchBytes >= 64 << 10, "batchBytes is 64 KiB or more")
        try demand(
            messageBytes > 0 && messageBytes <= batchBytes / 2,
            "messageBytes is above 0 and at most half of batchBytes")
        try demand(queueBytes >= 1 << 20, "queueBytes is 1 MiB or more")
        try demand(
            interval >= .zero && requestTimeout > .zero && firstRetry > .zero
                && longestRetry >= firstRetry && shutdownLimit >= .zero,
            "a duration is negative, or longestRetry is shorter than firstRetry")
    }
}
