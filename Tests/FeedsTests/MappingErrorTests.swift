import Feeds
import Testing

@Suite struct `A mapping file` {
    /// What is wrong with it; nil when nothing is.
    private func complaint(_ yaml: String) -> String? {
        do {
            _ = try FeedMapping(yaml: yaml, file: "m.yaml")
            return nil
        } catch {
            return error.description
        }
    }

    private let good = track("csv", "")

    @Test func `that is right is taken`() throws {
        #expect(complaint(good) == nil)
        #expect(complaint(good + "timeZone: Europe/London") == nil)
    }

    @Test(
        arguments: [
            (
                "propertes: {}",
                "m.yaml:6:1: unknown key \"propertes\"; did you mean \"properties\"?"
            ),
            ("colour: red", "m.yaml:6:1: unknown key \"colour\""),
            (
                "properties: { a: { colum: x } }",
                "m.yaml:6:20: unknown key \"colum\"; did you mean \"column\"?"
            ),
            (
                "properties:\n  a: { column: x, as: int }",
                "m.yaml:7:23: as is one of text, integer, decimal, boolean, time, json, not \"int\""
            ),
            (
                "properties:\n  a: { column: x, as: interger }",
                "m.yaml:7:23: as is one of text, integer, decimal, boolean, time, json, not \"interger\"; did you mean \"integer\"?"
            ),
            ("properties: { a: { path: x } }", "m.yaml:6:20: unknown key \"path\""),
            (
                "properties: { a: {} }",
                "m.yaml:6:18: a value has exactly one of the keys column, constant, template, product, when"
            ),
            (
                "properties: { a: { column: x, constant: y } }",
                "m.yaml:6:18: a value has exactly one of the keys column, constant, template, product, when"
            ),
            ("properties: { a: x }", "m.yaml:6:18: a value must be a mapping of keys and values"),
            ("properties: [a]", "m.yaml:6:13: properties must be a mapping of keys and values"),
            (
                "properties: { a.b: { column: x }, a: { column: x } }",
                "m.yaml:6:35: \"a\" is given twice, as a value and as an object"
            ),
            (
                "properties: { a: { column: x }, a.b: { column: x } }",
                "m.yaml:6:33: \"a.b\" is given twice, as a value and as an object"
            ),
            ("properties: { a..b: { column: x } }", "m.yaml:6:15: \"a..b\" has an empty part"),
            (
                "properties: { a: { column: x }, a: { column: x } }",
                "m.yaml:6:15: this mapping says \"a\" twice"
            ),
            (
                "traits: { a: { column: x } }",
                "m.yaml:6:1: a message of type track has properties, no traits"
            ),
            ("groupId: { column: x }", "m.yaml:6:1: a message of type track has no groupId"),
            (
                "timestamp: { column: x, as: text }",
                "m.yaml:6:12: timestamp is a time: it cannot be \"as: text\""
            ),
            ("name: { column: x }", "m.yaml:6:1: a message of type track has no name"),
            (
                "timeZone: Europe/Londn",
                "m.yaml:6:11: unknown time zone \"Europe/Londn\"; did you mean \"Europe/London\"?"
            ),
            ("timeZone: EST", "m.yaml:6:11: unknown time zone \"EST\""),
            (
                "delimiter: ab",
                "m.yaml:6:12: delimiter is one ASCII character, no quote and no line end"
            ),
            (
                "delimiter: '\"'",
                "m.yaml:6:12: delimiter is one ASCII character, no quote and no line end"
            ),
            (
                "properties: { a: { constant: x, as: decimal } }",
                "m.yaml:6:30: the constant is not a decimal number"
            ),
            (
                "properties: { a: { product: x } }",
                "m.yaml:6:29: a product must be a list of at least one"
            ),
            (
                "properties: { a: { product: [x], as: text } }",
                "m.yaml:6:38: a product is always decimal"
            ),
            (
                "properties: { a: { template: \"{x\" } }",
                "m.yaml:6:30: a \"{\" in the template has no name and \"}\" behind it"
            ),
            (
                "properties: { a: { template: \"{}\" } }",
                "m.yaml:6:30: a \"{\" in the template has no name and \"}\" behind it"
            ),
            (
                "properties: { a: { template: \"x}\" } }",
                "m.yaml:6:30: a \"}\" without \"{\" in the template; \"}}\" stands for one"
            ),
            (
                "properties: { a: { column: x, otherwise: y } }",
                "m.yaml:6:42: \"otherwise\" belongs to \"when\""
            ),
            (
                "properties: { a: { when: [{ column: x, value: y }] } }",
                "m.yaml:6:27: a test has exactly one of the keys equals, startsWith, isEmpty, lessThan, greaterThan"
            ),
            (
                "properties: { a: { when: [{ column: x, equals: y }] } }",
                "m.yaml:6:27: a test has the keys \"column\" and \"value\""
            ),
            (
                "properties: { a: { when: [{ column: x, lesThan: 1, value: y }] } }",
                "m.yaml:6:40: unknown key \"lesThan\"; did you mean \"lessThan\"?"
            ),
            (
                "properties: { a: { when: [{ column: x, lessThan: b, value: y }] } }",
                "m.yaml:6:50: lessThan takes a number of at most nine decimals"
            ),
            (
                "properties: { a: { when: [{ column: x, isEmpty: yes, value: y }] } }",
                "m.yaml:6:49: isEmpty is true or false"
            ),
            (
                "properties: { a: { column: x, unless: event } }",
                "m.yaml:6:39: unless is one of userId, anonymousId, groupId, previousId, not \"event\""
            ),
            (
                "anonymousId: { column: x, unless: groupId }",
                "m.yaml:1:1: anonymousId is left out \"unless: groupId\", which has to be a key of this file and without \"unless\" of its own"
            ),
            ("properties: { a: { column: [x] } }", "m.yaml:6:28: column must be text"),
        ])
    func `is refused with line, column and what may have been meant`(
        _ rest: String, _ expected: String
    ) throws {
        #expect(complaint(good + rest) == expected)
    }

