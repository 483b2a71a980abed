import Foundation
import JSONText
import Platform
import Testing

@Suite struct `The suppression file` {
    private static func entry(_ value: String) -> SuppressionFile.Entry {
        SuppressionFile.Entry(
            type: "email", value: value, by: "dpo", at: Timestamp(microseconds: 1_000_000))
    }

    private func create(_ path: String, _ bytes: Data, mode: Int = 0o600) {
        #expect(
            FileManager.default.createFile(
                atPath: path, contents: bytes, attributes: [.posixPermissions: mode]))
    }

    @Test func `holds each subject once, private, and comes back as it was`() throws {
        let directory = try ScratchDirectory()
        let path = directory.path + "/suppressions.ndjson"
        let file = try SuppressionFile.open(path: path)
        #expect(file.entries.isEmpty)
        try file.add([Self.entry("a@x.org"), Self.entry("b@x.org"), Self.entry("a@x.org")])
        try file.add([Self.entry("b@x.org")])
        let wanted = [Self.entry("a@x.org"), Self.entry("b@x.org")]
        #expect(file.entries == wanted)
        #expect(try SuppressionFile.open(path: path).entries == wanted)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect(mode as? Int == 0o600)
    }

    @Test func `cuts a line that a crash left unfinished, at every byte of it`() throws {
        let directory = try ScratchDirectory()
        let path = directory.path + "/suppressions.ndjson"
        try SuppressionFile.open(path: path).add([Self.entry("a@x.org"), Self.entry("b@x.org")])
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let first = try #require(whole.firstIndex(of: 0x0A)) + 1
        for end in first..<whole.count {
            let cut = directory.path + "/cut-\(end)"
            create(cut, Data(whole[..<end]))
            let file = try SuppressionFile.open(path: cut)
            #expect(file.entries.map(\.value) == ["a@x.org"], "cut at \(end)")
            try file.add([Self.entry("c@x.org")])
            #expect(
                try SuppressionFile.open(path: cut).entries.map(\.value) == ["a@x.org", "c@x.org"])
        }
    }

    @Test(arguments: [
        "{}\n", "{\"act\":\"erase\",\"type\":\"a\",\"value\":\"b\",\"by\":\"c\",\"at\":\"x\"}\n",
        "not json\n", "{\"act\":\"suppress\",\"type\":\"a\",\"value\":\"b\",\"by\":\"c\"}\n",
    ])
    func `drops nobody in silence: a whole line that is none of it is an error`(_ text: String)
        throws
    {
        let directory = try ScratchDirectory()
        let path = directory.path + "/suppressions.ndjson"
        create(path, Data(text.utf8))
        #expect(throws: OperationError.self) { try SuppressionFile.open(path: path) }
    }

    @Test func `is refused when others may read it`() throws {
        let directory = try ScratchDirectory()
        let path = directory.path + "/suppressions.ndjson"
        create(path, Data(), mode: 0o644)
        #expect(throws: PrivateFileError.self) { try SuppressionFile.open(path: path) }
    }
}
