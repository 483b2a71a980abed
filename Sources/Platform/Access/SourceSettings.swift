internal import Hashing
internal import JSONText

/// How the events of one source are taken. What is nil is as the server has it.
public struct SourceSettings: Equatable, Sendable {
    /// Whose clients send: it decides how much they may, and what they are told.
    public enum Dialect: String, Sendable, CaseIterable {
        /// A batch's items are judged one by one; 200 with `{"success":true}`.
        case segment
        /// Up to 4,000 KiB, a batch is taken whole or not at all; 200 with `OK`, refusals in plain text.
        case rudderstack
    }

    /// One client that proves with a private key who it is (Segment's OAuth 2.0).
    public struct OAuthClient: Equatable, Sendable {
        /// `iss` and `sub` of its assertions.
        public var id: String
        /// An RSA public key, PEM (SubjectPublicKeyInfo).
        public var publicKey: String

        public init(id: String, publicKey: String) {
            self.id = id
            self.publicKey = publicKey
        }
    }

    public var dialect = Dialect.segment
    /// The largest single event, in bytes.
    public var itemBytes: Int?
    /// The largest body, in bytes, as it arrives and after unzipping.
    public var bodyBytes: Int?
    /// Events a second; more is answered with 429.
    public var eventsPerSecond: Int?
    /// Whether addresses lose their last part before anything is stored (the last 8 bits of IPv4, the
    /// last 80 of IPv6).
    public var truncatesIP = false
    /// Whether a write key alone is refused.
    public var requiresOAuth = false
    public var oauthClients: [OAuthClient] = []
    /// The entry of `secrets.yaml` that signed requests are checked with (see ``SignedRequest``). Where there
    /// is one, the key alone is not enough for them.
    public var signingSecret: String?

    public init() {}

    /// RudderStack's server takes requests of this many bytes.
    static let rudderstackBytes = 4_000 << 10

    /// The largest single event that this source may send, given the server's own limit.
    public func itemBytes(default fallback: Int) -> Int {
        if let itemBytes { return itemBytes }
        return dialect == .rudderstack ? max(fallback, Self.rudderstackBytes) : fallback
    }

    /// The largest body that this source may send, given the server's own limit.
    public func bodyBytes(default fallback: Int) -> Int {
        if let bodyBytes { return bodyBytes }
        return dialect == .rudderstack ? max(fallback, Self.rudderstackBytes) : fallback
    }
}

extension SourceSettings {
    /// The largest values that can be set: the log's line and the parser's text bound them.
    public static let largestItemBytes = CollectLimits.largestItemBytes
    public static let largestBodyBytes = 4 << 20

    /// Reads `{"source":"web","dialect":"rudderstack",…}`.
    init(parsing value: JSONValue, path: String) throws(AccessError) {
        func wrong(_ what: String) -> AccessError {
            .unreadable(
                path: path,
                reason: "the source \(value["source"]?.string ?? "?") has a wrong \(what)")
        }
        func number(_ name: String, _ range: ClosedRange<Int64>) throws(AccessError) -> Int? {
            guard let found = value[name] else { return nil }
            guard let number = found.int, range.contains(number) else { throw wrong(name) }
            return Int(number)
        }
        func flag(_ name: String) throws(AccessError) -> Bool {
            guard let found = value[name] else { return false }
            guard let flag = found.bool else { throw wrong(name) }
            return flag
        }
        if let text = value["dialect"] {
            guard let known = text.string.flatMap(Dialect.init) else { throw wrong("dialect") }
            dialect = known
        }
        itemBytes = try number("itemBytes", 1...Int64(Self.largestItemBytes))
        bodyBytes = try number("bodyBytes", 1...Int64(Self.largestBodyBytes))
        eventsPerSecond = try number("eventsPerSecond", 1...1_000_000)
        truncatesIP = try flag("truncateIP")
        requiresOAuth = try flag("requireOAuth")
        if let found = value["signingSecret"] {
            guard let name = found.string, !name.isEmpty else { throw wrong("signingSecret") }
            signingSecret = name
        }
        for client in value["oauthClients"]?.array ?? [] {
            guard let id = client["id"]?.string, let key = client["publicKey"]?.string,
                RS256.isPublicKey(key)
            else { throw wrong("oauthClients") }
            oauthClients.append(OAuthClient(id: id, publicKey: key))
        }
    }

    /// What was set, for the file and for people.
    func members(source: String) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("source", .string(source)), ("dialect", .string(dialect.rawValue)),
        ]
        if let itemBytes { members.append(("itemBytes", .int(Int64(itemBytes)))) }
        if let bodyBytes { members.append(("bodyBytes", .int(Int64(bodyBytes)))) }
        if let eventsPerSecond {
            members.append(("eventsPerSecond", .int(Int64(eventsPerSecond))))
        }
        members.append(("truncateIP", .bool(truncatesIP)))
        members.append(("requireOAuth", .bool(requiresOAuth)))
        let clients = oauthClients.map { client -> JSONValue in
            ["id": .string(client.id), "publicKey": .string(client.publicKey)]
        }
        members.append(("oauthClients", .array(clients)))
        if let signingSecret { members.append(("signingSecret", .string(signingSecret))) }
        return .members(members)
    }
}
