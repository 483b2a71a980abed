import CustomerModel
import EventLog
import JSONText
import Projections

/// Streams that services follow (A4).
extension Workspace {
    /// Follows `events`, `profiles` or `audiences` from a cursor, an offset or a time; without one, from
    /// the start for events and from a snapshot for the others.
    ///
    /// Each line is one JSON object. Its `cursor` is where to go on once everything up to this line was
    /// taken in: whoever does misses nothing. An event's stands right behind it, so no event comes twice;
    /// other changes may, those that stand behind the same cursor. A snapshot can only be taken whole: its
    /// last line has the first cursor, and a heartbeat says that it has ended, also when it was empty.
    ///
    /// An idle stream says so every ten seconds with a heartbeat that carries the safe offset. A cursor of
    /// another log or incarnation gives one `cursor_expired` line and the end; never a silent gap.
    public func tail(_ stream: String, from cursor: String?, by principal: Principal)
        -> AsyncThrowingStream<[UInt8], any Error>
    {
        AsyncThrowingStream(bufferingPolicy: .unbounded) { continuation in
            let task = Task {
                do {
                    try await self.follow(stream, from: cursor, by: principal) { line in
                        continuation.yield(Array(line.text.utf8))
                    }
                    continuation.finish()
                } catch is CancellationError {
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// Records looked at between two hand-overs.
    private static let slice: UInt64 = 2048

    private func follow(
        _ stream: String, from text: String?, by principal: Principal,
        _ yield: @escaping @Sendable (JSONValue) -> Void
    ) async throws {
        guard ["events", "profiles", "audiences"].contains(stream) else {
            throw OperationError.notFound(
                "there is no stream \(stream); there are events, profiles and audiences")
        }
        guard stream != "events" || principal.role != .service else {
            throw OperationError.forbidden(
                "the stream events needs a token with role operator or auditor")
        }
        var place: UInt64 = 0
        if let text {
            switch try await startingPlace(text, stream: stream) {
            case .offset(let offset): place = offset
            case .expired(let line):
                yield(line)
                return
            }
        } else if stream != "events" {
            place = projection.applied.value
            try await noteServed(stream, from: 0, to: place, by: principal)
            for line in snapshot(stream, upTo: place) { yield(line) }
            yield(heartbeat(stream, place))
        }
        let refolds = projection.refoldCount
        var seen = projection.changeCount
        var quiet = ContinuousClock.now
        while !Task.isCancelled {
            if stream != "events", projection.refoldCount != refolds {
                // Who is whom was worked out anew, from less: what was said before does not go on.
                yield([
                    "type": "cursor_expired",
                    "reason":
                        "the log was folded anew, since a part of it cannot be read; start from a snapshot",
                ])
                return
            }
            let from = place
            if let range = projection.read({ $0.stretch(from: from, limit: Self.slice) }) {
                // Offsets that were never given out are said, like everything that is not shown (L3).
                if range.lowerBound > place { yield(restored(stream, from: place, to: range)) }
                try await noteServed(
                    stream, from: range.lowerBound, to: range.upperBound, by: principal)
                let served = try await changes(stream, in: range)
                for line in served.lines { yield(line) }
                place = served.end
                quiet = .now
                continue
            }
            if quiet.duration(to: .now) > options.heartbeatEvery {
                yield(heartbeat(stream, place))
                quiet = .now
            }
            seen = await waitBriefly(since: seen)
        }
    }

    /// Waits for a change, a second at most, so that heartbeats are said in time.
    private func waitBriefly(since seen: UInt64) async -> UInt64 {
        await withTaskGroup(of: UInt64?.self) { group in
            group.addTask { await self.projection.waitChange(since: seen) }
            group.addTask {
                do {
                    try await Task.sleep(for: .seconds(1))
                } catch {
                    return nil
                }
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first ?? seen
        }
    }

    /// API reads are disclosures: a served range is recorded before it is handed over (A3). Reading along
    /// one's own audit records would never end, so ranges without events are not recorded.
    private func noteServed(_ stream: String, from: UInt64, to: UInt64, by principal: Principal)
        async throws
    {
        guard projection.read({ $0.eventCount(in: from..<to) }) > 0 else { return }
        try await noteRead("tail.\(stream)", nil, by: principal, upTo: to)
    }

    // MARK: Cursors

    private func cursor(_ stream: String, _ offset: UInt64) -> String {
        let generation = projection.read { $0.generation }
        return
            "\(log.identity.hex).\(log.identity.incarnation).\(stream).\(generation).\(offset)"
    }

    private enum Start {
        case offset(UInt64)
        case expired(JSONValue)
    }

    private func startingPlace(_ text: String, stream: String) async throws -> Start {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 5, let offset = UInt64(parts[4]) else {
            return .offset(try await self.offset(text))
        }
        guard String(parts[0]) == log.identity.hex,
            String(parts[1]) == String(log.identity.incarnation), String(parts[2]) == stream,
            offset <= log.durableEnd.value
        else {
            return .expired([
                "type": "cursor_expired",
                "reason":
                    "the cursor is of another log, incarnation or stream; start from a snapshot",
            ])
        }
        // A generation is promoted only where its digest equals: what it would have said is the same.
        return .offset(offset)
    }

    // MARK: Lines

    private func heartbeat(_ stream: String, _ place: UInt64) -> JSONValue {
        [
            "type": "heartbeat", "cursor": .string(cursor(stream, place)),
            "safe": .offset(place),
        ]
    }

    private func snapshot(_ stream: String, upTo offset: UInt64) -> [JSONValue] {
        var lines = snapshot(stream)
        if let last = lines.popLast() {
            lines.append(last.adding([("cursor", .string(cursor(stream, offset)))]))
        }
        return lines
    }

    private func snapshot(_ stream: String) -> [JSONValue] {
        if stream == "audiences" {
            let names = projection.read { $0.counts().audiences.map(\.name) }
            var lines: [JSONValue] = []
            for name in names {
                for profile in projection.read({ $0.members(ofAudience: name) }) ?? [] {
                    lines.append([
                        "type": "snapshot", "audience": .string(name),
                        "profile": .string(profile.description),
                    ])
                }
            }
            return lines
        }
        let profiles = projection.read { state in
            var all: [ProfileSummary] = []
            state.forEachPerson { node in
                if let profile = state.profile(node: node) { all.append(profile) }
            }
            return all
        }
        return profiles.map { profile in
            Self.present(profile).adding([("type", "snapshot")])
        }
    }

    /// What a stream says of a range, and where to go on: past the range where it ends within one that cannot
    /// be read.
    private struct Served {
        var lines: [JSONValue]
        var end: UInt64
    }

    private func restored(_ stream: String, from: UInt64, to range: Range<UInt64>) -> JSONValue {
        [
            "type": "restored", "cursor": .string(cursor(stream, range.lowerBound)),
            "from": .offset(from), "to": .offset(range.lowerBound),
        ]
    }

    private func unreadable(_ range: Range<UInt64>, reason: String) -> JSONValue {
        [
            "type": "unreadable", "from": .offset(range.lowerBound),
            "to": .offset(range.upperBound),
            "reason": .string(reason),
        ]
    }

    private func changes(_ stream: String, in range: Range<UInt64>) async throws -> Served {
        if stream == "events" { return try await events(in: range) }
        let losses = projection.read { $0.logLosses(in: range) }
        let end = max(range.upperBound, losses.map(\.to).max() ?? 0)
        let lost = losses.map { loss in
            unreadable(max(loss.from, range.lowerBound)..<loss.to, reason: loss.reason)
        }
        return Served(
            lines: place(lost + derived(stream, range), stream, from: range.lowerBound, to: end),
            end: end)
    }

    /// Gives each line its cursor: where it began until a later offset is reached, and the end of the range
    /// for the last. Lines without an offset show people as they are by then, so they move nothing.
    private func place(
        _ lines: [JSONValue], _ stream: String, from start: UInt64, to end: UInt64
    ) -> [JSONValue] {
        var reached = start
        return lines.enumerated().map { index, line in
            if index == lines.count - 1 {
                reached = end
            } else if stream == "audiences", let next = lines[index + 1]["offset"]?.int {
                // In order of their offsets; what comes next may be of the same one.
                reached = max(reached, UInt64(next))
            }
            return line.adding([("cursor", .string(cursor(stream, reached)))])
        }
    }

    private enum Read: Sendable {
        case line([UInt8], at: UInt64)
        case unreadable(Damage)
    }

    private func events(in range: Range<UInt64>) async throws -> Served {
        let found = try await OwnThread.run("sluice.tail") { [log, projection] in
            var reader = log.makeReader()
            var found: [Read] = []
            _ = try reader.forEachReadable(
                from: Offset(range.lowerBound), to: Offset(range.upperBound), needs: .lines
            ) { view in
                if view.kind == RecordKind.event.rawValue {
                    found.append(.line(Array(view.line), at: view.offset.value))
                }
                return .next
            } unreadable: { damage in
                projection.notice(damage)
                found.append(.unreadable(damage))
                return .next
            }
            return found
        }
        var end = range.upperBound
        for case .unreadable(let damage) in found { end = max(end, damage.offsets.upperBound) }
        let lines = try found.map { item -> JSONValue in
            switch item {
            case .line(let line, let offset):
                [
                    "type": "event", "cursor": .string(cursor("events", offset + 1)),
                    "record": try JSONValue(parsing: line),
                ]
            case .unreadable(let damage):
                unreadable(
                    max(damage.offsets.lowerBound, range.lowerBound)..<damage.offsets.upperBound,
                    reason: damage.reason
                ).adding([("cursor", .string(cursor("events", damage.offsets.upperBound)))])
            }
        }
        return Served(lines: lines, end: end)
    }

    private func derived(_ stream: String, _ range: Range<UInt64>) -> [JSONValue] {
        switch stream {
        case "audiences":
            let changes = projection.read { $0.membershipChanges(in: range) }
            return changes.map { change in
                [
                    "type": .string(change.change.rawValue),
                    "audience": .string(change.audience),
                    "profile": .string(change.profile.description),
                    "offset": .offset(change.at), "reason": .string(change.reason.name),
                ]
            }
        default:
            let (lineage, profiles) = projection.read {
                ($0.lineage(in: range), $0.changedProfiles(in: range))
            }
            // Who became whom first, then everybody as they are: a follower moves rows before it writes them.
            return lineage.map { event in
                [
                    "type": .string(event.kind.rawValue),
                    "profile": .string(event.profile.description),
                    (event.kind == .merged ? "gone" : "back"): .string(event.other.description),
                    "offset": .offset(event.offset),
                ]
            }
                + profiles.map { profile in
                    Self.present(profile).adding([("type", "changed")])
                }
        }
    }
}
