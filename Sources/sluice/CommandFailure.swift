internal import Platform

/// What a command says by how it ends. Scripts may rely on these.
package enum Exit: Int32, Sendable {
    case done = 0
    case failed = 1
    case usage = 2
    case notFound = 3
    /// An invalid policy, something not allowed, a conflict.
    case refused = 4
    /// The server is unreachable or busy: trying again may help.
    case unavailable = 5

    /// What an HTTP status, or an operation's, means for a script.
    package init(status: Int) {
        switch status {
        case 200..<300: self = .done
        case 404: self = .notFound
        case 400, 401, 403, 409, 422: self = .refused
        case 408, 429, 502, 503, 504: self = .unavailable
        default: self = .failed
        }
    }
}

/// Why a command did not do what it was asked to: one sentence, and how the process ends.
struct CommandFailure: Error {
    var exit: Exit
    /// What failed, where, and what to do.
    var message: String

    init(_ exit: Exit, _ message: String) {
        self.exit = exit
        self.message = message
    }

    init(_ error: OperationError) {
        self.init(Exit(status: error.status), error.message)
    }
}
