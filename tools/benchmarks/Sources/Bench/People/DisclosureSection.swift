import CustomerModel
import EventLog
import JSONText
import Projections

/// What was told of one person: the ledger, and the lines of its attempts and events.
enum DisclosureSection {
    static func perform(_ world: PeopleWorld, draws: Int, _ label: String, _ report: Report) throws
    {
        var random = SplitMix(state: 59)
        var reader = world.log.makeReader()
        var durations = Durations()
        var rows = 0
        for _ in 0..<draws {
            // Of whom something was told: events of the first fifth.
            let event = random.below(world.events.events / 5)
            let person = world.events.event(event).person
            let start = Stopwatch.nanoseconds
            rows += try ask(world, person, &reader)
            durations.add(Stopwatch.nanoseconds - start)
        }
        report.add("\(label): one person's disclosures", durations, p99: 20)
        report.add("\(label): disclosures of one", Double(rows) / Double(draws), "")
        let watch = Stopwatch()
        let heaviest = try ask(world, 0, &reader)
        report.add(
            "\(label): the heaviest person (\(heaviest) disclosures)", watch.seconds * 1000, "ms")
    }

    private static func ask(_ world: PeopleWorld, _ person: Int, _ reader: inout LogReader) throws
        -> Int
    {
        guard let found = world.state.disclosures(of: world.person(person)) else {
            throw BenchError("person \(person) is nobody")
        }
        var parser = JSONParser()
        var last: UInt64?
        for reference in found {
            if last != reference.attempt {
                last = reference.attempt
                guard let line = try reader.line(at: Offset(reference.attempt)) else {
                    throw BenchError("the attempt \(reference.attempt) is not there")
                }
                let members = try parser.parse(line) { view in
                    try view["body"].map { try AttemptRecord($0).members.count }
                }
                guard let members, reference.member < members else {
                    throw BenchError("the attempt \(reference.attempt) has no such member")
                }
            }
            guard let event = try reader.line(at: Offset(reference.at)),
                try parser.parse(
                    event, { EventBody.read(line: $0) { $0.messageID != nil } == true })
            else { throw BenchError("the event \(reference.at) is not there") }
        }
        return found.count
    }
}
