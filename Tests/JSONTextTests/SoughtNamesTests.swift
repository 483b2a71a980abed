import JSONText
import Testing

/// Members that are looked for together are those that are found one by one.
@Suite struct `Names looked for together` {
    private static let sought: [StaticString] = [
        "", "a", "ab", "abc", "abcd", "abcdefgh", "abcdefgX", "abcdefghi", "abcdefghj",
        "abcdefghijklmnop", "Xbcdefghijklmnop", "abcdefghijklmnopqrstuvwxyz01234", "é",
    ]

    private func check(_ text: String) throws {
        let names = JSONNames(Self.sought)
        var parser = JSONParser()
        try parser.parse(Array(text.utf8)) { view in
            let found = names.members(of: view)
            for (place, name) in Self.sought.enumerated() {
                #expect(
                    found[place]?.byteRange == view[name]?.byteRange, "\(name) in \(text)")
            }
        }
    }

    @Test(
        arguments: [
            "{}", "[]", "1", #"{"":1}"#, #"{"a":1}"#, #"{"ab":[],"a":{}}"#, #"{"abc":0,"abcd":1}"#,
            #"{"abcdefgY":1,"abcdefgX":2}"#, #"{"abcdefghj":"abcdefghi","abcdefgh":null}"#,
            #"{"abcdefghijklmnoq":1,"Xbcdefghijklmnop":2}"#, #"{"é":1,"e":2}"#,
            #"{"abcdefghijklmnopqrstuvwxyz01234":1,"abcdefghijklmnopqrstuvwxyz012345":2}"#,
            #"{"\u0061":1,"b":{"a":2}}"#, #"{"x":{"abc":1},"abc":2}"#,
        ])
    func `are found where one by one they are`(_ text: String) throws { try check(text) }

    @Test func `are found in random objects`() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            var members: [String: Int] = [:]
            for _ in 0..<Int.random(in: 0...8, using: &random) {
                var name = Array("\(Self.sought.randomElement() ?? "")".utf8)
                // Some are cut, some have another byte.
                if Bool.random(using: &random) { name = Array(name.prefix(.random(in: 0...32))) }
                if !name.isEmpty, Int.random(in: 0..<3, using: &random) == 0 {
                    name[Int.random(in: 0..<name.count)] = .random(in: 0x61...0x7A)
                }
                guard let text = String(validating: name, as: UTF8.self) else { continue }
                members[text] = members.count
            }
            let text = members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
            try check("{\(text)}")
        }
    }
}
