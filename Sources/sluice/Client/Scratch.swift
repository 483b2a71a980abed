internal import Foundation
internal import Logging

/// A directory in the system's scratch space that is gone after its use.
enum Scratch {
    static func with<R>(_ body: (String) async throws -> R) async throws -> R {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("sluice-\(UUID().uuidString)").path
        let result: R
        do {
            result = try await body(directory)
        } catch {
            remove(directory)
            throw error
        }
        remove(directory)
        return result
    }

    private static func remove(_ directory: String) {
        do {
            try FileManager.default.removeItem(atPath: directory)
        } catch {
            Terminal.note("sluice: \(directory) could not be removed: \(error)")
        }
    }
}

/// The log of a command that answers one question: warnings only, on standard error.
enum Quiet {
    static var logger: Logger {
        var logger = Logger(label: "sluice") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        return logger
    }
}
