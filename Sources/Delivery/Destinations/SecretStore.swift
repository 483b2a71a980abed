/// Destination credentials by the name that a policy gives them. They stay outside the log.
public struct SecretStore: Sendable {
    private let lookUp: @Sendable (String) -> [String]

    /// - Parameter lookUp: the secrets that stand under a name, the newest first; several while one is
    ///   being replaced, none when the name is unknown. Asked before each request, so a reload counts at once.
    public init(_ lookUp: @escaping @Sendable (String) -> [String]) { self.lookUp = lookUp }

    /// The secrets that stand under `name`.
    public func secrets(named name: String) -> [String] { lookUp(name) }
}
