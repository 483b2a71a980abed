import EventLog
import Foundation
import Hashing
import Testing

@Suite struct `Rolling and sealing` {
    /// Small segments, so that a few hundred records roll many times.
    static func configuration(
        _ sealing: LogConfiguration.Sealing = .background
    ) -> LogConfiguration {
        var configuration = Make.configuration(sealing: sealing)
        configuration.rollRawBytes = 12_000
        configuration.frameBytes = 2_000
        configuration.sealedFrameBytes = 4_000
        return configuration
    }

    static func sealed(_ log: EventLog) -> Int {
        log.stat().segments.filter { $0.state == .sealed }.count
    }

    /// Waits until every closed segment is sealed and its `sealed` record is durable.
    static func settle(_ log: EventLog) -> Bool {
        eventually {
            let stat = log.stat()
            guard stat.sealBacklog == 0, stat.nextOffset == stat.durableEnd,
                !stat.segments.contains(where: { $0.state == .closed })
            else { return false }
            var announced = 0
            do {
                var reader = log.makeReader()
                _ = try reader.forEach(
                    from: Offset(0), to: stat.durableEnd, needs: .columns, kinds: [240]
                ) { _ in
                    announced += 1
                    return .next
                }
            } catch { return true }
            return announced >= stat.segments.filter { $0.state == .sealed }.count
        }
    }

    @Test func `sealing rests while appends go on, the less the more waits`() {
        for waiting in 0..<100 {
            #expect(SealPace(waiting: waiting, bytesPerSecond: 0).restShare == 0)
        }
        let busy = (0..<100).map {
            SealPace(waiting: $0, bytesPerSecond: 2 * SealPace.quietBytesPerSecond)
        }
        #expect(busy[0].restShare > 0 && busy[0].isThorough)
        for (less, more) in zip(busy, busy.dropFirst()) {
            #expect(more.restShare <= less.restShare)
            #expect(less.isThorough || !more.isThorough)
        }
        #expect(busy[99].restShare == 0 && !busy[99].isThorough)
    }

    @Test func `segments are sealed while appends go on without a pause`() throws {
        let log = try EventLog.open(
            storage: MemoryStorage(), configuration: Self.configuration())
        var start = 0
        // Bounded, so that a sealer that only ever rests fails the test.
        while Self.sealed(log) < 20, start < 400_000 {
            try log.write(Make.drafts(start..<start + 100))
            start += 100
        }
        #expect(Self.sealed(log) >= 20)
        #expect(Self.settle(log))
        #expect(try log.holds(start))
        log.close()
    }

    @Test func `records stay readable across rolls, seals and reopening`() throws {
        let storage = MemoryStorage()
        let log = try EventLog.open(storage: storage, configuration: Self.configuration())
        for start in stride(from: 0, to: 1000, by: 10) {
            try log.write(Make.drafts(start..<start + 10))
        }
        #expect(Self.settle(log))
        #expect(Self.sealed(log) > 5)
        #expect(try log.holds(1000))
        let report = try log.verify()
        #expect(report.problems.isEmpty)
        #expect(report.records == log.durableEnd.value)
        log.close()
        let again = try EventLog.open(storage: storage, configuration: Self.configuration())
        #expect(again.recovery.findings.isEmpty)
        #expect(try again.holds(1000))
        #expect(try again.verify().problems.isEmpty)
        again.close()
        #expect(try storage.list().filter { $0.hasSuffix(".open.lz4") }.count == 1)
    }

    @Test func `seal() comes back when everything closed is sealed, and again at once`() throws {
        let storage = MemoryStorage()
        let log = try EventLog.open(
            storage: storage, configuration: Make.configuration(sealing: .background))
        defer { log.close() }
        for turn in 1...5 {
            _ = try log.write(Make.drafts((turn * 10)..<(turn * 10 + 10)))
            try log.seal()
            #expect(Self.sealed(log) == turn)
            #expect(log.stat().sealBacklog == 0)
        }
    }

