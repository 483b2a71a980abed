internal import JSONText

/// What HTTP has to know of operations: which only read. Who may ask for what is the workspace's to say.
enum OperationCatalog {
    /// These answer a GET too; everything else changes something and takes a POST.
    private static let reading: Set<String> = [
        "status", "explain", "audit.disclosures", "audit.decisions", "profile", "consent",
        "audience", "audiences",
        "audience.show", "audience.explain",
        "policy.history", "policy.violations", "policy.quarantine", "replay.plans",
        "replay.findings", "log.stat", "log.cat", "rejects", "access.list", "source.list",
        "identity.review",
        "identity.retractions", "identity.refusals",
    ]

    static func isReading(_ operation: String) -> Bool { reading.contains(operation) }

    /// Parameters from a query, all as texts; nil when a name stands there twice.
    static func parameters(_ query: [(name: String, value: String)]) -> JSONValue? {
        var object = JSONObject()
        for (name, text) in query {
            guard object[name] == nil else { return nil }
            object[name] = .string(text)
        }
        return .object(object)
    }
}
