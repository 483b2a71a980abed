public import JSONText
import Synchronization

/// The calls. Each returns the message's id once the message is queued on disk, and throws ``ClientError``
/// when it is not.
extension SluiceClient {
    /// Says who the person is; later messages are theirs, over restarts, until ``reset(consent:)``.
    @discardableResult
    public func identify(
        _ userID: String, traits: JSONObject = JSONObject(), _ options: MessageOptions = .init()
    ) async throws -> String {
        guard !options.isAboutAnother else {
            var options = options
            options.userID = userID
            return try await enqueue("identify", [("traits", .object(traits))], options)
        }
        return try await enqueue("identify", [("traits", .object(traits))], options) {
            $0.userID = userID
        }
    }

    @discardableResult
    public func track(
        _ event: String, _ properties: JSONObject = JSONObject(),
        _ options: MessageOptions = .init()
    ) async throws -> String {
        try await enqueue(
            "track", [("event", .string(event)), ("properties", .object(properties))], options)
    }

    @discardableResult
    public func page(
        _ name: String, category: String? = nil, _ properties: JSONObject = JSONObject(),
        _ options: MessageOptions = .init()
    ) async throws -> String {
        try await view("page", name, category, properties, options)
    }

    @discardableResult
    public func screen(
        _ name: String, category: String? = nil, _ properties: JSONObject = JSONObject(),
        _ options: MessageOptions = .init()
    ) async throws -> String {
        try await view("screen", name, category, properties, options)
    }

    private func view(
        _ type: String, _ name: String, _ category: String?, _ properties: JSONObject,
        _ options: MessageOptions
    ) async throws -> String {
        var members: [(key: String, value: JSONValue)] = [("name", .string(name))]
        if let category { members.append(("category", .string(category))) }
        members.append(("properties", .object(properties)))
        return try await enqueue(type, members, options)
    }

    @discardableResult
    public func group(
        _ groupID: String, traits: JSONObject = JSONObject(), _ options: MessageOptions = .init()
    ) async throws -> String {
        try await enqueue(
            "group", [("groupId", .string(groupID)), ("traits", .object(traits))], options)
    }

    /// Says that `userID` is who was known as `previousID`, or without one as the standing user or else the
    /// standing anonymous id. The person is `userID` from then on.
    @discardableResult
    public func alias(
        _ userID: String, previousID: String? = nil, _ options: MessageOptions = .init()
    ) async throws -> String {
        let previous =
            previousID
            ?? state.withLock { $0.person.userID ?? $0.person.anonymousID }
        let members = [(key: "previousId", value: JSONValue.string(previous))]
        guard !options.isAboutAnother else {
            var options = options
            options.userID = userID
            return try await enqueue("alias", members, options)
        }
        return try await enqueue("alias", members, options) { $0.userID = userID }
    }

    /// Says what the person allows, by category. It stands on every later message about them, over restarts,
    /// and is on disk before any of those is.
    ///
    /// With a `userID` or `anonymousID` in the options it is said once, about that person, and stands on
    /// nothing else.
    @discardableResult
    public func consent(
        _ categories: [String: Bool], _ options: MessageOptions = .init()
    ) async throws -> String {
        var options = options
        options.consent = categories
        let members: [(key: String, value: JSONValue)] = [
            ("event", "Segment Consent Preference Updated"), ("properties", [:]),
        ]
        guard !options.isAboutAnother else { return try await enqueue("track", members, options) }
        return try await enqueue("track", members, options) { $0.consent = categories }
    }

    /// What becomes of the standing consent when another person takes over.
    public enum ConsentAtReset: Sendable {
        /// Nothing is allowed in the new person's name until they say so.
        case forgotten
        /// It belongs to the device, whoever holds it.
        case kept
    }

    /// Another person is here now: a new anonymous id and no user. Sends nothing; returns once it is on disk.
    public func reset(consent: ConsentAtReset = .forgotten) async throws {
        let person = state.withLock { state in
            var person = Person(anonymousID: Message.newID())
            if consent == .kept { person.consent = state.person.consent }
            state.person = person
            return person
        }
        try await queue.withDisk { disk throws(ClientError) in try disk.keep(person) }
    }
}
