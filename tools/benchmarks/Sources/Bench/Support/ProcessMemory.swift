import CPeers
import Foundation

/// The peak of this process's resident memory.
enum ProcessMemory {
    /// Forgets the peak so far, so that what came before does not count. Linux 4.0 and later.
    static func resetPeak() throws {
        // What was freed and not given back yet, neither.
        _ = malloc_trim(0)
        try Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))
    }

    /// `VmHWM` in KiB.
    static func peakKiB() throws -> Int { try value(of: "VmHWM") }
    /// `VmRSS` in KiB.
    static func nowKiB() throws -> Int { try value(of: "VmRSS") }

    private static func value(of name: String) throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        for line in status.split(separator: "\n") where line.hasPrefix(name + ":") {
            if let value = Int(line.filter(\.isNumber)) { return value }
        }
        throw BenchError("/proc/self/status has no \(name)")
    }
}

/// Why a bench could not be run. The text is for whoever started it.
struct BenchError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
