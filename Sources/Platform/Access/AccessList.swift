internal import Hashing
public import JSONText
private import Synchronization

/// Why a key or token could not be made, taken back or read.
public enum AccessError: Error, Equatable, Sendable, CustomStringConvertible {
    case unreadable(path: String, reason: String)
    case file(PrivateFileError)
    case nameTaken(String)
    case badName(String)
    case notFound(String)

    /// What failed, where, and what to do.
    public var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "\(path) cannot be read: \(reason); restore it, or remove it and create new keys"
        case .file(let error):
            error.description
        case .nameTaken(let name):
            "the name \(name) is taken: choose another, or revoke it first"
        case .badName(let name):
            "\(name) is no name: use 1 to 64 lower-case letters, digits, '-', '_' and '.', "
                + "not 'sluice'"
        case .notFound(let name):
            "nothing is called \(name): see `sluice key list`"
        }
    }
}

/// Who may send events (write keys, one source each) and who may ask questions (tokens, one role each).
///
/// Only SHA-256 of a secret is kept, in `access.json`; the secret is shown once, when it is made. Secrets are
/// 32 random bytes, so an unsalted, fast hash is enough: there is nothing to guess. A presented secret is
/// compared with every entry, each in constant time. Thread-safe; what writes the file blocks.
public final class AccessList: Sendable {
    private let path: String
    private let entries: Mutex<AccessEntries>
    /// Held by whoever writes the file, so that two changes do not write over each other. Readers do not
    /// wait for it.
    private let writing = Mutex<Void>(())

    private init(path: String, entries: AccessEntries) {
        self.path = path
        self.entries = Mutex(entries)
    }

    /// Reads `access.json`; when there is none, nobody has access yet.
    public static func open(path: String) throws(AccessError) -> AccessList {
        AccessList(path: path, entries: try load(path))
    }

    /// Reads the file again. When it cannot be read, what was in force stays in force.
    public func reload() throws(AccessError) {
        let fresh = try Self.load(path)
        entries.withLock { $0 = fresh }
    }

    private static func load(_ path: String) throws(AccessError) -> AccessEntries {
        let bytes: [UInt8]?
        do throws(PrivateFileError) {
            bytes = try PrivateFile.read(path)
        } catch {
            throw .file(error)
        }
        guard let bytes else { return AccessEntries() }
        return try AccessEntries(parsing: bytes, path: path)
    }

    // MARK: Asking

    /// The source that a write key belongs to; nil for a key nobody made.
    public func source(forKey key: UnsafeRawBufferPointer) -> String? {
        find(key, \.keys)?.grants
    }

    /// The same for a text.
    public func source(forKey key: String) -> String? {
        var key = key
        return key.withUTF8 { source(forKey: UnsafeRawBufferPointer($0)) }
    }

    /// How a source's events are taken; the defaults for one that nobody set.
    public func settings(of source: String) -> SourceSettings {
        entries.withLock { $0.sources[source] } ?? SourceSettings()
    }

    /// The source of the OAuth client with this id whose public key passes `verifies`.
    func oauthSource(of client: String, where verifies: (String) -> Bool) -> String? {
        let sources = entries.withLock { $0.sources }.sorted { $0.key < $1.key }
        for (source, settings) in sources {
            for known in settings.oauthClients
            where known.id == client && verifies(known.publicKey) { return source }
        }
        return nil
    }

    /// The source that a write key belongs to, of a client that sends a secret beside it: where the key was
    /// made with one, it must be that; where not, the secret is not looked at, as the key is one already.
    public func source(forKey key: String, secret: String) -> String? {
        var key = key
        guard let entry = key.withUTF8({ find(UnsafeRawBufferPointer($0), \.keys) }) else {
            return nil
        }
        guard let digest = entry.secretDigest else { return entry.grants }
        return Secrets.equal(digest, SHA256.of(secret).bytes) ? entry.grants : nil
    }

    /// Who presents this token; nil for a token nobody made.
    public func principal(forToken token: String) -> Principal? {
        var token = token
        let entry = token.withUTF8 { find(UnsafeRawBufferPointer($0), \.tokens) }
        guard let entry, let role = Role(rawValue: entry.grants) else { return nil }
        return Principal(name: entry.name, role: role)
    }

    private func find(
        _ secret: UnsafeRawBufferPointer, _ list: KeyPath<AccessEntries, [AccessEntry]>
    ) -> AccessEntry? {
        let digest = SHA256.of(secret).bytes
        let all = entries.withLock { $0[keyPath: list] }
        var found: AccessEntry?
        // No early exit: the time says nothing about which entry it was.
        for entry in all where Secrets.equal(entry.digest, digest) { found = entry }
        return found
    }

    /// Names, sources, roles and times, for people: `{"keys":[…],"tokens":[…]}`.
    public func list() -> JSONValue {
        let all = entries.withLock { $0 }
        func rows(_ list: [AccessEntry], grants: String) -> JSONValue {
            .array(
                list.map { entry in
                    [
                        "name": .string(entry.name), grants: .string(entry.grants),
                        "created": .string(entry.created),
                    ]
                })
        }
        return [
            "keys": rows(all.keys, grants: "source"), "tokens": rows(all.tokens, grants: "role"),
        ]
    }

