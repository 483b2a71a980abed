extension Condition {
    /// Whether the condition holds for one event.
    ///
    /// `type` means the message's type wherever it was said, in the item or in the path it was posted to.
    /// Everything else stands in the message or in its batch (``EventBody/value(at:)``), or, for a path that
    /// begins with `profile`, in `profile`.
    ///
    /// - Parameter received: when the event was received, which ``Comparison/withinLast(_:)`` counts from.
    public func evaluate(
        on event: EventBody, received: Int64? = nil, profile: ProfileValues? = nil
    ) -> Bool {
        switch self {
        case .all(let parts):
            parts.allSatisfy { $0.evaluate(on: event, received: received, profile: profile) }
        case .any(let parts):
            parts.contains { $0.evaluate(on: event, received: received, profile: profile) }
        case .not(let part): !part.evaluate(on: event, received: received, profile: profile)
        case .field(let path, let comparison):
            if path.isOfProfile {
                comparison.matches(token: profile?.token(path), received: received)
            } else if path.names == ["type"], let type = event.type {
                comparison.matches(text: type.name)
            } else {
                comparison.matches(event.value(at: path), received: received)
            }
        }
    }

    /// Every path that the condition reads, each once, in order of first mention.
    public var paths: [FieldPath] {
        var found: [FieldPath] = []
        collectPaths(into: &found)
        return found
    }

    private func collectPaths(into found: inout [FieldPath]) {
        switch self {
        case .all(let parts), .any(let parts):
            for part in parts { part.collectPaths(into: &found) }
        case .not(let part):
            part.collectPaths(into: &found)
        case .field(let path, _):
            if !found.contains(path) { found.append(path) }
        }
    }
}