    @Test func `candidates come from the sealed index too`() throws {
        let log = try EventLog.open(storage: MemoryStorage(), configuration: Self.configuration())
        for start in stride(from: 0, to: 600, by: 10) {
            try log.write(Make.drafts(start..<start + 10))
        }
        #expect(Self.settle(log))
        var reader = log.makeReader()
        for residue in 0..<5 {
            let found = try reader.candidates(
                for: Make.spread(UInt64(residue)), from: Offset(0), to: log.durableEnd)
            let numbers = try found.map { offset -> Int in
                let line = try #require(try reader.line(at: offset))
                let text = String(decoding: line, as: UTF8.self)
                let after = try #require(text.range(of: "\"number\":"))
                return Int(text[after.upperBound...].prefix { $0.isNumber })!
            }
            let every: [Int] = (0..<600).filter { $0 % 5 == residue }
            #expect(numbers == every)
        }
        for number in stride(from: 0, to: 600, by: 37) {
            let found = try reader.candidates(
                for: Make.keys(number)[0], from: Offset(0), to: log.durableEnd)
            #expect(found.count == 1)
        }
        #expect(
            try reader.candidates(for: 42, from: Offset(0), to: log.durableEnd).isEmpty)
        log.close()
    }

    @Test func `a reader follows while segments roll and are sealed under it`() throws {
        let log = try EventLog.open(storage: MemoryStorage(), configuration: Self.configuration())
        let writing = Thread {
            for start in stride(from: 0, to: 2000, by: 5) {
                do { try log.write(Make.drafts(start..<start + 5)) } catch { return }
            }
        }
        writing.start()
        var reader = log.makeReader()
        var from = Offset(0)
        var numbers = 0
        var next: UInt64 = 0
        while numbers < 2000 {
            _ = log.blockingWait(past: from, milliseconds: 1000)
            from = try reader.forEach(from: from, to: Offset(.max), needs: .lines) { record in
                let seen = Seen(record)
                #expect(seen.offset == next)
                next += 1
                if seen.kind < 240 {
                    #expect(seen.matches(Make.draft(numbers)))
                    numbers += 1
                }
                return .next
            }
        }
        #expect(numbers == 2000)
        log.close()
    }

    @Test func `a reader that began before the seal reads on from the unlinked file`() throws {
        let storage = MemoryStorage()
        var configuration = Self.configuration(.off)
        configuration.rollRawBytes = 4_000
        let log = try EventLog.open(storage: storage, configuration: configuration)
        try log.write(Make.drafts(0..<200))
        try log.write(Make.drafts(200..<210))
        var reader = log.makeReader()
        var seen = 0
        _ = try reader.forEach(from: Offset(0), to: log.durableEnd, needs: .lines) { record in
            if seen == 3 { storage.replace("00000000000000000000.open.lz4", with: nil) }
            #expect(Seen(record).matches(Make.draft(seen)))
            seen += 1
            return .next
        }
        #expect(seen == 210)
        log.close()
    }

    @Test func `L8: the sealed record names root and columns hash, and the root is RFC 6962's`()
        throws
    {
        let log = try EventLog.open(storage: MemoryStorage(), configuration: Self.configuration())
        for start in stride(from: 0, to: 300, by: 10) {
            try log.write(Make.drafts(start..<start + 10))
        }
        #expect(Self.settle(log))
        let (records, _) = try log.readAll()
        let lines = records.filter { $0.kind == 240 }.map(\.line)
        let sealed = log.stat().segments.filter { $0.state == .sealed }
        #expect(!sealed.isEmpty)
        for segment in sealed {
            let root = try #require(segment.merkleRoot)
            let columns = try #require(segment.columnsHash)
            #expect(
                lines.contains {
                    $0.contains("\"kind\":\"sealed\"")
                        && $0.contains("\"segment\":\(segment.base),")
                        && $0.contains("\"root\":\"\(root)\"")
                        && $0.contains("\"columns\":\"\(columns)\"")
                })
        }
        log.close()
    }

    @Test func `the tree's root is the one of the definition, for every small size`() {
        func leaf(_ data: [UInt8]) -> [UInt8] { SHA256.of([0] + data).bytes }
        /// RFC 6962, section 2.1, word for word.
        func definition(_ leaves: ArraySlice<[UInt8]>) -> [UInt8] {
            guard leaves.count > 1 else { return leaves.first.map(leaf) ?? SHA256.of([]).bytes }
            var split = 1
            while split * 2 < leaves.count { split *= 2 }
            let middle = leaves.startIndex + split
            return SHA256.of(
                [1] + definition(leaves[..<middle]) + definition(leaves[middle...])
            ).bytes
        }
        var tree = MerkleTree()
        var leaves: [[UInt8]] = []
        #expect(tree.root.bytes == definition([]))
        for number in 0..<70 {
            let salt = [UInt8](repeating: UInt8(number), count: 16)
            let line = Array("line \(number)".utf8)
            salt.withUnsafeBytes { salt in
                line.withUnsafeBytes { tree.add(salt: salt, line: $0) }
            }
            leaves.append(salt + line)
            #expect(tree.root.bytes == definition(leaves[...]), "\(number + 1) leaves")
        }
    }

    @Test func `a segment is rolled by its age`() throws {
        var configuration = Self.configuration(.off)
        configuration.rollRawBytes = 1 << 30
        configuration.rollAgeSeconds = 30  // the clock goes on by a second a call
        let log = try EventLog.open(storage: MemoryStorage(), configuration: configuration)
        for number in 0..<100 { try log.write([Make.draft(number)]) }
        #expect(log.stat().segments.count > 2)
        #expect(try log.holds(100))
        log.close()
    }

    @Test func `a closed segment that waits is sealed after reopening`() throws {
        let storage = MemoryStorage()
        let log = try EventLog.open(storage: storage, configuration: Self.configuration(.off))
        for start in stride(from: 0, to: 300, by: 10) {
            try log.write(Make.drafts(start..<start + 10))
        }
        #expect(log.stat().segments.filter { $0.state == .closed }.count > 1)
        log.close()
        let again = try EventLog.open(storage: storage, configuration: Self.configuration())
        #expect(Self.settle(again))
        #expect(Self.sealed(again) > 1)
        #expect(try again.holds(300))
        #expect(try again.verify().problems.isEmpty)
        again.close()
    }
}

@Suite struct `Stock tools` {
    @Test func `lz4 and jq read a sealed file`() throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/lz4"),
            FileManager.default.isExecutableFile(atPath: "/usr/bin/jq")
        else {
            print("skipped: lz4 or jq is not installed")
            return
        }
        let directory = TemporaryDirectory()
        let log = try EventLog.open(
            directory: directory.path, configuration: `Rolling and sealing`.configuration())
        for start in stride(from: 0, to: 400, by: 10) {
            try log.write(Make.drafts(start..<start + 10))
        }
        #expect(`Rolling and sealing`.settle(log))
        let segments = log.stat().segments
        log.close()
        for segment in segments {
            let file = directory.path + "/" + segment.file
            let output = try run("lz4 -dc '\(file)' | jq -c .offset")
            let offsets = output.split(separator: "\n").compactMap { UInt64($0) }
            let expected = Array(segment.base.value..<segment.base.value + segment.count)
            #expect(offsets == expected, "\(segment.file)")
            #expect(try run("lz4 -tq '\(file)' && echo whole") == "whole\n")
        }
    }

    private func run(_ command: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }
}
