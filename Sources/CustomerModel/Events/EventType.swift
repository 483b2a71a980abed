/// The six kinds of message that a client sends.
public enum EventType: UInt8, Equatable, Sendable, CaseIterable {
    case track = 1
    case identify = 2
    case page = 3
    case screen = 4
    case group = 5
    case alias = 6

    /// As clients write it.
    public var name: String {
        switch self {
        case .track: "track"
        case .identify: "identify"
        case .page: "page"
        case .screen: "screen"
        case .group: "group"
        case .alias: "alias"
        }
    }

    /// The type that a client calls `name`, exact case; nil for any other text.
    public init?(name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }

    /// Where its own fields stand: `traits` for identify and group, `properties` for the rest.
    public var fieldsKey: String {
        switch self {
        case .identify, .group: "traits"
        case .track, .page, .screen, .alias: "properties"
        }
    }
}
