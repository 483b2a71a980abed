public import CustomerModel
internal import JSONText

/// A call of mParticle's identity API, as its body was read.
struct IDSyncCall {
    /// The identifiers that the call names, in its order; of a change the new ones.
    var identifiers: [(type: String, value: String)] = []
    /// Those that a change takes away.
    var removed: [(type: String, value: String)] = []
    /// The call's `context`, handed back as it came.
    var context: [UInt8]?

    init(_ root: JSONView, kind: Workspace.IdentityCall) throws(ItemRefusal) {
        guard root.kind == .object else { throw .notAnObject }
        if let environment = root["environment"], !environment.isNull {
            guard ["development", "production", "unknown"].contains(environment.string) else {
                throw .badField("`environment` must be development or production")
            }
        }
        context = root["context"].map { Array($0.rawBytes) }
        try MParticleCheck.time(root, "request_timestamp_ms")
        if let id = root["request_id"], !id.isNull, id.kind != .string {
            throw .badField("`request_id` must be a text")
        }
        if case .modify = kind {
            try readChanges(root["identity_changes"])
        } else {
            try readKnown(root["known_identities"])
        }
    }

    private mutating func readKnown(_ known: JSONView?) throws(ItemRefusal) {
        guard let known, known.kind == .object else {
            throw .badField("`known_identities` must be an object with at least one identity")
        }
        try MParticleCheck.identities(known, "known_identities")
        known.forEachMember { key, value in
            if let name = key.string { add(name, value, to: &identifiers) }
        }
        guard !identifiers.isEmpty else {
            throw .badField("`known_identities` must hold at least one identity")
        }
    }

    private mutating func readChanges(_ changes: JSONView?) throws(ItemRefusal) {
        guard let changes, changes.kind == .array, (1...40).contains(changes.count) else {
            throw .badField("`identity_changes` must be a list of 1 to 40 changes")
        }
        var refusal: ItemRefusal?
        changes.forEachElement { change in
            guard change.kind == .object, let name = change["identity_type"]?.string,
                !name.isEmpty
            else {
                refusal = .badField("each change must name its `identity_type`")
                return
            }
            for value in [change["old_value"], change["new_value"]] {
                switch value?.kind {
                case .string?, .null?, nil: break
                default: refusal = .badField("`old_value` and `new_value` must be texts or null")
                }
            }
            add(name, change["new_value"], to: &identifiers)
            guard change["old_value"]?.string != change["new_value"]?.string else { return }
            add(name, change["old_value"], to: &removed)
        }
        if let refusal { throw refusal }
        guard !identifiers.isEmpty || !removed.isEmpty else {
            throw .badField("`identity_changes` changes nothing")
        }
    }

    private func add(
        _ name: String, _ value: JSONView?, to list: inout [(type: String, value: String)]
    ) {
        guard let value, let type = MParticleForm.identifierType(of: name) else { return }
        let text =
            value.kind == .number ? String(decoding: value.rawBytes, as: UTF8.self) : value.string
        guard let text, !text.isEmpty else { return }
        list.append((type, text))
    }
}

extension Workspace {
    /// What is asked of mParticle's identity API.
    public enum IdentityCall: Equatable, Sendable {
        case identify, login, logout
        /// Looks and changes nothing.
        case search
        case modify(MPID)

        /// As the path names it.
        public var name: String {
            switch self {
            case .identify: "identify"
            case .login: "login"
            case .logout: "logout"
            case .search: "search"
            case .modify: "modify"
            }
        }
    }
}
