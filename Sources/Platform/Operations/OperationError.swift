/// Why a question or a command was not answered: one sentence that says what failed, where, and what to do.
public struct OperationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// As HTTP says it: 400, 403, 404, 409, 422, 500 or 503.
    public var status: Int
    /// For programs; stable.
    public var code: String
    public var message: String

    public init(status: Int, code: String, message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    public var description: String { message }

    static func badRequest(_ message: String) -> OperationError {
        OperationError(status: 400, code: "bad_request", message: message)
    }
    static func forbidden(_ message: String) -> OperationError {
        OperationError(status: 403, code: "forbidden", message: message)
    }
    static func notFound(_ message: String) -> OperationError {
        OperationError(status: 404, code: "not_found", message: message)
    }
    static func conflict(_ message: String) -> OperationError {
        OperationError(status: 409, code: "conflict", message: message)
    }
    static func refused(_ message: String) -> OperationError {
        OperationError(status: 422, code: "refused", message: message)
    }
    static func busy(_ message: String) -> OperationError {
        OperationError(status: 503, code: "busy", message: message)
    }
    static func failed(_ message: String) -> OperationError {
        OperationError(status: 500, code: "failed", message: message)
    }
}
