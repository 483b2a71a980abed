import Foundation
import JSONText
import TestSupport
import Testing

/// Kills the server again and again while clients send and destinations receive, and then holds
/// everything that was acknowledged against the log and against what arrived.
///
/// Where the kills fall follows from `SLUICE_SEED`, or else from a new seed each time, which is
/// printed.
@Suite struct `A server that is killed` {
    @Test(.timeLimit(.minutes(8)))
    func `L4, E5, E7: loses nothing acknowledged, and each allowed effect arrives once`()
        async throws
    {
        let seed = Self.seed()
        print("seed \(seed) (SLUICE_SEED=\(seed) makes the same kills)")
        var random = SeededRandom(seed: seed)
        let trial = try await Trial()
        defer { trial.stop() }

        let clients = Task { try await trial.sendUntilClosed() }
        defer { clients.cancel() }
        var kills: [Kill: Int] = [:]
        for kill in Kill.plan(random: &random) {
            kills[try await trial.round(kill, random: &random), default: 0] += 1
        }
        try await trial.server.start()
        trial.allowance.close()
        let acknowledged = try await clients.value
        try await trial.server.settled(within: .seconds(120))

        let report = try await Verdict(trial: trial, acknowledged: acknowledged)
        print(report.text(kills: kills))
        report.check()
        #expect(kills.values.reduce(0, +) >= 50)
        for kill in Kill.allCases where kill.isFault {
            #expect(kills[kill, default: 0] >= 5, "too few kills in \(kill.rawValue)")
        }
        try await trial.server.stop()
        let rebuilt = try await trial.server.ask("replay", "verify")
        #expect(rebuilt["equal"]?.bool == true, "a fresh fold differs: \(rebuilt.text)")
        let verified = try await trial.server.ask("log", "verify")
        #expect(verified["whole"]?.bool == true, "\(verified.text)")
    }

    private static func seed() -> UInt64 {
        if let text = ProcessInfo.processInfo.environment["SLUICE_SEED"], let seed = UInt64(text) {
            return seed
        }
        return UInt64(Date().timeIntervalSince1970)
    }
}
