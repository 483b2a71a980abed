import Yams

/// A place in the text, both numbers from 1; columns count Unicode scalars.
struct Place: Comparable {
    var line: Int
    var column: Int

    static func < (a: Place, b: Place) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// One value of the YAML text and where it stands. Scalars keep their text: nothing is read as a number
/// or a date before somebody asks for one.
struct PolicyNode {
    enum Content {
        /// `isPlain` is false for quoted text and blocks, which is never a number, a truth value or null.
        case scalar(String, isPlain: Bool)
        case sequence([PolicyNode])
        case mapping([(key: PolicyNode, value: PolicyNode)])
    }

    var place: Place
    var content: Content

    /// What a person would call it.
    var kindName: String {
        switch content {
        case .scalar: isNull ? "nothing" : "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// Whether nothing is written there.
    var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }
}

/// The door to YAML: the one place that knows the parser.
///
/// Anchors, aliases, tags and complex keys have no use in a policy and are how a small file becomes a
/// huge one, so they are refused. Anchors are looked for in the text *before* it is parsed: an aliased
/// tree is deep or large as soon as it exists.
enum PolicyNodeParser {
    static let maximumBytes = 1 << 20
    static let maximumDepth = 32

    /// The text as a tree, or the one problem that keeps it from being one.
    static func parse(_ text: String) -> Result<PolicyNode, PolicyProblem> {
        guard text.utf8.count <= maximumBytes else {
            return .failure(
                problem(
                    Place(line: 1, column: 1),
                    "the policy is \(text.utf8.count) bytes long; at most \(maximumBytes) are read")
            )
        }
        if let anchor = anchor(in: text) {
            return .failure(
                problem(
                    anchor, "an anchor (`&name`) is not taken in a policy",
                    "write the value out; in text or a comment put a space after the `&`"))
        }
        do throws(PolicyProblem) {
            return .success(try node(compose(text), depth: 1))
        } catch {
            return .failure(error)
        }
    }

    private static func problem(
        _ place: Place, _ message: String, _ suggestion: String? = nil
    ) -> PolicyProblem {
        PolicyProblem(
            line: place.line, column: place.column, message: message, suggestion: suggestion)
    }

    /// The first `&` that could begin an anchor. Knows nothing of quotes and comments, so that no trick
    /// with them can hide one.
    private static func anchor(in text: String) -> Place? {
        var place = Place(line: 1, column: 1)
        var before: Unicode.Scalar = "\n"
        var isAfterMark = false
        for scalar in text.unicodeScalars {
            if isAfterMark, isWord(scalar) || scalar == "-" {
                return Place(line: place.line, column: place.column - 1)
            }
            isAfterMark =
                scalar == "&" && !isWord(before) && !"=/.%+;)-&".unicodeScalars.contains(before)
            before = scalar
            if scalar == "\n" {
                place = Place(line: place.line + 1, column: 1)
            } else {
                place.column += 1
            }
        }
        return nil
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_": true
        default: false
        }
    }

    private static func compose(_ text: String) throws(PolicyProblem) -> Node {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text, .basic, .default, .utf8)
        } catch let error as YamlError {
            throw refusal(error, text: text)
        } catch {
            throw problem(Place(line: 1, column: 1), "the text is no YAML: \(error)")
        }
        guard let root else {
            throw problem(
                Place(line: 1, column: 1), "the policy is empty", "begin with `policy: NAME`")
        }
        return root
    }

    private static func refusal(_ error: YamlError, text: String) -> PolicyProblem {
        switch error {
        case .scanner(_, let message, let mark, _), .parser(_, let message, let mark, _),
            .composer(_, let message, let mark, _):
            if message.contains("another document") {
                return problem(place(mark), "a policy is one YAML document; here begins a second")
            }
            if message.contains("undefined alias") {
                return problem(
                    place(mark), "an alias (`*name`) is not taken in a policy",
                    "write the value out; text that begins with `*` goes in quotes")
            }
            return problem(
                place(mark), "no valid YAML: \(message)",
                "look at the indentation, and put text with `: `, ` #` or a leading `*`, `&`, `@` in quotes"
            )
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.map { "`\($0)`" }.joined(separator: ", ")
            return problem(
                place(context.mark), "\(names) stands twice in one mapping",
                "keep one; the first is here")
        case .reader(let message, let offset, _, _):
            return problem(
                place(offset ?? 0, in: text), "no valid YAML: \(message)",
                "take the unprintable character out")
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return problem(Place(line: 1, column: 1), "the text could not be read as YAML")
        }
    }

    private static func place(_ mark: Mark?) -> Place {
        // Every node that the parser made has a mark.
        guard let mark else { return Place(line: 1, column: 1) }
        return Place(line: max(1, mark.line), column: max(1, mark.column))
    }

    private static func place(_ characters: Int, in text: String) -> Place {
        var place = Place(line: 1, column: 1)
        for character in text.prefix(characters) {
            if character.isNewline {
                place = Place(line: place.line + 1, column: 1)
            } else {
                place.column += 1
            }
        }
        return place
    }

    private static func node(_ node: Node, depth: Int) throws(PolicyProblem) -> PolicyNode {
        let place = place(node.mark)
        guard depth <= maximumDepth else {
            throw problem(place, "nested more than \(maximumDepth) deep")
        }
        let tag = node.tag.description
        switch node {
        case .scalar(let scalar):
            // Quoted text is given the tag of strings by the parser itself.
            guard tag.isEmpty || tag == Tag.Name.str.rawValue else { throw refusedTag(place) }
            return PolicyNode(
                place: place, content: .scalar(scalar.string, isPlain: scalar.style == .plain))
        case .sequence(let sequence):
            guard tag.isEmpty || tag == Tag.Name.seq.rawValue else { throw refusedTag(place) }
            var children: [PolicyNode] = []
            for child in sequence { children.append(try self.node(child, depth: depth + 1)) }
            return PolicyNode(place: place, content: .sequence(children))
        case .mapping(let mapping):
            guard tag.isEmpty || tag == Tag.Name.map.rawValue else { throw refusedTag(place) }
            var members: [(PolicyNode, PolicyNode)] = []
            for (key, value) in mapping {
                members.append(
                    (try self.node(key, depth: depth + 1), try self.node(value, depth: depth + 1)))
            }
            return PolicyNode(place: place, content: .mapping(members))
        case .alias:
            throw problem(
                place, "an alias (`*name`) is not taken in a policy", "write the value out")
        }
    }

    private static func refusedTag(_ place: Place) -> PolicyProblem {
        problem(
            place, "a tag (`!name`) is not taken in a policy",
            "put text that begins with `!` in quotes")
    }
}

extension PolicyProblem: Error {}
