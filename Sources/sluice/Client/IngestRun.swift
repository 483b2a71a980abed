internal import Feeds
internal import Hashing
internal import JSONText
internal import Platform

/// Brings the records of files into the workspace, batch by batch, and counts what became of them.
struct IngestRun {
    struct Options {
        var source: String
        var asIfLive: Bool
        var mapping: FeedMapping?
        var dialect = CollectContext.Dialect.segment
    }

    /// What became of the records.
    struct Total {
        var accepted: Int64 = 0
        var duplicates: Int64 = 0
        var suppressed: Int64 = 0
        var rejected: Int64 = 0
        /// How many were refused for what.
        var reasons: [(code: String, count: Int64)] = []

        mutating func add(_ answer: JSONValue) throws(CommandFailure) {
            guard let accepted = answer["accepted"]?.int,
                let duplicates = answer["duplicates"]?.int,
                let suppressed = answer["suppressed"]?.int,
                let items = answer["rejected"]?.array
            else { throw CommandFailure(.failed, "the answer lacks its counts") }
            self.accepted += accepted
            self.duplicates += duplicates
            self.suppressed += suppressed
            rejected += Int64(items.count)
            for item in items {
                guard let code = item["code"]?.string else { continue }
                if let place = reasons.firstIndex(where: { $0.code == code }) {
                    reasons[place].count += 1
                } else {
                    reasons.append((code, 1))
                }
            }
        }

        var json: JSONValue {
            [
                "accepted": .int(accepted), "duplicates": .int(duplicates),
                "suppressed": .int(suppressed), "rejected": .int(rejected),
                "reasons": .object(JSONObject(reasons.map { ($0.code, .int($0.count)) })),
            ]
        }
    }

    let client: Client
    let options: Options
    private(set) var total = Total()
    /// Why the file itself could not be read to its end.
    private(set) var fault: String?

    init(client: Client, options: Options) {
        self.client = client
        self.options = options
    }

    /// Reads one file to its end. When it fails in the middle, the message says at which record to go on.
    mutating func ingest(_ path: String, fromRecord: Int) async throws {
        let batches: FeedBatches
        do {
            batches = try FeedBatches(
                path: path, mapping: options.mapping,
                lines: options.dialect == .mparticle ? .mparticle : .messages,
                fromRecord: fromRecord)
        } catch {
            fault = "\(error)"
            throw CommandFailure(.failed, "\(error)")
        }
        var progress = ProgressLine(path)
        var next = fromRecord
        defer { progress.end() }
        do {
            // The next batch is read while this one is written.
            var waiting = try await batches.next()
            while let batch = waiting {
                async let following = batches.next()
                try total.add(try await send(batch.records))
                if let last = batch.records.last { next = Int(last.number) + 1 }
                progress.show(
                    fraction: batch.fraction,
                    detail: "\(Renderer.grouped(total.accepted)) accepted, "
                        + "\(Renderer.grouped(total.duplicates)) duplicates, "
                        + "\(Renderer.grouped(total.rejected)) rejected")
                waiting = try await following
            }
        } catch let failure as CommandFailure {
            throw CommandFailure(
                failure.exit, "\(failure.message) (go on with --from-record \(next) of \(path))")
        } catch {
            if error is FeedError { fault = "\(error)" }
            throw CommandFailure(
                .failed, "\(error) (records before \(next) of \(path) were taken)")
        }
    }

    /// Ends an as-if-live ingest with its last tick.
    func finish() async throws {
        guard options.asIfLive else { return }
        switch client {
        case .server(let server):
            _ = try await server.post(target + "&finish=1", [], type: "application/x-ndjson")
        case .workspace(let workspace):
            do {
                try await workspace.collector.finishAsIfLive()
            } catch {
                throw CommandFailure(.failed, "the last tick cannot be written: \(error)")
            }
        }
    }

    // MARK: Sending

    private var target: String {
        "/api/ingest?numbered=1&source=\(LocalServer.escape(options.source))"
            + (options.asIfLive ? "&asIfLive=1" : "")
            + (options.dialect == .mparticle ? "&dialect=mparticle" : "")
    }

    /// Sends one batch; waits and tries again while the log is busy.
    private func send(_ records: [FeedBatches.Record]) async throws -> JSONValue {
        var tries = 0
        while true {
            do {
                return try await attempt(records)
            } catch let failure as CommandFailure where failure.exit == .unavailable {
                tries += 1
                guard tries < 30 else { throw failure }
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func attempt(_ records: [FeedBatches.Record]) async throws -> JSONValue {
        switch client {
        case .server(let server):
            var body: [UInt8] = []
            for record in records {
                body.append(contentsOf: "\(record.number) ".utf8)
                if let problem = record.problem {
                    // The reason ends at the tab.
                    let reason = problem.map { $0 == "\t" || $0.isNewline ? " " : $0 }
                    body.append(contentsOf: "!\(String(reason))\t".utf8)
                    body.append(contentsOf: Base64.encode(record.bytes).utf8)
                } else {
                    body.append(contentsOf: record.bytes)
                }
                body.append(0x0A)
            }
            return try await server.post(target, body, type: "application/x-ndjson")
        case .workspace(let workspace):
            return try await LocalIngest.collect(
                records.map {
                    CollectItem(bytes: $0.bytes, recordNumber: $0.number, problem: $0.problem)
                }, source: options.source, asIfLive: options.asIfLive,
                dialect: options.dialect, into: workspace)
        }
    }
}
