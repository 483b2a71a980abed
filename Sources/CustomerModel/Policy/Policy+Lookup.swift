extension Policy {
    /// The destination of this name, or nil.
    public func destination(named name: String) -> Destination? {
        destinations.first { $0.name == name }
    }

    /// The audience of this name, or nil.
    public func audience(named name: String) -> Audience? {
        audiences.first { $0.name == name }
    }

    /// The purpose of this name, or nil.
    public func purpose(named name: String) -> Purpose? {
        purposes.first { $0.name == name }
    }
}

extension Destination {
    /// The first rule that means an event of this type and name; nil means that it is not listed and is
    /// withheld (P4).
    public func rule(type: EventType, name: String) -> EventRule? {
        events.first { $0.selector.matches(type: type, name: name) }
    }
}
