import CPeers
import EventLog
import Foundation

/// What the machine can do at all, on lines like those of the logs: one core of LZ4, and the disk.
///
/// They are measured again beside every figure that is held against one, since other work on the
/// machine moves both.
final class Limits {
    static let blockBytes = 256 << 10

    private let lines: [UInt8]
    private var packed: [[UInt8]] = []
    private let path: String
    /// Raw bytes over bytes that LZ4 made of them.
    private(set) var ratio = 1.0

    init(corpus: Corpus, scratch: Scratch) throws {
        path = scratch.path + "/limit"
        lines = try Self.sample(corpus, scratch)
        packed = Self.blocks(of: lines).map { Self.compressed($0) }
        ratio = Double(lines.count) / Double(packed.reduce(0) { $0 + $1.count })
    }

    /// Mean bytes of a line.
    private static let sampleEvents = 100_000
    var lineBytes: Double { Double(lines.count) / Double(Self.sampleEvents) }

    /// Lines as the log stores them, by way of a log.
    private static func sample(_ corpus: Corpus, _ scratch: Scratch) throws -> [UInt8] {
        var configuration = LogConfiguration()
        configuration.sealing = .off
        let log = try EventLog.open(
            directory: scratch.path + "/sample", configuration: configuration)
        defer {
            log.close()
            scratch.remove("sample")
        }
        let maker = EventMaker(corpus: corpus, people: sampleEvents / 10)
        for start in stride(from: 0, to: sampleEvents, by: 1000) {
            let ticket = try log.append(maker.drafts(start..<start + 1000, for: log))
            try log.blockingWaitDurable(ticket)
        }
        var lines: [UInt8] = []
        lines.reserveCapacity(sampleEvents * 1000)
        var reader = log.makeReader()
        _ = try reader.forEach(from: Offset(0), to: log.durableEnd, needs: .lines) { record in
            lines.append(contentsOf: record.line)
            lines.append(0x0A)
            return .next
        }
        return lines
    }

    private static func blocks(of lines: [UInt8]) -> [ArraySlice<UInt8>] {
        stride(from: 0, to: lines.count, by: blockBytes).map {
            lines[$0..<min($0 + blockBytes, lines.count)]
        }
    }

    private static func compressed(_ block: ArraySlice<UInt8>) -> [UInt8] {
        let room = Int(LZ4_compressBound(Int32(block.count)))
        return block.withUnsafeBytes { block in
            [UInt8](unsafeUninitializedCapacity: room) { target, count in
                count = Int(
                    LZ4_compress_default(
                        block.baseAddress?.assumingMemoryBound(to: CChar.self),
                        UnsafeMutableRawPointer(target.baseAddress)?
                            .assumingMemoryBound(to: CChar.self), Int32(block.count),
                        Int32(room)))
            }
        }
    }

    /// One core of `LZ4_compress_default` in blocks of 256 KiB, in MB of lines a second.
    func compressMegabytes() -> Double {
        let blocks = Self.blocks(of: lines)
        let room = Int(LZ4_compressBound(Int32(Self.blockBytes)))
        let target = UnsafeMutablePointer<CChar>.allocate(capacity: room)
        defer { target.deallocate() }
        return median(
            (0..<5).map { _ in
                let watch = Stopwatch()
                for block in blocks {
                    block.withUnsafeBytes { block in
                        let written = LZ4_compress_default(
                            block.baseAddress?.assumingMemoryBound(to: CChar.self), target,
                            Int32(block.count), Int32(room))
                        precondition(written > 0, "LZ4 compresses")
                    }
                }
                return Double(lines.count) / 1e6 / watch.seconds
            })
    }

    /// One core of `LZ4_decompress_safe` on the same blocks, in MB of lines a second.
    func decompressMegabytes() -> Double {
        let target = UnsafeMutablePointer<CChar>.allocate(capacity: Self.blockBytes)
        defer { target.deallocate() }
        return median(
            (0..<5).map { _ in
                let watch = Stopwatch()
                var bytes = 0
                for block in packed {
                    block.withUnsafeBytes { block in
                        bytes += Int(
                            LZ4_decompress_safe(
                                block.baseAddress?.assumingMemoryBound(to: CChar.self), target,
                                Int32(block.count), Int32(Self.blockBytes)))
                    }
                }
                precondition(bytes == lines.count, "LZ4 decompresses")
                return Double(bytes) / 1e6 / watch.seconds
            })
    }

    /// Writing the lines as they are in pieces of `bytes`, each followed by fdatasync.
    func disk(pieces bytes: Int, limit: Int) throws -> (megabytes: Double, syncs: Durations) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw BenchError("\(path) cannot be made") }
        defer {
            close(descriptor)
            unlink(path)
        }
        var syncs = Durations()
        var done = 0
        let watch = Stopwatch()
        while done < min(limit, lines.count) {
            let count = min(bytes, lines.count - done)
            let before = Stopwatch.nanoseconds
            let written = lines.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress! + done, count, off_t(done))
            }
            guard written == count, fdatasync(descriptor) == 0 else {
                throw BenchError("the disk refused a write")
            }
            syncs.add(Stopwatch.nanoseconds - before)
            done += count
        }
        return (Double(done) / 1e6 / watch.seconds, syncs)
    }

    func measure(into report: Report) {
        report.add("LZ4_compress_default, one core, 256 KiB blocks", compressMegabytes(), "MB/s")
        report.add("LZ4_decompress_safe, one core, the same blocks", decompressMegabytes(), "MB/s")
    }
}

/// The limits themselves, once at the front.
enum LimitsSection {
    static func perform(_ run: LogRun) throws {
        let report = run.report
        report.begin("limits", "what can this machine do at all?")
        report.note(run.corpus.origin)
        report.add("mean line", run.limits.lineBytes, "B")
        run.limits.measure(into: report)
        report.add("LZ4_compress_default makes of the lines", 100 / run.limits.ratio, "%")
        let large = try run.limits.disk(pieces: 8 << 20, limit: .max)
        report.add("raw write + fdatasync, 8 MiB pieces", large.megabytes, "MB/s")
        let small = try run.limits.disk(pieces: 4096, limit: 2 << 20)
        if let middle = small.syncs.milliseconds(at: 0.5),
            let high = small.syncs.milliseconds(at: 0.99)
        {
            report.add("raw write of 4 KiB + fdatasync, p50", middle, "ms")
            report.add("raw write of 4 KiB + fdatasync, p99", high, "ms")
        }
        try eventMaking(run)
    }

    /// What the bench's own part costs, which runs on the same cores as the log.
    private static func eventMaking(_ run: LogRun) throws {
        var configuration = LogConfiguration()
        configuration.sealing = .off
        let log = try EventLog.open(
            directory: run.scratch.path + "/making", configuration: configuration)
        defer {
            log.close()
            run.scratch.remove("making")
        }
        let maker = run.maker(people: 100_000)
        let watch = Stopwatch()
        var keys = 0
        for start in stride(from: 0, to: 100_000, by: 100) {
            for draft in maker.drafts(start..<start + 100, for: log) { keys += draft.keys.count }
        }
        run.report.add(
            "making an event with its keys (the bench's own work)", watch.seconds * 1e9 / 1e5, "ns")
        run.report.add("keys of an event", Double(keys) / 1e5, "")
    }
}
