import CustomerModel
import EventLog
import Hashing
import JSONText
import Projections

/// Questions about the log itself.
extension Workspace {
    /// The lines of a range as they stand: `from` and `to` are offsets or times.
    ///
    /// A range that says something of people is recorded as read, before it is shown (A3). One that does
    /// not is not: whoever reads to the end would otherwise write a new end with every page.
    func logCat(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let from = try await range(parameters, "from") ?? 0
        let to = try await range(parameters, "to") ?? .max
        let limit = try parameters.integer("limit", default: 100, in: 1...10_000)
        let (lines, lost, isPersonal) = try await OwnThread.run("sluice.cat") {
            [log, projection] in
            var lost: [JSONValue] = []
            var reader = log.makeReader()
            var lines: [JSONValue] = []
            var isPersonal = false
            var bytes = 0
            let end = min(to, log.durableEnd.value)
            guard from < end else { return (lines, lost, isPersonal) }
            _ = try reader.forEachReadable(
                from: Offset(from), to: Offset(end), needs: .lines
            ) { view in
                lines.append(.string(String(decoding: view.line, as: UTF8.self)))
                bytes += view.line.count
                if view.kind == RecordKind.event.rawValue
                    || view.kind == RecordKind.suppression.rawValue
                {
                    isPersonal = true
                }
                return lines.count >= limit || bytes > 8 << 20 ? .stop : .next
            } unreadable: { damage in
                projection.notice(damage)
                lost.append(Self.present(damage))
                return lost.count >= limit ? .stop : .next
            }
            return (lines, lost, isPersonal)
        }
        if isPersonal {
            try await noteRead(
                "log.cat", nil, by: principal, upTo: min(to, log.durableEnd.value))
        }
        return [
            "lines": .array(lines), "durable": .offset(log.durableEnd.value),
            "unreadable": .array(lost),
        ]
    }
}

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
        guard let body = EventBody(line: line) else {
            throw OperationError.failed("the line of an event has no body")
        }
        var extractor = EventExtractor(key: key)
        let columns = extractor.columns(of: body, source: source, received: received)
        return Extractor.Extracted(
            kind: kind.rawValue, source: source, name: columns.name,
            occurred: columns.occurred.microseconds, keys: columns.keys)
    }
}
