private import Synchronization
internal import Yams

/// Why the destinations' secrets could not be read. Never holds a value.
public enum SecretsError: Error, Equatable, Sendable, CustomStringConvertible {
    case file(PrivateFileError)
    /// The text is no YAML, or not of the expected shape.
    case malformed(path: String, reason: String)

    /// What failed, where, and what to do.
    public var description: String {
        switch self {
        case .file(let error): error.description
        case .malformed(let path, let reason):
            "\(path) cannot be used: \(reason); it must read `secrets:` and below it `name: value`"
        }
    }
}

/// `secrets.yaml` (mode 0600): what destinations sign and log in with, by name (DESIGN.md, section 7).
///
/// ```yaml
/// secrets:
///   crm-webhook: whsec_…          # one value
///   partner: [whsec_new, whsec_old]   # several, newest first: a rotation in progress
/// ```
/// Policies name an entry; no policy, log line or error message holds a value. Thread-safe; reading blocks.
public final class SecretsFile: Sendable {
    private let path: String
    private let values: Mutex<[String: [String]]>

    private init(path: String, values: [String: [String]]) {
        self.path = path
        self.values = Mutex(values)
    }

    /// Reads the file; when there is none, there are no secrets.
    public static func open(path: String) throws(SecretsError) -> SecretsFile {
        SecretsFile(path: path, values: try load(path))
    }

    /// Reads the file again. When it cannot be read, what was in force stays in force.
    public func reload() throws(SecretsError) {
        let fresh = try Self.load(path)
        values.withLock { $0 = fresh }
    }

    /// The values of one entry, newest first; nil when there is no such entry.
    public func values(_ name: String) -> [String]? { values.withLock { $0[name] } }

    /// The entries' names, sorted.
    public var names: [String] { values.withLock { $0.keys.sorted() } }

    private static func load(_ path: String) throws(SecretsError) -> [String: [String]] {
        let bytes: [UInt8]?
        do throws(PrivateFileError) {
            bytes = try PrivateFile.read(path)
        } catch {
            throw .file(error)
        }
        guard let bytes else { return [:] }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .malformed(path: path, reason: "it is not UTF-8")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            // The parser's message would quote the line, and with it perhaps a value.
            throw .malformed(path: path, reason: "it is not YAML")
        }
        guard let root, !root.isEmptyScalar else { return [:] }
        guard let section = root.mapping?["secrets"] else {
            throw .malformed(path: path, reason: "it has no `secrets` at the top")
        }
        return try entries(section, path: path)
    }

    private static func entries(
        _ section: Node, path: String
    ) throws(SecretsError) -> [String: [String]] {
        if section.isEmptyScalar { return [:] }
        guard let mapping = section.mapping else {
            throw .malformed(path: path, reason: "`secrets` is no list of names and values")
        }
        var out: [String: [String]] = [:]
        for (key, node) in mapping {
            guard let name = key.scalar?.string else {
                throw .malformed(path: path, reason: "a name is not a text")
            }
            let list: [String]
            if let value = node.scalar?.string {
                list = [value]
            } else if let sequence = node.sequence {
                list = sequence.compactMap { $0.scalar?.string }
                guard list.count == sequence.count else {
                    throw .malformed(path: path, reason: "`\(name)` holds more than texts")
                }
            } else {
                throw .malformed(path: path, reason: "`\(name)` is neither a text nor a list")
            }
            guard !list.isEmpty, list.allSatisfy({ !$0.isEmpty }) else {
                throw .malformed(path: path, reason: "`\(name)` is empty")
            }
            guard out.updateValue(list, forKey: name) == nil else {
                throw .malformed(path: path, reason: "`\(name)` stands there twice")
            }
        }
        return out
    }
}

extension Node {
    /// What a file of comments only, or `secrets:` with nothing after it, gives.
    fileprivate var isEmptyScalar: Bool {
        guard let scalar else { return false }
        return scalar.string.isEmpty || scalar.string == "~" || scalar.string == "null"
    }
}
