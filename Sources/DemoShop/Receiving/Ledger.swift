import ArgumentParser
import Glibc
import JSONText
import NIOCore
import Synchronization

/// What came in, and what was answered. Thread-safe.
final class Ledger: Sendable {
    /// One request as it came.
    struct Arrival {
        var path: String
        var id: String?
        var timestamp: String?
        var signatures: String?
        /// What a correction's headers say.
        var correction: String?
        var plan: String?
        var body: [UInt8]
    }

    /// What the sender is told.
    struct Reaction: Equatable {
        var status: Int
        var isReset = false
        var delayMilliseconds: Int64 = 0
    }

    private struct State {
        var faults: [Fault] = []
        var requestIDs: Set<String> = []
        var memberIDs: Set<String> = []
        var requests = 0
        var accepted = 0
        var repeated = 0
        var unsigned = 0
        var refused = 0
    }

    private let file: Int32
    private let keys: [String: SigningKey]
    private let state = Mutex(State())

    init(path: String, keys: [String: SigningKey]) throws {
        file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw ValidationError("\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        self.keys = keys
    }

    deinit { close(file) }

    func add(_ fault: Fault) { state.withLock { $0.faults.append(fault) } }

    /// What came in so far.
    var counts: JSONValue {
        state.withLock { state in
            [
                "requests": .int(Int64(state.requests)), "accepted": .int(Int64(state.accepted)),
                "repeated": .int(Int64(state.repeated)), "unsigned": .int(Int64(state.unsigned)),
                "refused": .int(Int64(state.refused)),
                "members": .int(Int64(state.memberIDs.count)),
            ]
        }
    }

    /// Judges a request and writes it down before anything is answered.
    func take(_ arrival: Arrival) -> Reaction {
        state.withLock { state in
            state.requests += 1
            let fault = Self.nextFault(for: arrival.path, in: &state.faults)
            let isSigned = isSigned(arrival)
            var reaction = Reaction(status: 200)
            switch fault {
            case .status(let status): reaction.status = status
            case .reset: reaction.isReset = true
            case .slow(let milliseconds): reaction.delayMilliseconds = milliseconds
            case nil: break
            }
            let members = Self.members(of: arrival.body)
            if !isSigned {
                reaction = Reaction(status: 401)
                state.unsigned += 1
            } else if members == nil {
                reaction = Reaction(status: 400)
            }
            let isTaken = reaction.status == 200
            var isRepeated = false
            var fresh = 0
            if isTaken, let id = arrival.id {
                isRepeated = !state.requestIDs.insert(id).inserted
                for member in members ?? [] where state.memberIDs.insert(member).inserted {
                    fresh += 1
                }
            }
            if !isTaken {
                state.refused += 1
            } else if isRepeated {
                state.repeated += 1
            } else {
                state.accepted += 1
            }
            write(
                arrival, reaction, isSigned: isSigned, isRepeated: isRepeated, freshMembers: fresh)
            return reaction
        }
    }

    private static func nextFault(for path: String, in faults: inout [Fault]) -> Fault.Kind? {
        guard let place = faults.firstIndex(where: { $0.path == path }) else { return nil }
        let kind = faults[place].kind
        faults[place].times -= 1
        if faults[place].times == 0 { faults.remove(at: place) }
        return kind
    }

    private func isSigned(_ arrival: Arrival) -> Bool {
        guard let key = keys[arrival.path], let id = arrival.id,
            let timestamp = arrival.timestamp, let signatures = arrival.signatures
        else { return false }
        return key.verifies(
            signatures: signatures, id: id, timestamp: timestamp, body: arrival.body,
            nowSeconds: Timestamp.now().microseconds / 1_000_000)
    }

    /// The ids of what a body carries: `{"id":…}` or `{"batch":[{"id":…},…]}`; nil for anything
    /// else.
    private static func members(of body: [UInt8]) -> [String]? {
        var parser = JSONParser(limits: JSONLimits(maximumBytes: 64 << 20))
        do {
            return try parser.parse(body) { view in
                guard let batch = view["batch"] else { return view["id"]?.string.map { [$0] } }
                var ids: [String] = []
                batch.forEachElement { if let id = $0["id"]?.string { ids.append(id) } }
                return ids.count == batch.count ? ids : nil
            }
        } catch {
            return nil
        }
    }

    private func write(
        _ arrival: Arrival, _ reaction: Reaction, isSigned: Bool, isRepeated: Bool,
        freshMembers: Int
    ) {
        var line = JSONWriter(reserving: arrival.body.count + 256)
        line.beginObject()
        line.member("path", arrival.path)
        line.member("webhookID", arrival.id ?? "")
        line.member("isSigned", isSigned)
        line.member("isRepeated", isRepeated)
        line.member("freshMembers", freshMembers)
        if let correction = arrival.correction { line.member("correction", correction) }
        if let plan = arrival.plan { line.member("plan", plan) }
        line.member("answer", reaction.isReset ? "reset" : String(reaction.status))
        line.key("body")
        // A body that is no JSON must not spoil the file.
        if reaction.status == 200 { line.raw(arrival.body) } else { line.null() }
        line.endObject()
        let bytes = line.bytes + [UInt8(ascii: "\n")]
        let written = Glibc.write(file, bytes, bytes.count)
        precondition(written == bytes.count, "the file of requests cannot be written")
    }
}
