import Foundation
import SluiceClient
import TestSupport
import Testing

@Suite struct `The queue on disk` {
    private let directory: TemporaryDirectory
    private var configuration: ClientConfiguration

    init() throws {
        directory = try TemporaryDirectory()
        configuration = ClientConfiguration(
            url: "http://127.0.0.1:1", writeKey: "k", directory: directory("queue"))
        configuration.queueBytes = 1 << 20
    }

    private func message(_ number: Int, padding: Int = 0) -> [UInt8] {
        Array(#"{"n":\#(number),"p":"\#(String(repeating: "x", count: padding))"}"#.utf8)
    }

    private func all(_ queue: inout DiskQueue, items: Int = 7) throws -> [[UInt8]] {
        var found: [[UInt8]] = []
        while let batch = try queue.next(items: items, bytes: 1 << 16) {
            found += batch.messages
            try queue.acknowledge(batch)
        }
        return found
    }

    private func newestFile() throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory("queue"))
        return directory("queue/") + (try #require(names.filter { $0.hasSuffix(".queue") }.max()))
    }

    @Test func `gives back what went in, over files and openings, once it is acknowledged no more`()
        throws
    {
        let messages = (0..<400).map { message($0, padding: 1_000) }
        var given: [[UInt8]] = []
        for start in stride(from: 0, to: 400, by: 100) {
            var queue = try DiskQueue.open(configuration)
            #expect(try queue.append(Array(messages[start..<(start + 100)])).allSatisfy { $0 })
            for _ in 0..<10 {
                let batch = try #require(try queue.next(items: 7, bytes: 1 << 16))
                given += batch.messages
                try queue.acknowledge(batch)
            }
        }
        var queue = try DiskQueue.open(configuration)
        given += try all(&queue)
        #expect(given == messages)
        #expect(queue.standing.bytes == 0)
        #expect(queue.files.count <= 1)
    }

    @Test func `every cut of its end keeps the whole messages before it`() throws {
        do {
            var queue = try DiskQueue.open(configuration)
            _ = try queue.append((0..<3).map { message($0) })
        }
        let file = try newestFile()
        let bytes = try #require(FileManager.default.contents(atPath: file))
        let ends = [0] + bytes.indices.filter { bytes[$0] == 0x0A }.map { $0 + 1 }
        for cut in 0...bytes.count {
            for junk in ["", "\0\0\0\0", "\0\0\n"] {
                for name in try FileManager.default.contentsOfDirectory(atPath: directory("queue"))
                {
                    try FileManager.default.removeItem(atPath: directory("queue/\(name)"))
                }
                try (bytes.prefix(cut) + Data(junk.utf8)).write(to: URL(filePath: file))
                let whole = ends.last { $0 <= cut }.flatMap { ends.firstIndex(of: $0) } ?? 0
                var queue = try DiskQueue.open(configuration)
                _ = try queue.append([message(9)])
                let expected = (0..<whole).map { message($0) } + [message(9)]
                #expect(try all(&queue) == expected, "cut at \(cut), then \(junk.utf8.count) bytes")
            }
        }
    }

    @Test func `a damaged line costs itself only`() throws {
        do {
            var queue = try DiskQueue.open(configuration)
            _ = try queue.append((0..<3).map { message($0) })
        }
        let file = try newestFile()
        var bytes = try #require(FileManager.default.contents(atPath: file))
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(filePath: file))
        var queue = try DiskQueue.open(configuration)
        #expect(queue.damagedLines == 1)
        #expect(try all(&queue) == [message(0), message(2)])
    }

    @Test func `an acknowledgement that cannot be read means that all is sent again`() throws {
        do {
            var queue = try DiskQueue.open(configuration)
            _ = try queue.append((0..<10).map { message($0) })
            try queue.acknowledge(try #require(try queue.next(items: 4, bytes: 1 << 16)))
        }
        try Data("0000".utf8).write(to: URL(filePath: directory("queue/acknowledged")))
        var queue = try DiskQueue.open(configuration)
        #expect(try all(&queue) == (0..<10).map { message($0) })
    }

    @Test func `numbers go on above what was acknowledged when the machine lost the messages`()
        throws
    {
        do {
            var queue = try DiskQueue.open(configuration)
            _ = try queue.append((0..<10).map { message($0) })
            try queue.acknowledge(try #require(try queue.next(items: 8, bytes: 1 << 16)))
        }
        try Data().write(to: URL(filePath: try newestFile()))
        var queue = try DiskQueue.open(configuration)
        _ = try queue.append([message(11)])
        #expect(try all(&queue) == [message(11)])
    }

    @Test func `refuses what does not fit, and takes again once something left`() throws {
        var queue = try DiskQueue.open(configuration)
        let big = message(0, padding: 30_000)
        var count = 0
        while try queue.append([big]) == [true] { count += 1 }
        #expect(count == (1 << 20) / (big.count + QueueLine.overhead))
        try queue.acknowledge(try #require(try queue.next(items: 1, bytes: 1 << 16)))
        #expect(try queue.append([big, big]) == [true, false])
        let names = try FileManager.default.contentsOfDirectory(atPath: directory("queue"))
        var bytes = 0
        for name in names {
            bytes += FileManager.default.contents(atPath: directory("queue/\(name)"))?.count ?? 0
        }
        let most = (1 << 20) + (1 << 17) + 40_000
        #expect(bytes <= most)
    }

    @Test func `is one client's at a time`() throws {
        let queue = try DiskQueue.open(configuration)
        #expect(throws: ClientError.directoryInUse(directory("queue"))) {
            _ = try SluiceClient(configuration)
        }
        _ = queue.standing
    }
}
