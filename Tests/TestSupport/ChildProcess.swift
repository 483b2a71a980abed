public import Foundation
import Glibc
import Synchronization

/// A program that a test started. Whoever starts one ends it: `defer { child.kill() }`.
public final class ChildProcess: Sendable {
    /// How it ended.
    public enum Exit: Equatable, Sendable {
        case code(Int32)
        case signal(Int32)
    }

    /// A test asked for a program that is not there or did not start.
    public struct StartFailed: Error, CustomStringConvertible {
        public var description: String
    }

    public let pid: Int32
    private let outputPath: String
    private let errorPath: String
    private let exit: Task<Exit, Never>
    private let hasEnded: Ended

    private final class Ended: Sendable {
        let isSet = Mutex(false)
    }

    /// - Parameters:
    ///   - environment: added to this process's own.
    ///   - outputPath: the file that takes standard output; it is added to.
    ///   - errorPath: the same for standard error; nil for the same file.
    public init(
        _ program: URL, _ arguments: [String], environment: [String: String] = [:],
        outputPath: String, errorPath: String? = nil
    ) throws {
        let errorPath = errorPath ?? outputPath
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment
            .merging(environment) { _, given in given }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try Self.appending(to: outputPath)
        process.standardError = try Self.appending(to: errorPath)
        let ended = Ended()
        let (exits, continuation) = AsyncStream.makeStream(of: Exit.self)
        process.terminationHandler = { process in
            ended.isSet.withLock { $0 = true }
            let status = process.terminationStatus
            let isSignal = process.terminationReason == .uncaughtSignal
            continuation.yield(isSignal ? .signal(status) : .code(status))
            continuation.finish()
        }
        try process.run()
        pid = process.processIdentifier
        self.outputPath = outputPath
        self.errorPath = errorPath
        hasEnded = ended
        exit = Task {
            for await exit in exits { return exit }
            return .code(-1)
        }
    }

    private static func appending(to path: String) throws -> FileHandle {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StartFailed(description: "\(path) cannot be written") }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    /// Waits until it has ended.
    public func ended() async -> Exit { await exit.value }

    /// How it ended; nil when it was still running at the deadline.
    public func ended(within limit: Duration) async -> Exit? {
        await withTaskGroup(of: Exit?.self) { group in
            group.addTask { await self.ended() }
            group.addTask {
                do { try await Task.sleep(for: limit) } catch { return nil }
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }

    /// SIGKILL. Harmless once it has ended.
    public func kill() { signal(SIGKILL) }

    /// Asks it to stop.
    public func terminate() { signal(SIGTERM) }

    private func signal(_ number: Int32) {
        hasEnded.isSet.withLock { if !$0 { Glibc.kill(pid, number) } }
    }

    /// The end of what it said, for messages of failing tests.
    public var lastWords: String {
        guard let bytes = FileManager.default.contents(atPath: errorPath) else { return "" }
        return String(decoding: bytes.suffix(4_000), as: UTF8.self)
    }
}
