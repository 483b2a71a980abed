internal import Glibc
internal import JSONText
internal import Platform

extension Client {
    /// Hands over a list's bytes as they come.
    func list(_ parameters: JSONObject, _ body: ([UInt8]) throws -> Void) async throws {
        switch self {
        case .server(let server):
            try await server.list(.object(parameters), body)
        case .workspace(let workspace):
            do {
                let served = try await workspace.replayList(.object(parameters), by: .local)
                for try await piece in served.lines.pieces {
                    served.lines.taken()
                    try body(piece)
                }
            } catch let error as OperationError {
                throw CommandFailure(error)
            }
        }
    }

    /// Writes a list to a file, or to standard output.
    static func list(_ place: Place, _ parameters: JSONObject, to path: String?) async throws {
        try await with(place) { client in
            guard let path else {
                return try await client.list(parameters) { Terminal.bytes($0) }
            }
            let file = try ListFile(path)
            try await client.list(parameters) { try file.write($0) }
            try file.finish()
        }
    }
}

/// A file that is whole or not there: it gets its name once everything is in it.
private final class ListFile {
    private let path: String
    private let descriptor: Int32

    private var temporary: String { path + ".part" }

    init(_ path: String) throws {
        self.path = path
        // It holds what people did: nobody else's to read.
        descriptor = open(path + ".part", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure(path) }
    }

    deinit { close(descriptor) }

    func write(_ bytes: [UInt8]) throws {
        var written = 0
        while written < bytes.count {
            let put = bytes[written...].withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if put < 0, errno == EINTR { continue }
            guard put > 0 else { throw Self.failure(path) }
            written += put
        }
    }

    func finish() throws {
        guard fsync(descriptor) == 0, rename(temporary, path) == 0 else {
            throw Self.failure(path)
        }
    }

    private static func failure(_ path: String) -> CommandFailure {
        CommandFailure(.failed, "\(path) cannot be written: \(String(cString: strerror(errno)))")
    }
}
