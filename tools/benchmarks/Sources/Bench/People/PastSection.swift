import CustomerModel
import EventLog
import Projections

/// A person as of an offset: what `sluice profile --as-of` does between its record of the read and its answer.
enum PastSection {
    static func perform(_ world: PeopleWorld, draws: Int, _ label: String, _ report: Report) throws
    {
        var random = SplitMix(state: 47)
        var reader = world.log.makeReader()
        var durations = Durations()
        var processor = Durations()
        var lines = 0
        for draw in 0..<draws + 20 {
            let event = Int(random.below(world.events.events))
            let person = world.events.event(event).person
            // Any moment since that event.
            let offset = world.offset(of: event + random.below(world.events.events - event))
            let thread = Stopwatch(.thread)
            let start = Stopwatch.nanoseconds
            lines += try ask(world, person, offset, &reader)
            // The first questions open the segments.
            guard draw >= 20 else { continue }
            durations.add(Stopwatch.nanoseconds - start)
            processor.add(UInt64(thread.seconds * 1e9))
        }
        report.add("\(label): profile as of an offset", durations, p99: 20)
        report.add(
            "\(label): the same by processor time, p99", processor.milliseconds(at: 0.99) ?? 0, "ms"
        )
        report.add(
            "\(label): lines read for one", Double(lines) / Double(draws + 20), "")
        let watch = Stopwatch()
        let heaviest = try ask(world, 0, world.state.next - 1, &reader)
        report.add(
            "\(label): the heaviest person (\(heaviest) lines)", watch.seconds * 1000, "ms")
    }

    private static func ask(
        _ world: PeopleWorld, _ person: Int, _ offset: UInt64, _ reader: inout LogReader
    ) throws -> Int {
        guard var past = world.state.past(world.person(person), asOf: offset) else {
            throw BenchError("person \(person) is nobody at \(offset)")
        }
        guard try past.metrics.count(with: &reader).isEmpty, past.profile().eventCount > 0 else {
            throw BenchError("person \(person) did nothing up to \(offset)")
        }
        return past.metrics.lineCount
    }
}
