import CustomerModel
import EventLog
import Hashing
import JSONText
import Projections

/// Questions about the log itself.
extension Workspace {
    func logStat() async throws -> JSONValue {
        let stat = log.stat()
        return [
            "log": .string(log.identity.hex), "incarnation": .offset(log.identity.incarnation),
            "durable": .offset(stat.durableEnd.value), "next": .offset(stat.nextOffset.value),
            "queuedBytes": .count(stat.queuedBytes), "sealBacklog": .count(stat.sealBacklog),
            "sealFailure": .text(stat.sealFailure.map { "\($0)" }),
            "diskFull": .bool(stat.isDiskFull), "storedBytes": .offset(stat.storedBytes),
            "rawBytes": .offset(stat.rawBytes),
            "syncs": Self.present(stat.syncs),
            "recovery": .texts(log.recovery.findings.map { "\($0)" }),
            "segments": .array(
                stat.segments.map { segment in
                    [
                        "file": .string(segment.file), "state": .string(segment.state.rawValue),
                        "base": .offset(segment.base.value), "records": .offset(segment.count),
                        "storedBytes": .offset(segment.storedBytes),
                        "rawBytes": .offset(segment.rawBytes),
                        "merkleRoot": .text(segment.merkleRoot),
                    ]
                }),
        ]
    }

    private static func present(_ times: SyncTimes) -> JSONValue {
        let bounds = SyncTimes.boundsMicroseconds.map(JSONValue.offset) + [.null]
        return [
            "commits": .offset(times.count), "totalMicroseconds": .offset(times.totalMicroseconds),
            "longestMicroseconds": .offset(times.longestMicroseconds),
            "upTo": .array(
                zip(bounds, times.counts).map { bound, count in
                    ["microseconds": bound, "commits": .offset(count)]
                }),
        ]
    }

    /// Every checksum, chain, root and column, against the lines (L7, L8).
    func logVerify() async throws -> JSONValue {
        let started = ContinuousClock.now
        let report = try await OwnThread.run("sluice.verify") { [log] in
            try log.verify(extractor: LineExtractor.make(key: log.identity.key))
        }
        for problem in report.problems { projection.notice(problem) }
        return LogShapes.verified(report, findings: [], since: started)
    }

    /// Copies the log as it is durable now into `to`, a directory of this machine.
    func logBackup(_ parameters: Parameters) async throws -> JSONValue {
        let directory = try parameters.text("to")
        guard directory.hasPrefix("/") else {
            throw OperationError.badRequest(
                "the parameter to must be an absolute path: the server's directory is not yours")
        }
        let started = ContinuousClock.now
        let report = try await OwnThread.run("sluice.backup") { [log] in
            try log.backup(to: directory)
        }
        return [
            "to": .string(directory), "incarnation": .offset(report.incarnation),
            "durableEnd": .offset(report.durableEnd.value),
            "copiedFiles": .count(report.copiedFiles),
            "copiedBytes": .offset(report.copiedBytes), "keptFiles": .count(report.keptFiles),
            "missing": LogShapes.problems(report.missing),
            "seconds": .number(Self.seconds(since: started)),
        ]
    }

    /// Closes the active segment now and waits until everything closed is sealed.
    func logSeal() async throws -> JSONValue {
        try await OwnThread.run("sluice.seal") { [log] in try log.seal() }
        return try await logStat()
    }
}

/// The extractor that made the columns of this platform's log (L7), for `verify`.
enum LineExtractor {
    /// The number in every frame that this version writes.
    static let number: UInt16 = 1

    static func make(key: SipKey) -> Extractor {
        Extractor(number: number) { line in
            var parser = JSONParser()
            return try parser.parse(line) { try extract($0, key: key) }
        }
    }

    private static func extract(_ line: JSONView, key: SipKey) throws -> Extractor.Extracted {
        guard let name = line["kind"]?.string, let kind = RecordKind(name: name),
            let source = line["source"]?.string, let received = EventClock.time(line["received"])
        else { throw OperationError.failed("the line lacks its kind, source or time of receipt") }
        guard kind == .event else {
            guard let body = line["body"] else {
                throw OperationError.failed("the line of a control record has no body")
            }
            return Extractor.Extracted(
                kind: kind.rawValue, source: source, name: kind.name,
                occurred: received.microseconds,
                keys: try ControlDraft.keys(kind: kind, body: body))
        }
        var extractor = EventExtractor(key: key)
        let read = EventBody.read(line: line) {
            extractor.columns(of: $0, source: source, received: received)
        }
        guard let columns = read else {
            throw OperationError.failed("the line of an event has no body")
        }
        return Extractor.Extracted(
            kind: kind.rawValue, source: source, name: columns.name,
            occurred: columns.occurred.microseconds, keys: columns.keys)
    }
}
