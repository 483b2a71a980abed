import CustomerModel
import EventLog
public import JSONText
import Projections

/// Full lists of what a simulation found, row by row.
extension Workspace {
    /// A list on its way, and how its bytes are to be read.
    public struct ServedList: Sendable {
        public var contentType: String
        public var lines: LineChannel
    }

    /// Begins a list: `allowed`, `withheld`, `changed`, `over-shared`, `audiences` or `profiles`, as `ndjson` or
    /// `csv`. What is wrong with the parameters is said before the first byte.
    public func replayList(_ parameters: JSONValue, by principal: Principal)
        async throws(OperationError) -> ServedList
    {
        guard [.operator, .auditor].contains(principal.role) else {
            throw .forbidden("replay.list needs a token with role operator or auditor")
        }
        let parameters = try Parameters(parameters)
        do {
            return try await begin(parameters, by: principal)
        } catch let error as OperationError {
            throw error
        } catch {
            throw .failed("replay.list failed: \(error)")
        }
    }

    private func begin(_ parameters: Parameters, by principal: Principal) async throws
        -> ServedList
    {
        let kind = try kind(parameters)
        let format = try parameters.optionalText("format") ?? "ndjson"
        guard let format = RowWriter.Format(rawValue: format) else {
            throw OperationError.badRequest("the parameter format must be ndjson or csv")
        }
        var request = try await simulationRequest(parameters)
        switch kind {
        case .events(let list): request.question.list = list
        case .audiences, .profiles: request.people = .always
        }
        guard !replays.isTaken else {
            throw OperationError.conflict(
                "another replay is running; try again when it has ended")
        }
        // What is handed out is a disclosure (A3).
        try await noteRead("replay.list", nil, by: principal, upTo: projection.applied.value)
        let (channel, writer) = LineChannel.make()
        let asked = request
        Task {
            do {
                try await replays.run { try await self.write(kind, asked, format, writer) }
                writer.finish()
            } catch is LineChannel.Closed {
                writer.finish()
            } catch {
                writer.finish(throwing: error)
            }
        }
        return ServedList(contentType: format.contentType, lines: channel)
    }

    private enum ListKind {
        case events(SimulationQuestion.List)
        case audiences
        case profiles
    }

    private func kind(_ parameters: Parameters) throws -> ListKind {
        let name = try parameters.text("list")
        if let list = SimulationQuestion.List(rawValue: name) { return .events(list) }
        switch name {
        case "audiences": return .audiences
        case "profiles": return .profiles
        default:
            throw OperationError.badRequest(
                "the parameter list must be allowed, withheld, changed, over-shared, audiences or profiles"
            )
        }
    }

    private func write(
        _ kind: ListKind, _ request: SimulationRequest, _ format: RowWriter.Format,
        _ writer: LineChannel.Writer
    ) async throws {
        let box = RowBox(RowWriter(format, to: writer))
        switch kind {
        case .events(let list):
            let reader =
                list == .overShared
                ? RowReader.overShared(self, request) : RowReader(log: log, projection: projection)
            let rows = RowReaderBox(reader)
            _ = try await simulate(request) { difference in
                try box.rows.add(try rows.reader.row(difference))
            }
        case .audiences:
            let result = try await simulate(request)
            for row in Self.audienceRows(result.audiences) { try box.rows.add(row) }
        case .profiles:
            let result = try await simulate(request)
            for row in Self.profileRows(result.profiles) { try box.rows.add(row) }
        }
        try await OwnThread.run("sluice.list") { try box.rows.flush() }
    }

    private static func audienceRows(_ differences: [AudienceDifference]) -> [[(
        String, JSONValue
    )]] {
        differences.flatMap { difference in
            difference.entering.map { (difference.name, "enters", $0) }
                + difference.leaving.map { (difference.name, "leaves", $0) }
        }.map { name, change, profile in
            [
                ("audience", .string(name)), ("change", .string(change)),
                ("profile", .string(profile.description)),
            ]
        }
    }

    private static func profileRows(_ difference: ProfileDifference?) -> [[(String, JSONValue)]] {
        guard let difference else { return [] }
        func rows(_ change: String, _ changes: [ProfileDifference.Change]) -> [[(
            String, JSONValue
        )]] {
            changes.map { item in
                [
                    ("change", .string(change)), ("one", .string(item.one.description)),
                    ("several", .texts(item.several.map(\.description))),
                ]
            }
        }
        return rows("join", difference.joins) + rows("split", difference.splits)
    }
}

/// Carried between threads that use it one after the other.
///
/// Unchecked: the simulation's own thread ends before the last rows are flushed.
private final class RowBox: @unchecked Sendable {
    var rows: RowWriter
    init(_ rows: RowWriter) { self.rows = rows }
}

/// Unchecked: only the simulation's thread reads with it.
private final class RowReaderBox: @unchecked Sendable {
    var reader: RowReader
    init(_ reader: RowReader) { self.reader = reader }
}

extension RowReader {
    /// One that also says what was told of each event, to whom, and what to ask them.
    fileprivate static func overShared(_ workspace: Workspace, _ request: SimulationRequest)
        -> RowReader
    {
        var reader = RowReader(log: workspace.log, projection: workspace.projection)
        reader.tellsDeliveries = true
        return reader
    }
}