    @Test(
        arguments: [
            ("", "m.yaml:1:1: the file is empty"),
            ("- a", "m.yaml:1:1: a mapping file must be a mapping of keys and values"),
            ("type: track", "m.yaml:1:1: the keys \"format\" and \"type\" are required"),
            (
                "format: csv\ntype: trak",
                "m.yaml:2:7: type is one of track, identify, page, screen, group, alias, not \"trak\"; did you mean \"track\"?"
            ),
            ("format: xml\ntype: track", "m.yaml:1:9: format is one of csv, ndjson, not \"xml\""),
            (
                "format: csv\ntype: track\nevent: { constant: x }\nuserId: { constant: x }",
                "m.yaml:1:1: the key \"messageId\" is required for type track"
            ),
            (
                "format: csv\ntype: track\nmessageId: { constant: x }\nuserId: { constant: x }",
                "m.yaml:1:1: the key \"event\" is required for type track"
            ),
            (
                "format: csv\ntype: page\nmessageId: { constant: x }",
                "m.yaml:1:1: one of the keys \"userId\" and \"anonymousId\" is required"
            ),
            ("format: ndjson\ntype: page\ndelimiter: ;", "m.yaml:3:12: only csv has a delimiter"),
        ])
    func `that is incomplete is refused`(_ yaml: String, _ expected: String) throws {
        #expect(complaint(yaml) == expected)
    }

    @Test func `that is no YAML is refused with its place`() throws {
        #expect(complaint("format: csv\ntype: [")?.hasPrefix("m.yaml:3:1: ") == true)
        #expect(complaint("a: b: c")?.hasPrefix("m.yaml:1:") == true)
    }

    @Test func `of the project is taken`() throws {
        for name in ["online_retail", "wiki_edits"] {
            _ = try FeedMapping(contentsOf: "\(packageRoot)/tools/maps/\(name).yaml")
        }
    }
}
