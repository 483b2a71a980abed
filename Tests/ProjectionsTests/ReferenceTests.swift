import Foundation
import TestSupport
import Testing

/// The fold against `tools/reference`, which was written from the rules alone and shares nothing with it.
@Suite struct `The reference implementation` {
    private static let histories: Int =
        ProcessInfo.processInfo.environment["SLUICE_HISTORIES"].flatMap { Int($0) } ?? 1_200
    private static let first: UInt64 =
        ProcessInfo.processInfo.environment["SLUICE_SEED"].flatMap { UInt64($0) } ?? 1

    /// `SLUICE_HISTORIES` says how many, `SLUICE_SEED` the first one's seed, `SLUICE_KEEP` a directory that
    /// keeps them. In two parts, so that both cores have work.
    @Test(arguments: 0..<2)
    func `agrees on every person, state, decision and member of thousands of histories`(
        _ part: Int
    ) async throws {
        guard let python = Programs.python else {
            print("skipped: there is no python3; the fold was compared with nothing")
            return
        }
        let directory = try TemporaryDirectory()
        let keep = ProcessInfo.processInfo.environment["SLUICE_KEEP"]
        let path = (keep ?? directory.path) + "/histories-\(part).ndjson"
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        let file = try #require(FileHandle(forWritingAtPath: path))
        let seeds = (0..<Self.histories / 2).map { Self.first + UInt64($0 * 2 + part) }
        for seed in seeds { try file.write(contentsOf: Self.story(seed) + [0x0A]) }
        try file.close()

        let output = directory.path + "/verdicts"
        let child = try ChildProcess(
            python, [Places.tool("reference/compare.py"), path], outputPath: output)
        defer { child.kill() }
        let end = try await child.ended()
        let verdicts = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n")
        #expect(end == .code(0), "\(verdicts.last ?? "")")
        #expect(verdicts.count == seeds.count)
        for verdict in verdicts.filter({ !$0.hasSuffix(" equal") }).prefix(5) {
            Issue.record("\(verdict)")
        }
    }

    /// The histories that other tests fold, and ones under policies of every kind, in turn.
    private static func story(_ seed: UInt64) throws -> [UInt8] {
        if seed % 3 == 0 {
            let policies = Int(seed / 3 % 3) + 1
            let random = try RandomHistory(
                seed: seed, length: 120, policies: policies, restores: seed % 4 == 0 ? 1 : 0)
            return try random.history.answers(seed: seed, kind: "shop")
        }
        return try WideHistory(seed: seed, length: 60).history.answers(seed: seed, kind: "wide")
    }
}
