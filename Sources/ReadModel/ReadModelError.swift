/// Why the read model could not do something. Never holds a row's content or a query's text.
public enum ReadModelError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A call of the operating system failed. `file` is a name inside the data directory.
    case file(operation: String, file: String, reason: String)
    /// SQLite failed; `code` is its extended result code.
    case database(operation: String, code: Int32, reason: String)
    /// No rebuild was ever finished, so there is nothing to follow on from.
    case neverBuilt
    /// Changes were handed in and could not be written; what follows would leave a hole.
    case changesLost
    /// The projection is not of the generation that the rows were made from.
    case otherGeneration(model: Int, projection: Int)
    /// A query that was not even tried.
    case refusedQuery(String)
    /// SQLite did not take a query. Words that are no plain names are left out of the reason.
    case badQuery(String)
    /// A query ran for longer than it may.
    case queryTooLong(milliseconds: Int)
    case closed

    public var description: String {
        switch self {
        case .file(let operation, let file, let reason):
            "could not \(operation) \(file): \(reason)"
        case .database(let operation, let code, let reason):
            "the read model could not \(operation): \(reason) (SQLite \(code)); "
                + "it can be rebuilt from the log at any time"
        case .neverBuilt:
            "the read model has not been built yet"
        case .changesLost:
            "the read model missed changes that could not be written: rebuild it"
        case .otherGeneration(let model, let projection):
            "the read model stands for generation \(model) and the projection is generation "
                + "\(projection): rebuild it"
        case .refusedQuery(let reason): "the query was refused: \(reason)"
        case .badQuery(let reason): "the query failed: \(reason)"
        case .queryTooLong(let milliseconds):
            "the query was stopped after \(milliseconds) ms: ask for less, or use an index"
        case .closed: "the read model is closed"
        }
    }
}
