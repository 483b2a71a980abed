internal import Hashing
internal import JSONText

/// A write key's or a token's place in `access.json`. The secret itself is nowhere.
struct AccessEntry: Equatable, Sendable {
    var name: String
    /// The source for a key, the role for a token.
    var grants: String
    var digest: [UInt8]
    /// Of the secret beside a write key; nil where there is none.
    var secretDigest: [UInt8]?
    /// RFC 3339, for people.
    var created: String
}

/// What `access.json` holds.
///
/// ```
/// {"version":1,
///  "keys":  [{"name":"web","source":"web","sha256":"<64 hex>","created":"2026-…Z"},
///            {"name":"app","source":"app","sha256":"…","secretSha256":"…","created":"…"}],
///  "tokens":[{"name":"audit","role":"auditor","sha256":"<64 hex>","created":"2026-…Z"}],
///  "sources":[{"source":"web","dialect":"segment","truncateIP":true,…}]}
/// ```
///
/// `sources` may be absent; see ``SourceSettings``.
struct AccessEntries: Equatable, Sendable {
    var keys: [AccessEntry] = []
    var tokens: [AccessEntry] = []
    var sources: [String: SourceSettings] = [:]

    /// Nothing is allowed to anybody.
    init() {}

    init(parsing bytes: [UInt8], path: String) throws(AccessError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
        guard value["version"]?.int == 1 else {
            throw .unreadable(path: path, reason: "its version is not 1")
        }
        keys = try Self.entries(value["keys"], grants: "source", path: path)
        tokens = try Self.entries(value["tokens"], grants: "role", path: path)
        for token in tokens where Role(rawValue: token.grants) == nil {
            throw .unreadable(path: path, reason: "the token \(token.name) has an unknown role")
        }
        for item in value["sources"]?.array ?? [] {
            guard let source = item["source"]?.string, AccessList.isName(source) else {
                throw .unreadable(path: path, reason: "an entry of sources has no source")
            }
            sources[source] = try SourceSettings(parsing: item, path: path)
        }
    }

    private static func entries(
        _ list: JSONValue?, grants: String, path: String
    ) throws(AccessError) -> [AccessEntry] {
        guard let list = list?.array else {
            throw .unreadable(path: path, reason: "it has no list of \(grants) entries")
        }
        var out: [AccessEntry] = []
        for item in list {
            guard let name = item["name"]?.string, let granted = item[grants]?.string,
                let hex = item["sha256"]?.string, let digest = Hexadecimal.decode(hex),
                digest.count == 32, let created = item["created"]?.string
            else {
                throw .unreadable(path: path, reason: "entry \(out.count) lacks a member")
            }
            var entry = AccessEntry(
                name: name, grants: granted, digest: digest, created: created)
            if let text = item["secretSha256"] {
                guard let secret = text.string.flatMap(Hexadecimal.decode), secret.count == 32
                else { throw .unreadable(path: path, reason: "the secret of \(name) is none") }
                entry.secretDigest = secret
            }
            out.append(entry)
        }
        return out
    }

    var bytes: [UInt8] {
        var writer = JSONWriter(reserving: 256)
        writer.beginObject()
        writer.member("version", Int64(1))
        Self.write(keys, as: "keys", grants: "source", into: &writer)
        Self.write(tokens, as: "tokens", grants: "role", into: &writer)
        writer.key("sources")
        writer.beginArray()
        for (source, settings) in sources.sorted(by: { $0.key < $1.key }) {
            writer.value(settings.members(source: source))
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes + [0x0A]
    }

    private static func write(
        _ entries: [AccessEntry], as key: String, grants: String, into writer: inout JSONWriter
    ) {
        writer.key(key)
        writer.beginArray()
        for entry in entries {
            writer.beginObject()
            writer.member("name", entry.name)
            writer.member(grants, entry.grants)
            writer.member("sha256", Hexadecimal.encode(entry.digest))
            if let secret = entry.secretDigest {
                writer.member("secretSha256", Hexadecimal.encode(secret))
            }
            writer.member("created", entry.created)
            writer.endObject()
        }
        writer.endArray()
    }
}
