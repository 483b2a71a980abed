public import CustomerModel
internal import EventLog
internal import Hashing
public import JSONText
internal import Projections

/// What a call of mParticle's identity API is answered.
public enum IdentityAnswer: Sendable {
    /// `context` is the call's own, as it came.
    case person(MPID, matched: [String], isEphemeral: Bool, context: [UInt8]?)
    case notFound(String)
    case refused(String)
}

/// mParticle's identity API over the links that the log holds (specs: identity, section 2).
///
/// What a call brings that is not linked yet is an event, and the answer is what the fold made of it: the
/// policy's limits and blocked values hold here too. A known person is only found by what makes a person
/// known; a call with a known person's device alone is answered with that device's anonymous person.
extension Workspace {
    /// Answers one call. A search appends nothing, and neither does a call that brings nothing new.
    ///
    /// - Parameters:
    ///   - body: the request's text.
    ///   - readsOnly: whether the call may look only.
    /// - Throws: ``CollectRefusal`` when the log takes nothing, or the projection has stopped.
    public func identity(
        _ kind: IdentityCall, body: [UInt8], source: String, readsOnly: Bool, received: Timestamp
    ) async throws -> IdentityAnswer {
        let call: IDSyncCall
        do {
            call = try collector.withParser { parser in
                try parser.parse(body) { try IDSyncCall($0, kind: kind) }
            }
        } catch let error as JSONError {
            note(.invalidJSON(error), body, source: source, received: received)
            return .refused("The body is not valid JSON: \(error).")
        } catch let refusal as ItemRefusal {
            note(refusal, body, source: source, received: received)
            return .refused(refusal.message)
        }
        if case .modify(let mpid) = kind {
            return try await modify(mpid, call, body, source: source, received: received)
        }
        let match = projection.read { $0.match(call.identifiers) }
        guard match.isAnyUsable else {
            return .refused(
                "None of the known_identities has a type that the policy links and a value that it lets count."
            )
        }
        let looksOnly = readsOnly || kind == .search
        if match.isKnownPersonsDevice {
            guard !looksOnly else { return Self.nobody }
            return try await anonymous(kind, call, body, source: source, received: received)
        }
        if looksOnly || !match.isAnythingNew {
            guard let person = match.person else { return Self.nobody }
            return answer(person, match.matched, call)
        }
        let offset = try await append(kind, body, source: source, received: received)
        return await told(offset, call)
    }

    private static let nobody = IdentityAnswer.notFound("No person has these identities.")

    private func answer(_ person: ProfileID, _ matched: [String], _ call: IDSyncCall)
        -> IdentityAnswer
    {
        guard let mpid = projection.read({ $0.mpid(of: person) }) else {
            return .refused("The person is past the range of mpids.")
        }
        return .person(mpid, matched: matched, isEphemeral: false, context: call.context)
    }

    /// What the fold made of the event at `offset`, or of its like before it; nil when nothing was stored.
    private func told(_ offset: Offset?, _ call: IDSyncCall) async -> IdentityAnswer {
        let found = projection.read { state in
            (offset.flatMap { state.person(ofEventAt: $0.value) }, state.match(call.identifiers))
        }
        guard let person = found.0 ?? found.1.person else {
            return .refused("The policy links none of these identities.")
        }
        return answer(person, found.1.matched, call)
    }

    // MARK: A known person's device

    /// The anonymous person of a device: always the same one for the same strongest identity.
    private func anonymous(
        _ kind: IdentityCall, _ call: IDSyncCall, _ body: [UInt8], source: String,
        received: Timestamp
    ) async throws -> IdentityAnswer {
        var text: [UInt8] = []
        for (type, value) in call.identifiers.prefix(1) {
            text.append(contentsOf: "idsync\0\(type)\0".utf8)
            text.append(
                contentsOf: projection.read { $0.normalisedText(type: type, value: value) }.utf8)
        }
        let key = log.identity.key
        let low = SipHash.hash(text, key: key)
        let high = SipHash.hash(text + [1], key: key)
        let id = "idsync-" + Self.hexadecimal(high) + Self.hexadecimal(low)
        let made = [(type: "anonymous_id", value: id)]
        if let person = projection.read({ $0.match(made).person }) {
            return answer(person, [], call)
        }
        let offset = try await append(
            kind, body, source: source, received: received, anonymous: id)
        guard let offset, let person = projection.read({ $0.person(ofEventAt: offset.value) })
        else {
            return .refused("The policy has no identifiers of type anonymous_id.")
        }
        return answer(person, [], call)
    }

