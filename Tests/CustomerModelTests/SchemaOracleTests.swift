import CustomerModel
import Foundation
import JSONText
import Testing

/// Python's `jsonschema` as a second opinion on random schemas and values: the same verdict, and the same
/// set of (place in the value, keyword). Skipped where Python or the package is absent.
@Suite(.enabled(if: SchemaOracle.isPresent, "python3 with jsonschema is absent"))
struct `The Python package jsonschema` {
    @Test(arguments: [51, 52] as [UInt64])
    func `agrees on random schemas and values`(_ seed: UInt64) throws {
        var random = SeededBits(seed: seed)
        var cases: [(schema: String, values: [String])] = []
        for _ in 0..<1_200 {
            var writer = RandomSchema(random: random)
            let schema = writer.root()
            let values = (0..<5).map { _ in writer.value(0) }
            random = writer.random
            cases.append((schema, values))
        }
        let opinions = try SchemaOracle.ask(cases)
        try #require(opinions.count == cases.count)
        var valid = 0
        var invalid = 0
        for (index, (schema, values)) in cases.enumerated() {
            let compiled = try `A JSON Schema`.compile(schema)
            for (value, theirs) in zip(values, opinions[index]) {
                let ours = try SchemaFindings.of(compiled, value)
                if theirs.isEmpty { valid += 1 } else { invalid += 1 }
                #expect(ours == theirs, "seed \(seed): \(value) against \(schema)")
            }
        }
        #expect(valid > 500 && invalid > 500, "\(valid) valid, \(invalid) invalid")
    }

    /// As a `pattern` keyword, over texts in which Python's classes and anchors mean the same.
    @Test(arguments: [61, 62] as [UInt64])
    func `agrees on random patterns and texts`(_ seed: UInt64) throws {
        var random = SeededBits(seed: seed)
        var cases: [(schema: String, values: [String])] = []
        for _ in 0..<2_000 {
            let pattern = RandomPattern.alternatives(0, &random)
            let texts = (0..<12).map { _ in
                let letters = (0...random.below(7)).map { _ in
                    "aabbc1_ -".randomElement(using: &random)
                }
                return "\"\(String(letters.compactMap(\.self)))\""
            }
            let escaped = pattern.replacingOccurrences(of: "\\", with: "\\\\")
            cases.append(("{\"pattern\":\"\(escaped)\"}", texts))
        }
        let opinions = try SchemaOracle.ask(cases)
        try #require(opinions.count == cases.count)
        var matches = 0
        for (index, (schema, values)) in cases.enumerated() {
            let compiled = try `A JSON Schema`.compile(schema)
            for (value, theirs) in zip(values, opinions[index]) {
                if theirs.isEmpty { matches += 1 }
                let ours = try SchemaFindings.of(compiled, value)
                #expect(ours == theirs, "seed \(seed): \(value) against \(schema)")
            }
        }
        #expect((5_000..<20_000).contains(matches), "\(matches) of 24,000 match")
    }
}

/// What this checker found, in the oracle's words.
enum SchemaFindings {
    /// Each violation as `place keyword`, in the oracle's way: an unexpected member is the object's.
    static func of(_ schema: JSONSchema, _ value: String) throws -> Set<String> {
        var parser = JSONParser()
        return try parser.parse(Array(value.utf8)) { view in
            let found = schema.violations(of: view, limit: 10_000)
            #expect(schema.isValid(view) == found.isEmpty)
            return Set(
                found.map { violation in
                    // The oracle does not say where a false schema stands.
                    if violation.reason == .never { return "false" }
                    var place = violation.instancePath.split(separator: "/")
                    if violation.reason == .unexpected { place.removeLast() }
                    let keyword = violation.schemaPath.split(separator: "/").last ?? ""
                    return "/\(place.joined(separator: "/")) \(keyword)"
                })
        }
    }
}

