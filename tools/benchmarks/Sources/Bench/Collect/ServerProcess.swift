import Foundation
import Glibc

/// A server that the bench started, by its process id, with the processes that it started in turn.
final class ServerProcess {
    private let process = Process()
    let name: String

    /// - Parameter sign: read on standard output before it is up; nil when it is up otherwise.
    init(
        _ name: String, _ program: String, _ arguments: [String], log: String,
        sign: String? = nil
    ) throws {
        self.name = name
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        guard FileManager.default.createFile(atPath: log, contents: nil),
            let said = FileHandle(forWritingAtPath: log)
        else { throw BenchError("\(log) cannot be written") }
        process.standardError = said
        let pipe = Pipe()
        process.standardOutput = sign == nil ? said : pipe
        try process.run()
        guard let sign else { return }
        var seen = ""
        while !seen.contains("\n") {
            let data = pipe.fileHandleForReading.availableData
            guard !data.isEmpty else {
                throw BenchError("\(name) ended at once: see \(log)")
            }
            seen += String(decoding: data, as: UTF8.self)
        }
        guard let found = seen.range(of: sign) else { throw BenchError("\(name) says \(seen)") }
        firstWords = String(seen[found.upperBound...].prefix { $0 != "\n" })
    }

    /// What it said after its sign.
    private(set) var firstWords = ""

    var isRunning: Bool { process.isRunning }

    /// Ends it, as an operator does, and waits.
    func stop(_ signal: Int32 = SIGTERM) {
        guard process.isRunning else { return }
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
    }

    // MARK: What it uses

    /// It, and whatever it started.
    private var processes: [pid_t] {
        var parents: [pid_t: pid_t] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = pid_t(name), let fields = Self.stat(pid) else { continue }
            parents[pid] = pid_t(fields[1]) ?? 0
        }
        var found = [process.processIdentifier]
        var next = 0
        while next < found.count {
            found += parents.filter { $0.value == found[next] }.map(\.key).sorted()
            next += 1
        }
        return found
    }

    /// The fields of `/proc/PID/stat` from the state on; nil when it has gone.
    private static func stat(_ pid: pid_t) -> [Substring]? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        return text[text.index(after: end)...].split(separator: " ")
    }

    /// Processor time so far, user's and system's, of all its processes that still run.
    var processorSeconds: Double {
        let ticks = processes.compactMap(Self.stat).reduce(0.0) {
            $0 + (Double($1[11]) ?? 0) + (Double($1[12]) ?? 0)
        }
        return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// The largest resident memory that each of its processes had, together.
    var peakMiB: Double {
        let kibibytes = processes.reduce(0) { sum, pid in
            guard let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            else { return sum }
            let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            return sum + (line.flatMap { Int($0.filter(\.isNumber)) } ?? 0)
        }
        return Double(kibibytes) / 1024
    }

    /// Waits until it has hardly done anything for a second, so that one run does not pay for another.
    func settle(limitSeconds: Double = 60) {
        let watch = Stopwatch()
        var last = processorSeconds
        while watch.seconds < limitSeconds {
            usleep(1_000_000)
            let now = processorSeconds
            if now - last < 0.06 { return }
            last = now
        }
    }

    // MARK: Ports

    /// A port of 127.0.0.1 that was free a moment ago.
    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw BenchError("no port is free") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
