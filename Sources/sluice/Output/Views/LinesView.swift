internal import JSONText

/// Lines of the log as they are.
enum LinesView {
    static func text(_ value: JSONValue) -> String {
        guard let lines = value["lines"]?.array else { return Renderer.text(value) }
        return lines.map { $0.string ?? $0.text }.joined(separator: "\n")
    }
}
