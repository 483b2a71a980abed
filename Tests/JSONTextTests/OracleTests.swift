import Foundation
import JSONText
import Testing

/// Foundation's parser as a second opinion on random texts.
///
/// It takes more than we do; where it does, our error must be one of these:
/// - duplicate keys, lone surrogates, depth and length (L2);
/// - a comma before the closing bracket of an array or object;
/// - a NUL in the text, from which it guesses UTF-16 or UTF-32.
/// Numbers that do not fit a double it refuses and we take.
@Suite struct `Foundation as an oracle` {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `agrees on random documents and their mutations`(_ seed: UInt64) throws {
        var random = Seeded(seed: seed)
        var parser = JSONParser()
        var taken = 0
        for round in 0..<4_000 {
            var text: [UInt8] = []
            RandomText.value(depth: 0, into: &text, using: &random)
            if round % 2 == 1 { RandomText.mutate(&text, using: &random) }
            let ours = verdict(&parser, text)
            if ours == nil { taken += 1 }
            switch (ours, foundationTakes(text)) {
            case (nil, true), (.some, false): break
            case (nil, false):
                #expect(
                    hasHugeNumber(text), "seed \(seed), round \(round): only we take \(show(text))")
            case (let error?, true):
                #expect(
                    [.duplicateKey, .loneSurrogate, .tooDeep, .tooLong].contains(error.problem)
                        || text.contains(0) || isTrailingComma(error, in: text),
                    "seed \(seed), round \(round): \(error), only they take \(show(text))")
            }
            if ours == nil { try checkRoundTrip(text, &parser) }
        }
        #expect(taken > 1_500, "too few valid texts to say anything")
    }

    private func foundationTakes(_ text: [UInt8]) -> Bool {
        do {
            _ = try JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)
            return true
        } catch {
            return false
        }
    }

    private func verdict(_ parser: inout JSONParser, _ text: [UInt8]) -> JSONError? {
        do {
            try parser.parse(text) { _ in }
            return nil
        } catch {
            return error as? JSONError
        }
    }

    /// Minifying keeps the meaning, is a fixed point, and the owned value prints the same tokens.
    private func checkRoundTrip(_ text: [UInt8], _ parser: inout JSONParser) throws {
        var minified: [UInt8] = []
        let value = try parser.parse(text) { view in
            view.writeMinified(into: &minified)
            return JSONValue(view)
        }
        var again: [UInt8] = []
        let reread = try parser.parse(minified) { view in
            view.writeMinified(into: &again)
            return JSONValue(view)
        }
        #expect(again == minified)
        #expect(reread == value)
        #expect(try JSONValue(parsing: Array(value.text.utf8)) == value)
    }

    private func isTrailingComma(_ error: JSONError, in text: [UInt8]) -> Bool {
        guard error.problem == .unexpectedByte, [0x5D, 0x7D].contains(text[error.position]) else {
            return false
        }
        return text[..<error.position].last { $0 > 0x20 } == UInt8(ascii: ",")
    }

    private func hasHugeNumber(_ text: [UInt8]) -> Bool {
        text.contains(UInt8(ascii: "e")) || text.contains(UInt8(ascii: "E"))
            || text.split(whereSeparator: { !(0x30...0x39).contains($0) }).contains {
                $0.count > 17
            }
    }

    private func show(_ text: [UInt8]) -> String {
        String(decoding: text, as: UTF8.self).debugDescription
    }
}

/// Random JSON texts, and small damage to them.
enum RandomText {
    static func value(depth: Int, into out: inout [UInt8], using random: inout Seeded) {
        space(into: &out, using: &random)
        switch Int.random(in: 0..<(depth > 4 ? 5 : 9), using: &random) {
        case 0: out += Array("null".utf8)
        case 1: out += Array((Bool.random(using: &random) ? "true" : "false").utf8)
        case 2, 3: number(into: &out, using: &random)
        case 4: string(into: &out, using: &random)
        case 5, 6:
            out.append(UInt8(ascii: "["))
            for place in 0..<Int.random(in: 0..<5, using: &random) {
                if place > 0 { out.append(UInt8(ascii: ",")) }
                value(depth: depth + 1, into: &out, using: &random)
            }
            out.append(UInt8(ascii: "]"))
        default:
            out.append(UInt8(ascii: "{"))
            for place in 0..<Int.random(in: 0..<5, using: &random) {
                if place > 0 { out.append(UInt8(ascii: ",")) }
                space(into: &out, using: &random)
                string(into: &out, using: &random)
                out.append(UInt8(ascii: ":"))
                value(depth: depth + 1, into: &out, using: &random)
            }
            out.append(UInt8(ascii: "}"))
        }
        space(into: &out, using: &random)
    }

    static func mutate(_ text: inout [UInt8], using random: inout Seeded) {
        let alphabet =
            Array("{}[]\",:\\/0123456789.eE+-tfnu \n\t\0".utf8) + [0x80, 0xC3, 0xED, 0xFF]
        for _ in 0..<Int.random(in: 1...3, using: &random) where !text.isEmpty {
            let place = Int.random(in: 0..<text.count, using: &random)
            let byte = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            switch Int.random(in: 0..<4, using: &random) {
            case 0: text[place] = byte
            case 1: text.insert(byte, at: place)
            case 2: text.remove(at: place)
            default: text.removeLast(text.count - place)
            }
        }
    }

    private static func number(into out: inout [UInt8], using random: inout Seeded) {
        let texts = [
            "0", "-0", "1", "-12", "3.25", "1e3", "-4.5E-2", "9007199254740993", "0.10", "7E+2",
        ]
        out += Array(texts[Int.random(in: 0..<texts.count, using: &random)].utf8)
    }

    private static func string(into out: inout [UInt8], using random: inout Seeded) {
        let parts = [
            "a", "bc", "key", "long enough for a whole word", "é", "日本", "😀", "\\n", "\\\"", "\\\\",
            "\\u0061", "\\u00e9", "\\ud83d\\ude00", "\\ud800", "/", "\\/", " ",
        ]
        out.append(UInt8(ascii: "\""))
        for _ in 0..<Int.random(in: 0..<4, using: &random) {
            // The lone surrogate is the last but three, and rare enough to leave most texts valid.
            let part = parts[Int.random(in: 0..<parts.count, using: &random)]
            if part == "\\ud800", Int.random(in: 0..<8, using: &random) > 0 { continue }
            out += Array(part.utf8)
        }
        out.append(UInt8(ascii: "\""))
    }

    private static func space(into out: inout [UInt8], using random: inout Seeded) {
        for _ in 0..<max(0, Int.random(in: -4..<3, using: &random)) {
            out.append([0x20, 0x0A, 0x09, 0x0D][Int.random(in: 0..<4, using: &random)])
        }
    }
}
