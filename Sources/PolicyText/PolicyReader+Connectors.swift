import CustomerModel

extension PolicyReader {
    /// Exactly one of `file` and `webhook`.
    mutating func connector(_ section: Section, at place: Place, of what: String) -> Connector? {
        switch (section["file"], section["webhook"]) {
        case (let node?, nil): return fileConnector(node)
        case (nil, let node?): return webhook(node)
        case (nil, nil):
            note(place, "\(what) has neither `file` nor `webhook`", "say where it is")
        case (_?, _?):
            note(section.keyPlace("webhook"), "\(what) has both `file` and `webhook`", "keep one")
        }
        return nil
    }

    /// A path that stays under the outputs' directory whatever it says.
    private mutating func fileConnector(_ node: PolicyNode) -> Connector? {
        guard let path = text(node, of: "`file`", atMost: 200) else { return nil }
        let names = path.split(separator: "/", omittingEmptySubsequences: false)
        let isInside = !names.contains { $0.isEmpty || $0.hasPrefix(".") } && !path.contains("\\")
        guard isInside else {
            note(
                node.place,
                "`file` must be a path under the outputs' directory, no name in it empty or with a leading dot",
                "write it as in `warehouse.ndjson`")
            return nil
        }
        return .file(path: path)
    }

    private mutating func webhook(_ node: PolicyNode) -> Connector? {
        guard let section = section(node, of: "`webhook`", keys: ["url", "secret", "unknown"])
        else {
            return nil
        }
        guard let urlNode = section["url"], let secretNode = section["secret"] else {
            note(
                section.place, "`webhook` needs `url` and `secret`",
                "`secret` is a name in secrets.yaml")
            return nil
        }
        let url = url(urlNode)
        guard let secret = text(secretNode, of: "`secret`") else { return nil }
        checkName(secret, at: secretNode.place, of: "`secret`, a name in secrets.yaml,")
        guard let unknown = section["unknown"].map({ unknownExit($0) }) ?? .sentAgain, let url
        else {
            return nil
        }
        return .webhook(url: url, secret: secret, unknown: unknown)
    }

    /// What the receiver makes of a request that may have arrived already (E7).
    private mutating func unknownExit(_ node: PolicyNode) -> UnknownExit? {
        switch text(node, of: "`unknown`") {
        case "idempotent"?: return .sentAgain
        case "none"?: return .settledByOperator
        case nil: return nil
        case _?:
            note(
                node.place, "`unknown` must be `idempotent` or `none`",
                "`idempotent`: the receiver takes a repeated id once; `none`: it does not, and an operator settles what may have arrived"
            )
            return nil
        }
    }

    private mutating func url(_ node: PolicyNode) -> String? {
        guard let text = text(node, of: "`url`", atMost: 2_048) else { return nil }
        guard let address = WebAddress(text) else {
            note(
                node.place, "`url` must be an `https://` URL without user name and fragment",
                "write it as in `https://example.com/events`")
            return nil
        }
        guard address.scheme == .https || address.isLoopback || address.isPrivate else {
            note(
                node.place, "`url` would send personal data unencrypted",
                "use `https://`; `http://` is for loopback and private addresses only")
            return nil
        }
        return text
    }
}
