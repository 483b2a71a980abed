public import CustomerModel
public import Logging

/// Makes the transport that a destination's connector names.
public struct DestinationTransports: Sendable {
    private let files: OutputFiles
    private let secrets: SecretStore
    private let resolver: HostResolver
    private let reach: WebhookConnector.Reach
    private let logger: Logger

    public init(
        files: OutputFiles, secrets: SecretStore, resolver: HostResolver,
        reach: WebhookConnector.Reach, logger: Logger
    ) {
        self.files = files
        self.secrets = secrets
        self.resolver = resolver
        self.reach = reach
        self.logger = logger
    }

    /// - Throws: ``LaneHold`` when the connector's own words cannot be used.
    public func transport(for destination: Destination) throws(LaneHold) -> any DestinationTransport
    {
        switch destination.connector {
        case .file(let path):
            return try FileConnector(path: path, files: files)
        case .webhook(let url, let secret, let unknown):
            return try WebhookConnector(
                url: url, secretName: secret, secrets: secrets, reach: reach, resolver: resolver,
                timeoutMilliseconds: destination.timeoutMilliseconds, logger: logger,
                uncertainty: unknown == .settledByOperator ? .none : .idempotent)
        }
    }
}