enum SchemaOracle {
    private static let script = """
        import json, sys
        from jsonschema import Draft202012Validator
        for line in sys.stdin:
            case = json.loads(line)
            checker = Draft202012Validator(case["schema"])
            print(json.dumps([sorted({"/" + "/".join(map(str, e.absolute_path)) + " " + e.validator if e.validator else "false"
                for e in checker.iter_errors(value)}) for value in case["values"]]))
        """

    static let isPresent: Bool = {
        do {
            return try run(["-c", "import jsonschema"], input: "") == ""
        } catch {
            return false
        }
    }()

    static func ask(_ cases: [(schema: String, values: [String])]) throws -> [[Set<String>]] {
        let input = cases.map { schema, values in
            #"{"schema":\#(schema),"values":[\#(values.joined(separator: ","))]}"# + "\n"
        }
        let output = try run(["-c", script], input: input.joined())
        return try output.split(separator: "\n").map { line in
            let rows = try #require(JSONValue(parsing: Array(line.utf8)).array)
            return rows.map { Set(($0.array ?? []).compactMap(\.string)) }
        }
    }

    private struct Failed: Error { var status: Int32 }

    private static func run(_ arguments: [String], input: String) throws -> String {
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("schema-oracle-\(UUID().uuidString).ndjson")
        try Data(input.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        process.standardInput = try FileHandle(forReadingFrom: file)
        process.standardError = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failed(status: process.terminationStatus)
        }
        return String(decoding: output, as: UTF8.self)
    }
}

/// Random schemas over a small world of names and values, so that they meet.
///
/// Left out is where the oracle is known to read differently: texts with line ends or other alphabets
/// under a pattern, `items: false`, numbers that are no doubles.
struct RandomSchema {
    var random: SeededBits

