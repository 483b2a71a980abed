/// What somebody may ask of the platform.
public enum Role: String, Sendable, CaseIterable {
    /// May ask everything and change everything.
    case `operator`
    /// May read everything that was shared and why, and change nothing.
    case auditor
    /// A program that follows profiles and audiences.
    case service
}

/// Who asks. Stands in the record of what was asked (A3), so the name is one an auditor can read.
public struct Principal: Sendable, Equatable {
    /// The token's name, or `local` for whoever reaches the socket in the data directory.
    public var name: String
    public var role: Role

    public init(name: String, role: Role) {
        self.name = name
        self.role = role
    }

    /// Whoever can open the data directory (mode 0700) owns it.
    public static let local = Principal(name: "local", role: .operator)
}
