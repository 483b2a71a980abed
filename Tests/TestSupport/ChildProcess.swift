import Foundation
import Glibc
import Synchronization

/// A program that a test started. Whoever starts one ends it: `defer { child.kill() }`.
///
/// By `posix_spawn` and not by Foundation's `Process`, which keeps descriptors open for each program
/// that ran: a test that asks a command hundreds of times ran out of them.
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

    private let pid: pid_t
    private let errorPath: String
    private let ending = Mutex<Exit?>(nil)

    /// - Parameters:
    ///   - environment: added to this process's own.
    ///   - outputPath: the file that takes standard output; it is added to.
    ///   - errorPath: the same for standard error; nil for the same file.
    public init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        outputPath: String, errorPath: String? = nil
    ) throws {
        self.errorPath = errorPath ?? outputPath
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let adding = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputPath, adding, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, self.errorPath, adding, 0o600)

        // This thread may have signals blocked that the program has to hear.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var started: pid_t = 0
        let code = Self.withStrings([program] + arguments) { arguments in
            Self.withStrings(variables.map { "\($0.key)=\($0.value)" }) { variables in
                posix_spawn(&started, program, &actions, &attributes, arguments, variables)
            }
        }
        guard code == 0 else {
            throw StartFailed(description: "\(program): \(String(cString: strerror(code)))")
        }
        pid = started
    }

    private static func withStrings<R>(
        _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        var pointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        pointers.append(nil)
        return body(&pointers)
    }

    /// How it ended; nil while it runs. Its number is nobody else's until this has said so once.
    public var exit: Exit? {
        ending.withLock { ending in
            if ending == nil { ending = Self.reap(pid) }
            return ending
        }
    }

    private static func reap(_ pid: pid_t) -> Exit? {
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        let signal = status & 0x7F
        return signal == 0 ? .code((status >> 8) & 0xFF) : .signal(signal)
    }

    /// Waits until it has ended.
    public func ended() async throws -> Exit {
        while true {
            if let exit { return exit }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// How it ended; nil when it was still running at the deadline.
    public func ended(within limit: Duration) async throws -> Exit? {
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            if let exit { return exit }
            try await Task.sleep(for: .milliseconds(2))
        }
        return exit
    }

    /// The most memory that it ever held, in bytes; nil once it has ended.
    public var peakBytes: Int? {
        guard exit == nil,
            let status = FileManager.default.contents(atPath: "/proc/\(pid)/status"),
            let line = String(decoding: status, as: UTF8.self)
                .split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kibibytes = Int(line.split(separator: " ").dropLast().last ?? "")
        else { return nil }
        return kibibytes << 10
    }

    /// How many files and connections it has open.
    public var openFiles: Int {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count
        } catch {
            return 0
        }
    }

    /// SIGKILL. Harmless once it has ended.
    public func kill() { signal(SIGKILL) }

    /// Asks it to stop.
    public func terminate() { signal(SIGTERM) }

    private func signal(_ number: Int32) {
        ending.withLock { if $0 == nil { Glibc.kill(pid, number) } }
    }

    /// The end of what it said, for messages of failing tests.
    public var lastWords: String {
        guard let bytes = FileManager.default.contents(atPath: errorPath) else { return "" }
        return String(decoding: bytes.suffix(4_000), as: UTF8.self)
    }

    deinit {
        // A program that nobody waited for would stay a zombie.
        if ending.withLock({ $0 == nil }) { _ = Self.reap(pid) }
    }
}