    private static let names = ["a", "b", "c", "dd"]
    private static let texts = [#""""#, #""a""#, #""ab""#, #""b1""#, #""aab""#, #""x_y""#]
    private static let numbers = [
        "0", "1", "-1", "2", "1.0", "1.5", "0.1", "1e2", "-0.0", "100", "3.5e-1", "7",
    ]
    private static let patterns = [
        "^a", "b$", "^[ab]+$", "a{2}", "^\\\\w*$", "\\\\d", "(a|b)*1", "^(?:ab?)+$", "[^a]",
        "\\\\by",
        "^.?$",
    ]

    private mutating func pick(_ list: [String]) -> String { list[random.below(list.count)] }

    mutating func root() -> String {
        let definitions = (0..<3).map { #""n\#($0)":\#(schema(1, mayRefer: false))"# }
        let members =
            members(0, mayRefer: true) + [#""$defs":{\#(definitions.joined(separator: ","))}"#]
        return "{\(members.joined(separator: ","))}"
    }

    /// - Parameter mayRefer: false where a reference could lead back without going into the value.
    private mutating func schema(_ depth: Int, mayRefer: Bool) -> String {
        if random.onceIn(20) { return random.onceIn(2) ? "true" : "false" }
        return "{\(members(depth, mayRefer: mayRefer).joined(separator: ","))}"
    }

    private mutating func members(_ depth: Int, mayRefer: Bool) -> [String] {
        var members: [String: String] = [:]
        for _ in 0..<(1 + random.below(3)) {
            let (name, value) = keyword(depth, mayRefer: mayRefer)
            members[name] = value
        }
        return members.sorted { $0.key < $1.key }.map { #""\#($0.key)":\#($0.value)"# }
    }

    private mutating func keyword(_ depth: Int, mayRefer: Bool) -> (String, String) {
        switch random.below(depth > 3 ? 12 : 20) {
        case 0, 1: return ("type", type())
        case 2: return ("minimum", pick(Self.numbers))
        case 3: return ("maximum", pick(Self.numbers))
        case 4: return ("exclusiveMinimum", pick(Self.numbers))
        case 5: return ("exclusiveMaximum", pick(Self.numbers))
        case 6: return (random.onceIn(2) ? "minLength" : "maxLength", "\(random.below(4))")
        case 7: return (random.onceIn(2) ? "minItems" : "maxItems", "\(random.below(4))")
        case 8: return ("pattern", "\"\(pick(Self.patterns))\"")
        case 9: return ("enum", "[\(value(2)),\(value(2)),\(value(3))]")
        case 10: return ("const", value(2))
        case 11:
            let names = Self.names.filter { _ in random.onceIn(3) }.map { "\"\($0)\"" }
            return ("required", "[\(names.joined(separator: ","))]")
        case 12, 13: return ("properties", properties(depth))
        case 14:
            return (
                "additionalProperties",
                random.onceIn(2) ? "false" : schema(depth + 1, mayRefer: true)
            )
        case 15: return ("items", "{\(members(depth + 1, mayRefer: true).joined(separator: ","))}")
        case 16: return ("anyOf", list(depth, mayRefer))
        case 17: return ("allOf", list(depth, mayRefer))
        case 18: return ("not", schema(depth + 1, mayRefer: mayRefer))
        default:
            guard mayRefer else { return ("type", type()) }
            return ("$ref", "\"#/$defs/n\(random.below(3))\"")
        }
    }

    private mutating func type() -> String {
        let names = ["null", "boolean", "object", "array", "number", "integer", "string"]
        let first = pick(names)
        let second = pick(names)
        return first == second || random.onceIn(2) ? "\"\(first)\"" : #"["\#(first)","\#(second)"]"#
    }

    private mutating func properties(_ depth: Int) -> String {
        let found = Self.names.filter { _ in random.onceIn(2) }.map { name in
            #""\#(name)":\#(schema(depth + 1, mayRefer: true))"#
        }
        return "{\(found.joined(separator: ","))}"
    }

    private mutating func list(_ depth: Int, _ mayRefer: Bool) -> String {
        let found = (0..<(1 + random.below(3))).map { _ in schema(depth + 1, mayRefer: mayRefer) }
        return "[\(found.joined(separator: ","))]"
    }

    mutating func value(_ depth: Int) -> String {
        switch random.below(depth > 2 ? 5 : 8) {
        case 0: return pick(["null", "true", "false"])
        case 1, 2: return pick(Self.numbers)
        case 3, 4: return pick(Self.texts)
        case 5:
            let elements = (0..<random.below(4)).map { _ in value(depth + 1) }
            return "[\(elements.joined(separator: ","))]"
        default:
            let members = Self.names.filter { _ in random.onceIn(2) }.map {
                "\"\($0)\":\(value(depth + 1))"
            }
            return "{\(members.joined(separator: ","))}"
        }
    }
}

enum RandomPattern {
    static func alternatives(_ depth: Int, _ random: inout SeededBits) -> String {
        (0..<(random.onceIn(3) ? 2 : 1)).map { _ in sequence(depth, &random) }
            .joined(separator: "|")
    }

    private static func sequence(_ depth: Int, _ random: inout SeededBits) -> String {
        var out = random.onceIn(4) ? "^" : ""
        for _ in 0..<(1 + random.below(3)) {
            if random.onceIn(8) { out += "\\b" }
            out += atom(depth, &random)
            let quantifiers = ["", "", "", "*", "+", "?", "*?", "{2}", "{1,}", "{0,2}", "{1,2}?"]
            out += quantifiers[random.below(quantifiers.count)]
        }
        return out + (random.onceIn(4) ? "$" : "")
    }

    private static func atom(_ depth: Int, _ random: inout SeededBits) -> String {
        if depth < 3, random.onceIn(3) {
            return (random.onceIn(2) ? "(" : "(?:") + alternatives(depth + 1, &random) + ")"
        }
        let atoms = [
            "a", "b", "c", "1", ".", "[ab]", "[^a]", "[a-c_]", "[^\\w]", "\\d", "\\w", "\\W", "\\s",
            "\\S", "\\D", "[\\d-]", "\\x61", "[ -]",
        ]
        return atoms[random.below(atoms.count)]
    }
}