    /// The settings of every source that has a key or was set, for people.
    func listSources() -> JSONValue {
        let all = entries.withLock { $0 }
        let names = Set(all.keys.map(\.grants)).union(all.sources.keys)
        return [
            "sources": .array(
                names.sorted().map { name in
                    (all.sources[name] ?? SourceSettings()).members(source: name)
                })
        ]
    }

    // MARK: Changing

    /// Makes a write key for a source. The result is the only place where the key stands.
    ///
    /// - Parameter name: the source's own name when nil.
    public func createKey(
        source: String, name: String?, at time: Timestamp
    ) throws(AccessError) -> (name: String, key: String) {
        let made = try createKey(source: source, name: name, with: .noSecret, at: time)
        return (made.name, made.key)
    }

    /// Whether a write key has a secret beside it.
    public enum KeySecret: Sendable { case noSecret, secret }

    /// The same, with a secret for mParticle's clients where one is wanted.
    public func createKey(
        source: String, name: String?, with beside: KeySecret, at time: Timestamp
    ) throws(AccessError) -> (name: String, key: String, secret: String?) {
        guard Self.isName(source) else { throw .badName(source) }
        let name = name ?? source
        let key = "wk_" + Self.randomText()
        let secret = beside == .secret ? "ws_" + Self.randomText() : nil
        try add(
            name: name, grants: source, secret: key, beside: secret, at: time, to: \.keys)
        return (name, key, secret)
    }

    /// Makes a token. The result is the only place where the token stands.
    public func createToken(
        role: Role, name: String, at time: Timestamp
    ) throws(AccessError) -> String {
        let secret = "tk_" + Self.randomText()
        try add(name: name, grants: role.rawValue, secret: secret, at: time, to: \.tokens)
        return secret
    }

    /// Takes a write key back, at once.
    public func revokeKey(name: String) throws(AccessError) { try remove(name, from: \.keys) }

    /// Takes a token back, at once.
    public func revokeToken(name: String) throws(AccessError) { try remove(name, from: \.tokens) }

    /// Changes how a source's events are taken, at once.
    func changeSettings(
        of source: String, _ edit: (inout SourceSettings) throws(AccessError) -> Void
    ) throws(AccessError) -> SourceSettings {
        guard Self.isName(source) else { throw .badName(source) }
        var settings = SourceSettings()
        try change { (entries) throws(AccessError) in
            settings = entries.sources[source] ?? SourceSettings()
            try edit(&settings)
            entries.sources[source] = settings
        }
        return settings
    }

    private func add(
        name: String, grants: String, secret: String, beside: String? = nil, at time: Timestamp,
        to list: WritableKeyPath<AccessEntries, [AccessEntry]>
    ) throws(AccessError) {
        guard Self.isName(name) else { throw .badName(name) }
        let entry = AccessEntry(
            name: name, grants: grants, digest: SHA256.of(secret).bytes,
            secretDigest: beside.map { SHA256.of($0).bytes }, created: time.description)
        try change { (entries) throws(AccessError) in
            // One name space for both, so that a name in an audit record means one thing.
            guard !(entries.keys + entries.tokens).contains(where: { $0.name == name }) else {
                throw .nameTaken(name)
            }
            entries[keyPath: list].append(entry)
        }
    }

    private func remove(
        _ name: String, from list: WritableKeyPath<AccessEntries, [AccessEntry]>
    ) throws(AccessError) {
        try change { (entries) throws(AccessError) in
            guard let index = entries[keyPath: list].firstIndex(where: { $0.name == name }) else {
                throw .notFound(name)
            }
            entries[keyPath: list].remove(at: index)
        }
    }

    /// Changes a copy, writes it durably, and only then puts it in force.
    private func change(
        _ edit: (inout AccessEntries) throws(AccessError) -> Void
    ) throws(AccessError) {
        try writing.withLock { (_) throws(AccessError) in
            var fresh = entries.withLock { $0 }
            try edit(&fresh)
            do throws(PrivateFileError) {
                try PrivateFile.replace(path, with: fresh.bytes)
            } catch {
                throw .file(error)
            }
            entries.withLock { $0 = fresh }
        }
    }

    /// 32 random bytes as 43 characters of base64url.
    private static func randomText() -> String {
        let text = Base64.encode(Secrets.randomBytes(32)).utf8.compactMap { byte -> UInt8? in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case UInt8(ascii: "="): nil
            default: byte
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Names reach paths, columns and logs, so they are plain. `sluice` is the source of control records.
    package static func isName(_ text: String) -> Bool {
        guard (1...64).contains(text.utf8.count), text != "sluice", !text.hasPrefix(".") else {
            return false
        }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case 0x61...0x7A, 0x30...0x39, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
    }
}
