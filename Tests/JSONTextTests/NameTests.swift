import JSONText
import Testing

@Suite struct `Names of members` {
    @Test(
        arguments: [
            ("{\"a\":1,\"a\":2}", 7, "the same name twice"),
            ("{\"a\":1,\"\\u0061\":2}", 7, "equal only after unescaping"),
            ("{\"\\u0061\":1,\"a\":2}", 12, "the escaped one first"),
            ("{\"\\n\":1,\"\\u000A\":2}", 8, "two ways to write one escape"),
            ("{\"\\/\":1,\"/\":2}", 8, "an escape nobody needs"),
            ("{\"\\ud83d\\ude00\":1,\"😀\":2}", 18, "a surrogate pair and its character"),
            ("{\"\":1,\"\":2}", 6, "empty names"),
            ("{\"a\":1,\"b\":{\"c\":[{\"d\":1,\"d\":2}]}}", 24, "deep inside"),
            ("{\"b\":{\"a\":1},\"c\":1,\"b\":2}", 19, "with a container between them"),
            ("{\"abcdefgh\":1,\"abcdefgX\":2,\"abcdefgh\":3}", 27, "names of one length"),
            ("{\"é\":1,\"é\":2}", 8, "beyond ASCII"),
        ])
    func `L2: no name stands twice in an object`(_ text: String, _ position: Int, _ reason: String)
    {
        #expect(
            problem(text) == JSONError(position: position, problem: .duplicateKey), "\(reason)")
    }

    @Test(
        arguments: [
            ("{\"a\":1,\"A\":2}", "case matters"), ("[{\"a\":1},{\"a\":1}]", "in two objects"),
            ("{\"a\":{\"a\":1}}", "at two levels"),
            ("{\"a\":\"a\",\"b\":\"a\"}", "a value is no name"),
            ("{\"é\":1,\"e\u{301}\":2}", "canonical equivalence is not equality"),
            ("{\"\\\\u0061\":1,\"a\":2}", "an escaped backslash is no escape"),
            ("{\"abcdefghX\":1,\"abcdefgh\":2}", "one begins with the other"),
        ])
    func `names that only look alike are taken`(_ text: String, _ reason: String) {
        #expect(problem(text) == nil, "\(reason)")
    }

    @Test(arguments: [2, 17, 31, 32, 33, 34, 100, 5_000])
    func `L2: a repeated name is found in objects of every size`(_ count: Int) {
        let names = (0..<count).map { "\"name \($0)\":null" }
        #expect(problem("{" + names.joined(separator: ",") + "}") == nil)
        for repeated in [0, count / 2, count - 1] {
            let text = "{" + names.joined(separator: ",") + ","
            let found = problem(text + names[repeated] + "}")
            #expect(found == JSONError(position: text.utf8.count, problem: .duplicateKey))
        }
    }

    @Test func `L2: the first repetition is the one that is named`() {
        #expect(problem("{\"a\":1,\"b\":1,\"b\":1,\"a\":1}")?.position == 13)
        let many = (0..<40).map { "\"k\($0)\":1" }.joined(separator: ",")
        #expect(problem("{" + many + ",\"k9\":1,\"k3\":1}")?.position == many.utf8.count + 2)
    }

    /// Names of equal length that share first and last bytes defeat the small objects' filter, and
    /// large objects of one long prefix defeat a weak hash. Both have to stay linear: a quadratic
    /// comparison of 300,000 names would take minutes, this takes well under the limit of the test.
    @Test(.timeLimit(.minutes(1)))
    func `L2: hostile names cost no more than their bytes`() {
        let large = (0..<300_000).map { index in
            let digits = String(index)
            return "\"aaaaaaaa" + String(repeating: "0", count: 6 - digits.count) + digits
                + "aaaaaaaa\":1"
        }
        #expect(
            problem(
                "{" + large.joined(separator: ",") + "}", limits: JSONLimits(maximumBytes: 16 << 20)
            )
                == nil)
        let small = (0..<32).map { index in
            let middle = String(index, radix: 36)
            return "\"" + String(repeating: "a", count: 10_000) + middle
                + String(repeating: "a", count: 10_000) + "\":1"
        }
        for _ in 0..<10 {
            #expect(problem("{" + small.joined(separator: ",") + "}") == nil)
        }
    }

    @Test func `our own lines are not compared again`() throws {
        var parser = JSONParser()
        let count = try Array("{\"a\":1,\"a\":2}".utf8).withUnsafeBytes {
            try parser.parseTrusted($0) { $0.count }
        }
        #expect(count == 2)
    }
}
