/// What a filter may ask of a profile, as known once the event itself was folded (D1).
///
/// `profile.traits.NAME` is the person's newest trait; `profile.audiences` is the list of the audiences that
/// the person is in, by name.
public struct ProfileValues: Equatable, Sendable {
    /// As conditions name them: with `profile` in front.
    public var paths: [FieldPath]
    /// The JSON text at each path; nil where the profile has nothing there.
    public var tokens: [[UInt8]?]

    public init(paths: [FieldPath] = [], tokens: [[UInt8]?] = []) {
        precondition(paths.count == tokens.count, "one value a path")
        self.paths = paths
        self.tokens = tokens
    }

    /// What stands at a path; nil for a path that is not held, which is as if the profile had nothing there.
    public func token(_ path: FieldPath) -> [UInt8]? {
        paths.firstIndex(of: path).flatMap { tokens[$0] }
    }
}

extension FieldPath {
    /// Whether it asks the profile and not the event.
    public var isOfProfile: Bool { names.first == "profile" }
}

extension Policy {
    /// Every profile field that a destination's filter reads, each once, in order of first mention.
    public var profileFields: [FieldPath] {
        var found: [FieldPath] = []
        for destination in destinations {
            for path in destination.filter?.paths ?? []
            where path.isOfProfile && !found.contains(path) {
                found.append(path)
            }
        }
        return found
    }

    /// Whether a destination's filter asks who is in which audience.
    public var asksAudiences: Bool {
        profileFields.contains { $0.names == ["profile", "audiences"] }
    }
}
