import EventLog
import Foundation
import Testing

@Suite struct `Verification` {
    /// Makes the columns of the tests' records from their lines.
    static func extractor(_ number: UInt16) -> Extractor {
        Extractor(number: number) { line in
            let text = String(decoding: line, as: UTF8.self)
            let after = try #require(text.range(of: "\"number\":"))
            let number = try #require(Int(text[after.upperBound...].prefix { $0.isNumber }))
            let draft = Make.draft(number)
            return Extractor.Extracted(
                kind: draft.kind, source: draft.source, name: draft.name, occurred: draft.occurred,
                keys: draft.keys)
        }
    }

    static func log(changing index: Int? = nil) throws -> EventLog {
        let log = try EventLog.open(
            storage: MemoryStorage(), configuration: `Rolling and sealing`.configuration())
        for start in stride(from: 0, to: 300, by: 10) {
            var drafts = Make.drafts(start..<start + 10)
            if let index, drafts.indices.contains(index - start) {
                drafts[index - start].occurred += 1
            }
            try log.write(drafts)
        }
        #expect(`Rolling and sealing`.settle(log))
        return log
    }

    @Test func `L7: columns that the extractor makes again are counted as checked`() throws {
        let log = try Self.log()
        let report = try log.verify(extractor: Self.extractor(7))
        #expect(report.problems.isEmpty)
        #expect(report.extracted == 300 && report.notExtracted == 0)
        #expect(report.segments.filter(\.isSealed).count > 1)
        for (stat, verified) in zip(log.stat().segments, report.segments) where verified.isSealed {
            #expect(stat.merkleRoot == verified.merkleRoot)
        }
        log.close()
    }

    @Test func `L7: another number is not checked, and says so`() throws {
        let log = try Self.log()
        let report = try log.verify(extractor: Self.extractor(8))
        #expect(report.problems.isEmpty)
        #expect(report.extracted == 0 && report.notExtracted == 300)
        log.close()
    }

    @Test(arguments: [3, 295])
    func `L7: a column that its line does not say is named`(_ index: Int) throws {
        let log = try Self.log(changing: index)
        #expect(try log.verify().problems.isEmpty)
        let report = try log.verify(extractor: Self.extractor(7))
        #expect(report.problems.count == 1)
        let problem = try #require(report.problems.first)
        #expect(problem.reason.contains("not what its line says"))
        log.close()
    }

    @Test func `a broken chain between two segments is found`() throws {
        let storage = MemoryStorage()
        var lines: [[UInt8]] = []
        // The same records in two logs that differ in nothing but their salts.
        for round in 0..<2 {
            let one = MemoryStorage()
            var configuration = `Rolling and sealing`.configuration(.off)
            let base = configuration.randomBytes
            configuration.clock = { 1_767_225_600_000_000 }
            configuration.randomBytes = { count in
                count == 32 ? Array(repeating: 7, count: 32) : base(count + round).suffix(count)
            }
            let log = try EventLog.open(
                storage: round == 0 ? storage : one, configuration: configuration)
            for start in stride(from: 0, to: 200, by: 10) {
                try log.write(Make.drafts(start..<start + 10))
            }
            log.close()
            let first = (round == 0 ? storage : one).contents("00000000000000000000.open.lz4")
            lines.append(try #require(first))
        }
        try #require(lines[0].count == lines[1].count && lines[0] != lines[1])
        storage.replace("00000000000000000000.open.lz4", with: lines[1])
        let log = try EventLog.open(
            storage: storage, configuration: `Rolling and sealing`.configuration(.off))
        #expect(log.recovery.damages.isEmpty)
        let report = try log.verify()
        #expect(
            report.problems.map(\.reason) == ["the chain does not go on from the segment before"])
        log.close()
    }
}
