import Foundation

/// What a goal asks of a figure.
enum Goal {
    case atLeast(Double)
    case atMost(Double)

    func isMet(by value: Double) -> Bool {
        switch self {
        case .atLeast(let limit): value >= limit
        case .atMost(let limit): value <= limit
        }
    }
}

/// One figure of a run.
struct Figure {
    var section: String
    var name: String
    var value: Double
    var unit: String
    var goal: Goal?
}

/// Collects figures, prints each as it comes, and all of them as JSON at the end when asked to.
final class Report {
    enum Style { case table, json }

    private let style: Style
    private var section = ""
    private var figures: [Figure] = []
    private var notes: [String] = []

    init(_ style: Style) { self.style = style }

    /// Begins a section.
    func begin(_ section: String, _ question: String) {
        self.section = section
        print("\n\(section): \(question)")
    }

    /// Says something that is no figure.
    func note(_ text: String) {
        notes.append("\(section): \(text)")
        print("   \(text)")
    }

    func add(_ name: String, _ value: Double, _ unit: String, goal: Goal? = nil) {
        let figure = Figure(section: section, name: name, value: value, unit: unit, goal: goal)
        figures.append(figure)
        print(Self.line(of: figure))
    }

    /// A figure that is a share of another of the same run.
    func add(ratio name: String, _ value: Double, of limit: Double, goal: Goal? = nil) {
        add(name, value / limit, "x", goal: goal)
    }

    /// Ends the run: which goals were missed, or everything as JSON.
    func finish() throws {
        let judged = figures.filter { $0.goal != nil }
        let missed = judged.filter { $0.goal?.isMet(by: $0.value) == false }
        print("\nGoals: \(judged.count - missed.count) met, \(missed.count) missed")
        for figure in missed { print("   missed  \(figure.section): \(figure.name)") }
        guard style == .json else { return }
        let data = try JSONSerialization.data(
            withJSONObject: [
                "figures": figures.map(Self.object), "notes": notes,
                "met": judged.count - missed.count,
                "missed": missed.count,
            ], options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        FileHandle.standardOutput.write(data + Data("\n".utf8))
    }

    private func print(_ text: String) {
        let stream =
            style == .json ? FileHandle.standardError : FileHandle.standardOutput
        stream.write(Data((text + "\n").utf8))
    }

    private static func line(of figure: Figure) -> String {
        let name = figure.name.padding(
            toLength: max(60, figure.name.count), withPad: " ", startingAt: 0)
        let value = number(figure.value)
        let gap = String(repeating: " ", count: max(0, 12 - value.count))
        var line = "   \(name) \(gap)\(value) \(figure.unit)"
        guard let goal = figure.goal else { return line }
        line += String(repeating: " ", count: max(1, 92 - line.count))
        switch goal {
        case .atLeast(let limit): line += "goal: at least \(number(limit))"
        case .atMost(let limit): line += "goal: at most \(number(limit))"
        }
        return line + (goal.isMet(by: figure.value) ? ", met" : ", MISSED")
    }

    /// Three significant digits or a whole number, with a space between thousands.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "\(value)" }
        guard abs(value) >= 1000 else {
            let digits = abs(value) >= 100 ? 0 : abs(value) >= 10 ? 1 : abs(value) >= 1 ? 2 : 3
            return String(format: "%.\(digits)f", value)
        }
        var text = ""
        for (place, digit) in String(Int(value.rounded())).reversed().enumerated() {
            if place > 0, place % 3 == 0, digit != "-" { text.append(" ") }
            text.append(digit)
        }
        return String(text.reversed())
    }

    private static func object(_ figure: Figure) -> [String: Any] {
        var object: [String: Any] = [
            "section": figure.section, "name": figure.name, "value": figure.value,
            "unit": figure.unit,
        ]
        guard let goal = figure.goal else { return object }
        switch goal {
        case .atLeast(let limit): object["atLeast"] = limit
        case .atMost(let limit): object["atMost"] = limit
        }
        object["met"] = goal.isMet(by: figure.value)
        return object
    }
}
