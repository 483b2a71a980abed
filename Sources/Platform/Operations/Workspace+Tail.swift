import CustomerModel
import EventLog
import JSONText
import Projections

/// Streams that services follow (A4).
extension Workspace {
    /// Follows `events`, `profiles` or `audiences` from a cursor, an offset or a time; without one, from
    /// the start for events and from a snapshot for the others.
    ///
    /// Each line is one JSON object with the `cursor` to go on from. An idle stream says so every ten
    /// seconds with a heartbeat that carries the safe offset. A cursor of another log or incarnation gives
    /// one `cursor_expired` line and the end; never a silent gap.
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

    private static let heartbeatSeconds: Int64 = 10
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
        }
        var seen = projection.changeCount
        var quiet = ContinuousClock.now
        while !Task.isCancelled {
            let end = min(projection.applied.value, place + Self.slice)
            if place < end {
                try await noteServed(stream, from: place, to: end, by: principal)
                for line in try await changes(stream, from: place, to: end) { yield(line) }
                place = end
                quiet = .now
                continue
            }
            if quiet.duration(to: .now) > .seconds(Self.heartbeatSeconds) {
                yield([
                    "type": "heartbeat", "cursor": .string(self.cursor(stream, place)),
                    "safe": .offset(place),
                ])
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

    private func snapshot(_ stream: String, upTo offset: UInt64) -> [JSONValue] {
        let cursor = cursor(stream, offset)
        if stream == "audiences" {
            let names = projection.read { $0.counts().audiences.map(\.name) }
            var lines: [JSONValue] = []
            for name in names {
                for profile in projection.read({ $0.members(ofAudience: name) }) ?? [] {
                    lines.append([
                        "type": "snapshot", "cursor": .string(cursor), "audience": .string(name),
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
            Self.present(profile).adding([("type", "snapshot"), ("cursor", .string(cursor))])
        }
    }

    private func changes(_ stream: String, from: UInt64, to: UInt64) async throws -> [JSONValue] {
        let cursor = cursor(stream, to)
        switch stream {
        case "events":
            let lines = try await OwnThread.run("sluice.tail") { [log] in
                var reader = log.makeReader()
                var lines: [[UInt8]] = []
                _ = try reader.forEach(
                    from: Offset(from), to: Offset(to), needs: .lines
                ) { view in
                    if view.kind == 1 { lines.append(Array(view.line)) }
                    return .next
                }
                return lines
            }
            return try lines.map { line in
                [
                    "type": "event", "cursor": .string(cursor),
                    "record": try JSONValue(parsing: line),
                ]
            }
        case "audiences":
            let changes = projection.read { $0.membershipChanges(in: from..<to) }
            return changes.map { change in
                [
                    "type": .string(change.change.rawValue), "cursor": .string(cursor),
                    "audience": .string(change.audience),
                    "profile": .string(change.profile.description),
                    "offset": .offset(change.at), "reason": .string(change.reason.name),
                ]
            }
        default:
            let profiles = projection.read { $0.changedProfiles(in: from..<to) }
            return profiles.map { profile in
                Self.present(profile).adding([("type", "changed"), ("cursor", .string(cursor))])
            }
        }
    }
}