    private static func hexadecimal(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    // MARK: Appending

    /// Appends the call and waits until it is applied; nil when it was stored before, or is about somebody
    /// suppressed.
    private func append(
        _ kind: IdentityCall, _ body: [UInt8], source: String, received: Timestamp,
        anonymous: String? = nil, changed: MPID? = nil
    ) async throws -> Offset? {
        var parts = JSONWriter()
        parts.beginArray()
        if let anonymous { parts.string(anonymous) } else { parts.null() }
        if let changed { parts.int(changed.value) } else { parts.null() }
        parts.endArray()
        var batch = collector.begin(CollectContext(source: source, received: received))
        var around = JSONParser()
        try around.parse(parts.bytes) { parts in
            var views: [JSONView] = []
            parts.forEachElement { views.append($0) }
            try collector.withParser { parser in
                try parser.parse(body) { root in
                    batch.admit(
                        idsync: root, call: kind.name,
                        anonymous: views[0].isNull ? nil : views[0],
                        changed: views[1].isNull ? nil : views[1])
                }
            }
        }
        let outcome = try await collector.commit(batch)
        if let refused = outcome.rejected.first { throw IdentityRefused(refusal: refused.refusal) }
        guard let last = outcome.lastOffset else { return nil }
        try await projection.waitApplied(through: Offset(last.value + 1))
        return last
    }

    /// Why the door did not take a call.
    public struct IdentityRefused: Error { public var refusal: ItemRefusal }

    private func note(
        _ refusal: ItemRefusal, _ body: [UInt8], source: String, received: Timestamp
    ) {
        collector.noteRefused(refusal, body, source: source, received: received)
    }

    // MARK: Changing

    private func modify(
        _ mpid: MPID, _ call: IDSyncCall, _ body: [UInt8], source: String, received: Timestamp
    ) async throws -> IdentityAnswer {
        guard var person = projection.read({ $0.person(numbered: mpid) }) else {
            return .notFound("No person has this mpid.")
        }
        for (type, value) in call.removed {
            let held = projection.read { $0.profileID(of: .identifier(type: type, value: value)) }
            guard held == person else {
                return .refused("An `old_value` is none of this person's identities.")
            }
        }
        if !call.identifiers.isEmpty {
            let offset = try await append(
                .modify(mpid), body, source: source, received: received, changed: mpid)
            if let offset {
                guard let now = projection.read({ $0.person(ofEventAt: offset.value) }) else {
                    return .refused("The policy links none of these identities.")
                }
                person = now
            }
        }
        for (type, value) in call.removed {
            guard try await remove(type, value, from: person, source: source) else {
                return .refused("The only identity of a person cannot be taken away.")
            }
        }
        let now = projection.read { $0.person(numbered: mpid) } ?? person
        return answer(now, [], call)
    }

    /// Retracts what links an identifier to the rest of its person, link by link (I5).
    ///
    /// - Returns: false when there is nobody else to part it from.
    private func remove(
        _ type: String, _ value: String, from person: ProfileID, source: String
    ) async throws -> Bool {
        let gone = PersonReference.identifier(type: type, value: value)
        // Every pass takes one link away, and a person has a bounded number of them.
        for _ in 0..<64 {
            let link = projection.read { state -> LinkEvidence? in
                guard let profile = state.profile(gone) else { return nil }
                let own = state.normalisedText(type: type, value: value)
                for other in profile.identifiers where other.type != type || other.value != own {
                    let path = state.linkPath(
                        gone, .identifier(type: other.type, value: other.value))
                    if let first = path?.first { return first }
                }
                return nil
            }
            guard let link else { break }
            _ = try await append([
                ControlDraft.make(
                    IdentityRecord(
                        act: .retract,
                        first: .init(type: link.first.type, value: link.first.value),
                        second: .init(type: link.second.type, value: link.second.value),
                        by: source, reason: "identity changed by the client"))
            ])
        }
        let left = projection.read { $0.profile(gone)?.identifiers.count ?? 1 }
        return left == 1
    }
}
