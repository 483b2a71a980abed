import Yams

/// A node of a mapping file that knows where it stands, so that each complaint can say so.
struct YAMLNode {
    let node: Node
    let file: String

    /// Parses `text`.
    static func root(_ text: String, file: String) throws(FeedMappingError) -> YAMLNode {
        do {
            guard let node = try compose(yaml: text) else {
                throw FeedMappingError(file: file, line: 1, column: 1, reason: "the file is empty")
            }
            return YAMLNode(node: node, file: file)
        } catch let error as FeedMappingError {
            throw error
        } catch let error as YamlError {
            throw FeedMappingError(file: file, yamlError: error)
        } catch {
            throw FeedMappingError(file: file, line: 1, column: 1, reason: "\(error)")
        }
    }

    /// Counted from 1.
    var line: Int { mark.line }
    /// Counted from 1.
    var column: Int { mark.column }

    /// Every node that was parsed has one.
    private var mark: Mark {
        guard let mark = node.mark else { preconditionFailure("a node that was not parsed") }
        return mark
    }

    func error(_ reason: String) -> FeedMappingError {
        FeedMappingError(file: file, line: line, column: column, reason: reason)
    }

    /// The members of a mapping whose keys are all among `allowed`.
    func members(_ what: String, allowed: [String]) throws(FeedMappingError) -> [Member] {
        let members = try members(what)
        for member in members where !allowed.contains(member.name) {
            throw member.key.error(
                "unknown key \"\(member.name)\""
                    + Suggestion.text(for: member.name, among: allowed))
        }
        return members
    }

    /// The members of a mapping, in order.
    func members(_ what: String) throws(FeedMappingError) -> [Member] {
        guard case .mapping(let mapping) = node else {
            throw error("\(what) must be a mapping of keys and values")
        }
        var members: [Member] = []
        for (key, value) in mapping {
            let key = YAMLNode(node: key, file: file)
            members.append(
                Member(
                    name: try key.text("a key"), key: key, value: YAMLNode(node: value, file: file))
            )
        }
        return members
    }

    struct Member {
        var name: String
        var key: YAMLNode
        var value: YAMLNode
    }

    /// The elements of a list of at least one.
    func elements(_ what: String) throws(FeedMappingError) -> [YAMLNode] {
        guard case .sequence(let sequence) = node, !sequence.isEmpty else {
            throw error("\(what) must be a list of at least one")
        }
        return sequence.map { YAMLNode(node: $0, file: file) }
    }

    /// The text of a scalar, whatever YAML would make of it: `1.10` stays `1.10`, `no` stays `no`.
    func text(_ what: String) throws(FeedMappingError) -> String {
        guard case .scalar(let scalar) = node else { throw error("\(what) must be text") }
        return scalar.string
    }

    /// A scalar that names one case of `Choice`.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ what: String, _: Choice.Type
    ) throws(FeedMappingError) -> Choice {
        try choice(what, among: Array(Choice.allCases))
    }

    /// A scalar that names one of `cases`.
    func choice<Choice: RawRepresentable<String>>(
        _ what: String, among cases: [Choice]
    ) throws(FeedMappingError) -> Choice {
        let text = try text(what)
        guard let found = cases.first(where: { $0.rawValue == text }) else {
            let names = cases.map(\.rawValue)
            throw error(
                "\(what) is one of \(names.joined(separator: ", ")), not \"\(text)\""
                    + Suggestion.text(for: text, among: names))
        }
        return found
    }
}

extension FeedMappingError {
    fileprivate init(file: String, yamlError: YamlError) {
        switch yamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            self.init(file: file, line: mark.line, column: mark.column, reason: problem)
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.map { "\"\($0)\"" }.joined(separator: ", ")
            self.init(
                file: file, line: context.mark.line, column: context.mark.column,
                reason: "this mapping says \(names) twice")
        default:
            self.init(file: file, line: 1, column: 1, reason: "\(yamlError)")
        }
    }
}
