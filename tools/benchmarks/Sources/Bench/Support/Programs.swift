import Foundation

/// Runs other programs: peers, and this one again as a child.
enum Programs {
    /// This executable.
    static func own() throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    }

    /// Runs `program` to its end and returns what it printed.
    static func output(of program: String, _ arguments: [String]) throws -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            throw BenchError("\(program) \(arguments.joined(separator: " ")) failed")
        }
        return data
    }

    /// Starts `program`, waits until it prints a line that is `sign`, and kills it with SIGKILL.
    static func killed(_ program: String, _ arguments: [String], after sign: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        var seen = ""
        while !seen.split(separator: "\n").contains(Substring(sign)) {
            let data = pipe.fileHandleForReading.availableData
            guard !data.isEmpty else { throw BenchError("the child ended before it was killed") }
            seen += String(decoding: data, as: UTF8.self)
        }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Runs `work` on `count` threads at once and waits for all.
    static func onThreads(_ count: Int, _ work: @escaping @Sendable (Int) -> Void) {
        let group = DispatchGroup()
        for index in 0..<count {
            group.enter()
            let thread = Thread {
                work(index)
                group.leave()
            }
            thread.stackSize = 512 << 10
            thread.start()
        }
        group.wait()
    }
}
