internal import JSONText
internal import Platform
internal import Server

/// The ingest route's work when no server runs.
enum LocalIngest {
    static func collect(
        _ items: [CollectItem], source: String, asIfLive: Bool, dialect: CollectContext.Dialect,
        into workspace: Workspace
    ) async throws -> JSONValue {
        guard AccessList.isName(source) else {
            throw CommandFailure(
                .refused, "\(source) is no source name: use lower-case letters, digits, '-', '_'")
        }
        let context = CollectContext(
            source: source, received: .now(), pace: asIfLive ? .asIfLive : .imported,
            dialect: dialect, truncatesIP: workspace.access.settings(of: source).truncatesIP)
        do {
            return try await workspace.collector.collect(items, context)
                .json(includesSuppressed: true)
        } catch let refusal as CollectRefusal {
            let exit: Exit =
                switch refusal {
                case .busy: .unavailable
                case .logFailed: .failed
                case .tooLarge, .workspaceNotEmpty: .refused
                }
            throw CommandFailure(exit, refusal.description)
        }
    }
}
