/// How the server listens and how much it takes from a client.
public struct ServerConfiguration: Sendable {
    /// Loopback unless the operator says otherwise.
    public var host: String
    /// 0 lets the system choose.
    public var port: Int
    /// The directory whose socket answers local commands.
    public var dataDirectory: String
    /// Largest body of a collecting request, as it arrives and after unzipping. 500 KiB as Segment has it.
    public var collectBytes: Int
    /// Largest number of items in one batch.
    public var batchItems: Int
    /// Connections open at once; more wait in the system's queue. Fewer where the process may not open so many
    /// files.
    public var connections: Int
    /// The most bytes of requests held at once: bodies, and the lines made of them. What does not fit is
    /// answered with 503, or 429 for mParticle's clients, and `Retry-After`.
    public var intakeBytes: Int
    /// How long a client may take over a body, or to take an answer, in seconds; a quarter of it for its
    /// first head, five quarters to be idle.
    public var patienceSeconds: Int
    /// How long requests in progress may take to end after a signal to stop.
    public var drainSeconds: Int

    /// No body is larger, whatever is configured: a text is parsed in memory.
    public static let largestBodyBytes = 4 << 20

    public init(
        host: String = "127.0.0.1", port: Int = 8080, dataDirectory: String,
        collectBytes: Int = 500 << 10, batchItems: Int = 2_500, connections: Int = 4_096,
        intakeBytes: Int = 256 << 20, patienceSeconds: Int = 60, drainSeconds: Int = 30
    ) {
        self.host = host
        self.port = port
        self.dataDirectory = dataDirectory
        self.collectBytes = min(max(collectBytes, 1), Self.largestBodyBytes)
        self.batchItems = batchItems
        self.connections = connections
        self.intakeBytes = intakeBytes
        self.patienceSeconds = max(patienceSeconds, 1)
        self.drainSeconds = drainSeconds
    }

    /// Where local commands reach this server.
    public static func socketPath(dataDirectory: String) -> String {
        dataDirectory + "/sluice.sock"
    }

    /// Whether only this machine can connect.
    var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}
