/// How far a long command is, on standard error: a bar on a terminal, a line every few seconds elsewhere.
struct ProgressLine {
    private let title: String
    private let isTerminal: Bool
    private var lastShown: ContinuousClock.Instant?
    private let began = ContinuousClock.now

    init(_ title: String, isTerminal: Bool = Terminal.isErrorTerminal) {
        self.title = title
        self.isTerminal = isTerminal
    }

    /// Shows how far it is, when it is time to.
    ///
    /// - Parameters:
    ///   - fraction: 0 to 1; nil when nobody knows the whole.
    ///   - detail: what was done so far.
    mutating func show(fraction: Double?, detail: @autoclosure () -> String) {
        let now = ContinuousClock.now
        let interval = Duration.milliseconds(isTerminal ? 100 : 5_000)
        // Nothing is shown of what takes less than a second.
        guard (lastShown ?? began + .seconds(1) - interval).duration(to: now) >= interval else {
            return
        }
        lastShown = now
        let share = fraction.map { String(Int($0 * 100)) + " %" } ?? ""
        guard isTerminal else {
            Terminal.note("\(title): \(share)\(share.isEmpty ? "" : ", ")\(detail())")
            return
        }
        Terminal.progress("\(title) \(bar(fraction)) \(share)  \(detail())")
    }

    /// Takes the bar off the terminal.
    func end() { if isTerminal, lastShown != nil { Terminal.progress("") } }

    private func bar(_ fraction: Double?) -> String {
        guard let fraction else { return "" }
        let filled = max(0, min(24, Int(fraction * 24)))
        return "[" + String(repeating: "=", count: filled)
            + String(repeating: " ", count: 24 - filled) + "]"
    }
}
