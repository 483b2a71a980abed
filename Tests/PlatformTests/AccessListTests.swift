import EventLog
import Foundation
import JSONText
import Platform
import Testing

@Suite struct `The access list` {
    private let directory: ScratchDirectory
    private var path: String { directory.path + "/access.json" }
    private let now = Timestamp(microseconds: 1_800_000_000_000_000)

    init() throws { directory = try ScratchDirectory() }

    @Test func `knows a key by its value, and keeps only its hash`() throws {
        let list = try AccessList.open(path: path)
        let made = try list.createKey(source: "web", name: nil, at: now)
        #expect(made.name == "web")
        #expect(made.key.hasPrefix("wk_"))
        #expect(made.key.count == 46)
        #expect(list.source(forKey: made.key) == "web")
        #expect(list.source(forKey: made.key + "x") == nil)
        #expect(list.source(forKey: "") == nil)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(!text.contains(made.key))
        let again = try AccessList.open(path: path)
        #expect(again.source(forKey: made.key) == "web")
        #expect(try again.createKey(source: "web", name: "web-2", at: now).key != made.key)
    }

    @Test func `gives tokens their role until they are revoked`() throws {
        let list = try AccessList.open(path: path)
        let token = try list.createToken(role: .auditor, name: "dpo", at: now)
        #expect(list.principal(forToken: token) == Principal(name: "dpo", role: .auditor))
        #expect(list.source(forKey: token) == nil, "a token is no write key")
        try list.revokeToken(name: "dpo")
        #expect(list.principal(forToken: token) == nil)
        #expect(throws: AccessError.notFound("dpo")) { try list.revokeToken(name: "dpo") }
    }

    @Test func `has each name once`() throws {
        let list = try AccessList.open(path: path)
        _ = try list.createKey(source: "web", name: "shop", at: now)
        #expect(throws: AccessError.nameTaken("shop")) {
            try list.createToken(role: .service, name: "shop", at: now)
        }
    }

    @Test(arguments: [
        "", "Web", "a b", "sluice", "../x", ".", "ä", String(repeating: "a", count: 65),
    ])
    func `takes only plain names`(_ name: String) throws {
        let list = try AccessList.open(path: path)
        #expect(throws: AccessError.badName(name)) {
            try list.createKey(source: name, name: nil, at: now)
        }
    }

    @Test func `reads the file again, and keeps what was when it cannot`() throws {
        let list = try AccessList.open(path: path)
        let key = try list.createKey(source: "web", name: nil, at: now).key
        let other = try AccessList.open(path: path)
        try other.revokeKey(name: "web")
        #expect(list.source(forKey: key) == "web")
        try list.reload()
        #expect(list.source(forKey: key) == nil)
        let added = try list.createKey(source: "app", name: nil, at: now).key
        try Data("{".utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: AccessError.self) { try list.reload() }
        #expect(list.source(forKey: added) == "app")
    }

    @Test func `is refused when others may read it`() throws {
        let list = try AccessList.open(path: path)
        _ = try list.createKey(source: "web", name: nil, at: now)
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
        #expect(throws: AccessError.file(.tooOpen(path: path, mode: 0o640))) {
            try AccessList.open(path: path)
        }
    }
}

@Suite struct `The secrets file` {
    private let directory: ScratchDirectory
    private var path: String { directory.path + "/secrets.yaml" }

    init() throws { directory = try ScratchDirectory() }

    private func write(_ text: String, mode: Int = 0o600) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    @Test func `gives one value or several, newest first`() throws {
        try write("secrets:\n  crm: whsec_1\n  partner: [whsec_new, whsec_old]\n")
        let secrets = try SecretsFile.open(path: path)
        #expect(secrets.values("crm") == ["whsec_1"])
        #expect(secrets.values("partner") == ["whsec_new", "whsec_old"])
        #expect(secrets.values("other") == nil)
        #expect(secrets.names == ["crm", "partner"])
    }

    @Test func `may be absent or empty`() throws {
        #expect(try SecretsFile.open(path: path).names.isEmpty)
        try write("# nothing yet\n")
        #expect(try SecretsFile.open(path: path).names.isEmpty)
        try write("secrets:\n")
        #expect(try SecretsFile.open(path: path).names.isEmpty)
    }

    @Test(arguments: [
        "secrets: [a]", "secrets:\n  a: {b: c}", "secrets:\n  a: ''", "other: 1", "secrets: {a: [",
        "secrets:\n  a: []",
    ])
    func `is refused whole when it is not of its shape, without a value in the reason`(
        _ text: String
    ) throws {
        try write(text + "\n# hunter2")
        let error = #expect(throws: SecretsError.self) { try SecretsFile.open(path: path) }
        #expect(error.map { !$0.description.contains("hunter2") } == true)
    }

    @Test func `is refused when others may read it, and a reload keeps what was`() throws {
        try write("secrets:\n  crm: one\n")
        let secrets = try SecretsFile.open(path: path)
        try write("secrets:\n  crm: two\n", mode: 0o644)
        #expect(throws: SecretsError.file(.tooOpen(path: path, mode: 0o644))) {
            try secrets.reload()
        }
        #expect(secrets.values("crm") == ["one"])
        try write("secrets:\n  crm: two\n")
        try secrets.reload()
        #expect(secrets.values("crm") == ["two"])
    }
}
