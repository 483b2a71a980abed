import CustomerModel
import EventLog
import JSONText
import Projections

/// `explain` of any event: one line read, and every gate asked again.
enum ExplainSection {
    static func perform(_ world: PeopleWorld, draws: Int, _ label: String, _ report: Report) throws
    {
        var random = SplitMix(state: 53)
        var reader = world.log.makeReader()
        var parser = JSONParser()
        var durations = Durations()
        var different = 0
        for _ in 0..<draws {
            let at = Offset(world.offset(of: random.below(world.events.events)))
            let start = Stopwatch.nanoseconds
            var found: Explanation?
            _ = try reader.forEach(from: at, to: at + 1, needs: .lines) { view in
                found = try parser.parse(Array(view.line)) { line in
                    world.state.explain(
                        at: at.value, line: line, source: view.knownSource,
                        occurred: view.occurred, keys: Array(view.keys),
                        destination: PeopleWorld.destination)
                }
                return .stop
            }
            durations.add(Stopwatch.nanoseconds - start)
            guard let found else { throw BenchError("nothing explains \(at.value)") }
            if !found.agrees { different += 1 }
        }
        report.add("\(label): explain one event", durations, p99: 10)
        report.add(
            "\(label): explanations that differ from the column", Double(different), "",
            goal: .atMost(0))
    }
}
