import CustomerModel
import Foundation
import Hashing
import JSONText
import Projections

@testable import EventLog

extension Target {
    /// What is not the log's own: the fold's checkpoint, and the text of the lines.
    static let states: [Target] = [
        Target(name: "checkpoint", seeds: checkpoints, run: checkpoint),
        Target(name: "json", seeds: texts, run: json),
    ]

    // MARK: - Checkpoints

    private static func checkpoints() throws -> [[UInt8]] {
        try [0, 8, 60].map { length in
            try RandomHistory(seed: 7, length: length).history.state.canonicalBytes()
        }
    }

    private static func checkpoint(_ bytes: [UInt8]) {
        let state: FoldState
        do { state = try FoldState(canonicalBytes: bytes, key: History.key) } catch {
            if let error = error as? CanonicalError {
                require(error.position <= bytes.count, "an error is inside the bytes: \(error)")
            }
            return
        }
        // The same state may have been written in another order, but not by us: once is enough.
        let again = state.canonicalBytes()
        do {
            let twice = try FoldState(canonicalBytes: again, key: History.key)
            require(twice.canonicalBytes() == again, "a state that is written is read again")
        } catch { broken("a state that is written is read again: \(error)") }
    }

    // MARK: - JSON

    private static func texts() -> [[UInt8]] {
        [
            #"{"v":1,"offset":7,"recorded":"2026-01-01T00:00:00.000000Z","kind":"event","body":{"a":[1,-2.5e3,true,null,{}],"\u00e9\ud83d\ude00":"x\n"}}"#,
            #" [ "a" , {"b" : {} , "bb":[[[]]]} , 12345678901234567890 ] "#,
            #""text""#, "0", #"{"\ud83d":"\ud83d\ude00\ud83d","\ude00":["\ud83d\ud83d\ude00"]}"#,
            #"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":0,"k":1}"#,
        ].map { Array($0.utf8) }
    }

    private static func json(_ input: [UInt8]) {
        let bytes = GuardedBytes(input)
        var parser = JSONParser(limits: JSONLimits(maximumDepth: 64, maximumBytes: 1 << 20))
        var value: JSONValue?
        do {
            try parser.parse(bytes.readable) { view in
                value = JSONValue(view)
                walk(view, in: bytes.readable)
            }
        } catch let error as JSONError {
            require(error.position <= input.count, "an error is inside the text: \(error)")
        } catch { broken("a text is refused with its place, not \(error)") }
        // A text of our own log: names may come twice and UTF-8 is not looked at; bounds hold.
        do { try parser.parseTrusted(bytes.readable) { walk($0, in: bytes.readable) } } catch let
            error as JSONError
        {
            require(value == nil, "what nobody vouches for and is good, is good: \(error)")
        } catch { broken("a text is refused with its place, not \(error)") }
        // A text of which only the structure counts, so that surrogates may stand alone too.
        do { try parser.parseStructure(bytes.readable) { walk($0, in: bytes.readable) } } catch let
            error as JSONError
        {
            require(error.problem != .loneSurrogate, "a string is no structure: \(error)")
            require(value == nil, "what is good as a whole has structure: \(error)")
        } catch { broken("a text is refused with its place, not \(error)") }
        guard let value else { return }
        var out: [UInt8] = []
        value.write(into: &out)
        require((try? JSONValue(parsing: out)) == value, "a value that is written is read again")
        require(
            (try? JSONSerialization.jsonObject(
                with: Data(input), options: [.fragmentsAllowed])) != nil || hasHugeNumber(input),
            "Foundation takes what we take")
    }

    /// Foundation refuses numbers that no double holds.
    private static func hasHugeNumber(_ input: [UInt8]) -> Bool {
        input.contains { $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") } || input.count > 300
    }

    private static func walk(_ view: JSONView, in text: UnsafeRawBufferPointer) {
        let range = view.byteRange
        require(
            range.lowerBound >= 0 && range.upperBound <= text.count, "a view is inside the text")
        var minified: [UInt8] = []
        view.writeMinified(into: &minified)
        _ = (view.bool, view.int, view.string)
        switch view.kind {
        case .object:
            view.forEachMember { key, value in
                walk(key, in: text)
                walk(value, in: text)
            }
            _ = view.member("a")
        case .array: view.forEachElement { walk($0, in: text) }
        case .string, .number, .bool, .null: break
        }
    }
}
