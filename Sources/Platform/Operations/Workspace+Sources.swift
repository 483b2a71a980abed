import CustomerModel
import Hashing
import JSONText

/// How a source's events are taken: an operator's word, in force at once, and noted in the log.
extension Workspace {
    func setSource(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let source = try parameters.text("source")
        let edit = try SourceEdit(parameters)
        if let name = edit.signingSecret, secrets.values(name) == nil {
            throw OperationError.badRequest(
                "secrets.yaml has no entry \(name): write it there first, and send the server SIGHUP"
            )
        }
        let settings = try access.changeSettings(of: source) { $0 = edit.applied(to: $0) }
        try await note(.sourceChanged, source, by: principal)
        return settings.members(source: source)
    }
}

/// What one command changes; what it does not name stays.
private struct SourceEdit {
    var dialect: SourceSettings.Dialect?
    var itemBytes: Int?
    var bodyBytes: Int?
    /// 0 takes the bound away.
    var eventsPerSecond: Int?
    var truncatesIP: Bool?
    var requiresOAuth: Bool?
    var addedClient: SourceSettings.OAuthClient?
    var removedClient: String?
    var signingSecret: String?
    var removesSigningSecret: Bool

    init(_ parameters: Parameters) throws(OperationError) {
        if let text = try parameters.optionalText("dialect") {
            guard let known = SourceSettings.Dialect(rawValue: text) else {
                let names = SourceSettings.Dialect.allCases.map(\.rawValue)
                throw .badRequest("the dialect must be \(names.joined(separator: " or "))")
            }
            dialect = known
        }
        func number(_ name: String, _ range: ClosedRange<Int>) throws(OperationError) -> Int? {
            guard parameters.has(name) else { return nil }
            return try parameters.integer(name, default: 0, in: range)
        }
        itemBytes = try number("itemBytes", 1...SourceSettings.largestItemBytes)
        bodyBytes = try number("bodyBytes", 1...SourceSettings.largestBodyBytes)
        eventsPerSecond = try number("eventsPerSecond", 0...1_000_000)
        if parameters.has("truncateIP") { truncatesIP = try parameters.flag("truncateIP") }
        if parameters.has("requireOAuth") { requiresOAuth = try parameters.flag("requireOAuth") }
        signingSecret = try parameters.optionalText("signingSecret")
        removesSigningSecret = try parameters.flag("removeSigningSecret")
        removedClient = try parameters.optionalText("removeOAuthClient")
        if let id = try parameters.optionalText("oauthClient") {
            let key = try parameters.text("publicKey")
            guard RS256.isPublicKey(key) else {
                throw .badRequest(
                    "the public key must be RSA of 2048 bits or more, as PEM "
                        + "(`openssl rsa -in private.pem -pubout`)")
            }
            addedClient = SourceSettings.OAuthClient(id: id, publicKey: key)
        }
    }

    func applied(to settings: SourceSettings) -> SourceSettings {
        var settings = settings
        if let dialect { settings.dialect = dialect }
        if let itemBytes { settings.itemBytes = itemBytes }
        if let bodyBytes { settings.bodyBytes = bodyBytes }
        if let eventsPerSecond {
            settings.eventsPerSecond = eventsPerSecond == 0 ? nil : eventsPerSecond
        }
        if let truncatesIP { settings.truncatesIP = truncatesIP }
        if let requiresOAuth { settings.requiresOAuth = requiresOAuth }
        if removesSigningSecret { settings.signingSecret = nil }
        if let signingSecret { settings.signingSecret = signingSecret }
        if let removedClient { settings.oauthClients.removeAll { $0.id == removedClient } }
        if let addedClient {
            settings.oauthClients.removeAll { $0.id == addedClient.id }
            settings.oauthClients.append(addedClient)
        }
        return settings
    }
}
