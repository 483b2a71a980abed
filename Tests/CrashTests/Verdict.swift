import JSONText
import TestSupport
import Testing

/// Everything that was acknowledged, held against the log and the destinations.
struct Verdict {
    private let acknowledged: Acknowledged
    private let requests: [WebhookReceiver.Request]
    private let book: [JSONValue]
    private let lines: [JSONValue]
    /// By message id: how often it arrived at the webhook after requests that came before were
    /// dropped.
    private let arrivals: [String: Int]
    private let isFirstBodyKept: Bool

    init(trial: Trial, acknowledged: Acknowledged) async throws {
        self.acknowledged = acknowledged
        requests = try trial.receiver.requests()
        book = try NDJSON.read(trial.server.directory + "/outputs/book.ndjson")
        lines = try await trial.server.logLines()
        var arrivals: [String: Int] = [:]
        var bodies: [String: [JSONValue]] = [:]
        var isFirstBodyKept = true
        for request in requests where request.answer == "200" {
            if let before = bodies[request.webhookID] {
                isFirstBodyKept = isFirstBodyKept && Self.isNarrower(request.members, than: before)
                continue
            }
            bodies[request.webhookID] = request.members
            for member in request.members { arrivals[Self.messageID(member), default: 0] += 1 }
        }
        self.arrivals = arrivals
        self.isFirstBodyKept = isFirstBodyKept
    }

    /// A retry sends what was recorded, or less (E5).
    private static func isNarrower(_ members: [JSONValue], than before: [JSONValue]) -> Bool {
        members.allSatisfy { before.contains($0) }
    }

    private static func messageID(_ member: JSONValue) -> String {
        member["messageId"]?.string ?? ""
    }

    private var unknownReceipts: Int {
        lines.count {
            $0["kind"]?.string == "receipt" && $0["body"]?["outcome"]?.string == "unknown"
        }
    }

    private func ids(_ fate: Fate) -> Set<String> {
        Set(acknowledged.fates.filter { $0.value == fate }.keys)
    }

    func check() {
        checkLog()
        check(arrivals, at: "the webhook")
        check(
            Dictionary(book.map { (Self.messageID($0), 1) }, uniquingKeysWith: +), at: "the file")
        let unsigned = requests.count { !$0.isSigned }
        #expect(unsigned == 0, "requests with a wrong signature")
        #expect(isFirstBodyKept, "a repeated request said more than it did before")
        #expect(unknownReceipts > 0, "no attempt was recorded as unknown")
    }

    private func checkLog() {
        var recorded: [String: Int] = [:]
        for (place, line) in lines.enumerated() {
            #expect(line["offset"]?.int == Int64(place), "offsets are not dense")
            guard line["kind"]?.string == "event" else { continue }
            recorded[line["body"]?["messageId"]?.string ?? "", default: 0] += 1
        }
        let lost = acknowledged.fates.keys.filter { recorded[$0] == nil }
        let twice = recorded.filter { $0.value > 1 }.keys
        let strange = recorded.keys.filter { acknowledged.fates[$0] == nil }
        #expect(lost.isEmpty, "acknowledged and not in the log: \(lost.prefix(5))")
        #expect(twice.isEmpty, "twice in the log: \(twice.prefix(5))")
        #expect(strange.isEmpty, "in the log and never sent: \(strange.prefix(5))")
    }

    private func check(_ arrivals: [String: Int], at place: String) {
        let missing = ids(.arrives).filter { arrivals[$0] == nil }
        let twice = arrivals.filter { $0.value > 1 }.keys
        let forbidden = ids(.never).intersection(arrivals.keys)
        #expect(missing.isEmpty, "allowed and not at \(place): \(missing.prefix(5))")
        #expect(twice.isEmpty, "twice at \(place): \(twice.prefix(5))")
        #expect(forbidden.isEmpty, "withheld and yet at \(place): \(forbidden.prefix(5))")
    }

    /// What happened, for people.
    func text(kills: [Kill: Int]) -> String {
        let counts = Kill.allCases.map { "\(kills[$0, default: 0]) \($0.rawValue)" }
        return """
            \(kills.values.reduce(0, +)) kills: \(counts.joined(separator: ", "))
            \(acknowledged.fates.count) events acknowledged, \(acknowledged.repeatedBatches) batches \
            sent more than once, \(lines.count) records in the log
            \(requests.count) requests at the webhook, \(requests.count(where: \.isRepeated)) of them \
            repeated, for \(arrivals.count) effects; \(book.count) lines in the file; \
            \(unknownReceipts) attempts were unknown for a time
            """
    }
}
