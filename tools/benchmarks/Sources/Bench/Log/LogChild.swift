import ArgumentParser
import EventLog
import Foundation
import Synchronization

/// What the log's bench does in processes of its own: to measure their memory, and to kill them.
struct LogChild: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log-child", abstract: "A process that `bench log` starts.",
        shouldDisplay: false)

    enum Role: String, ExpressibleByArgument { case write, read, tail, open }

    struct WriterReport: Codable {
        var digest: UInt64
        var startKiB: Int
        var peakKiB: Int
        var appendSeconds: Double
        var sealSeconds: Double
    }

    struct ReaderReport: Codable {
        var digest: UInt64
        var startKiB: Int
        var peakKiB: Int
    }

    struct OpenReport: Codable {
        var milliseconds: Double
        var findings: Int
        var activeBytes: UInt64
    }

    /// What a child prints when it may be killed.
    static let readySign = "ready"

    @Argument var role: Role
    @Option var log: String
    @Option var corpus: String
    @Option var records: Int?
    @Option var threads = 8
    @Option var batch = 100
    @Flag var unsealed = false

    func run() throws {
        switch role {
        case .write: try write()
        case .read: try read()
        case .tail: try tail()
        case .open: try open()
        }
    }

    private func print(_ report: some Encodable) throws {
        FileHandle.standardOutput.write(try JSONEncoder().encode(report) + Data("\n".utf8))
    }

    private func needed() throws -> Int {
        guard let records else { throw ValidationError("--records is missing") }
        return records
    }

    // MARK: Writing

    private func write() throws {
        let records = try needed()
        let maker = EventMaker(corpus: try Corpus(reading: corpus), people: records / 10)
        try ProcessMemory.resetPeak()
        let start = try ProcessMemory.nowKiB()
        var configuration = LogConfiguration()
        if unsealed { configuration.sealing = .off }
        let log = try EventLog.open(directory: log, configuration: configuration)
        let watch = Stopwatch()
        let digest = try append(records, maker, to: log)
        let appended = watch.seconds
        if !unsealed { try log.seal() }
        let report = WriterReport(
            digest: digest, startKiB: start, peakKiB: try ProcessMemory.peakKiB(),
            appendSeconds: appended, sealSeconds: watch.seconds - appended)
        log.close()
        try print(report)
    }

    /// Appends events 0..<records by several threads. Returns the digest of their lines.
    private func append(_ records: Int, _ maker: EventMaker, to log: EventLog) throws -> UInt64 {
        let numbers = Numbers()
        let outcome = Mutex<(digest: UInt64, failure: (any Error)?)>((0, nil))
        Programs.onThreads(threads) { _ in
            do {
                var digest: UInt64 = 0
                while true {
                    let first = numbers.take(batch)
                    guard first < records else { break }
                    let drafts = maker.drafts(first..<min(first + batch, records), for: log)
                    for draft in drafts {
                        digest &+= draft.tail.withUnsafeBytes { EventMaker.digest(ofLine: $0) }
                    }
                    try log.blockingWaitDurable(try log.append(drafts))
                }
                outcome.withLock { $0.digest &+= digest }
            } catch { outcome.withLock { $0.failure = error } }
        }
        let (digest, failure) = outcome.withLock { $0 }
        if let failure { throw failure }
        return digest
    }

    // MARK: Reading

    private func read() throws {
        let records = try needed()
        let maker = EventMaker(corpus: try Corpus(reading: corpus), people: records / 10)
        try ProcessMemory.resetPeak()
        let start = try ProcessMemory.nowKiB()
        var configuration = LogConfiguration()
        configuration.sealing = .off
        let log = try EventLog.open(directory: log, configuration: configuration)
        var digest: UInt64 = 0
        var reader = log.makeReader()
        _ = try reader.forEach(from: Offset(0), to: log.durableEnd, needs: .lines) { record in
            if record.kind == EventMaker.eventKind {
                digest &+= EventMaker.digest(ofLine: record.line)
            }
            return .next
        }
        var keys: UInt64 = 0
        _ = try reader.forEach(from: Offset(0), to: log.durableEnd, needs: .columns) { record in
            for key in record.keys { keys &+= key }
            return .next
        }
        for number in 0..<1000 {
            let person = maker.person(of: number * (records / 1000))
            let key = log.keyHash("user_id", EventMaker.userID(person))
            for offset in try reader.candidates(for: key, from: Offset(0), to: log.durableEnd)
                .prefix(10)
            {
                _ = try reader.line(at: offset)
            }
        }
        precondition(keys != 0, "the log has keys")
        let peak = try ProcessMemory.peakKiB()
        log.close()
        try print(ReaderReport(digest: digest, startKiB: start, peakKiB: peak))
    }

    // MARK: Being killed

    /// Appends until there are enough records, says so, and goes on until it is killed.
    private func tail() throws {
        let maker = EventMaker(corpus: try Corpus(reading: corpus), people: 100_000)
        var configuration = LogConfiguration()
        if records == nil { configuration.sealing = .off }
        let log = try EventLog.open(directory: log, configuration: configuration)
        let limits = configuration
        var number = 0
        var isReady = false
        while true {
            // Batches of one at the end, so that the kill hits between many syncs.
            let count = isReady && records == nil ? 1 : 100
            let drafts = maker.drafts(number..<number + count, for: log)
            try log.blockingWaitDurable(try log.append(drafts))
            number += count
            guard !isReady else { continue }
            if let records {
                isReady = number >= records
            } else if number % 1000 == 0, let active = log.stat().segments.last {
                isReady =
                    active.rawBytes >= UInt64(limits.rollRawBytes / 100 * 97)
                    || active.storedBytes >= UInt64(limits.rollStoredBytes / 100 * 97)
            }
            if isReady { FileHandle.standardOutput.write(Data((Self.readySign + "\n").utf8)) }
        }
    }

    private func open() throws {
        var configuration = LogConfiguration()
        configuration.sealing = .off
        let watch = Stopwatch()
        let log = try EventLog.open(directory: log, configuration: configuration)
        let report = OpenReport(
            milliseconds: watch.seconds * 1e3, findings: log.recovery.findings.count,
            activeBytes: log.stat().segments.last.map(\.rawBytes) ?? 0)
        log.close()
        try print(report)
    }
}
