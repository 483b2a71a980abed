internal import CustomerModel
internal import Dispatch
internal import EventLog
internal import Hashing
internal import JSONText

/// Reads records back to see whether they hold a message id (L7: a hash only finds candidates).
///
/// Reading blocks, so it has a queue of its own, off the cooperative pool. It happens for retries that come
/// after their original has left ``RecentMessages``, and for the rare hash that is shared.
final class RecordedMessages: Sendable {
    /// Whether the record at `offset` holds the message id, or the place, of a batch's item.
    struct Question: Hashable, Sendable {
        var item: Int
        var offset: UInt64
        var sort = MessageIDs.Sort.message
    }

    enum Answer: Sendable {
        case same
        /// The id is the same and the payload is not.
        case conflict
        case other, unreadable
    }

    /// What is known by now.
    struct Verdicts: Sendable {
        private var answers: [Question: Answer] = [:]
        subscript(question: Question) -> Answer? { answers[question] }
        mutating func merge(_ other: [Question: Answer]) {
            answers.merge(other) { _, new in new }
        }
    }

    private let queue = DispatchQueue(label: "sluice.recorded-messages")
    // Confined to the queue.
    private nonisolated(unsafe) var reader: LogReader
    private nonisolated(unsafe) var parser = JSONParser()

    init(reader: LogReader) { self.reader = reader }

    /// Reads each record that is asked about, in the order of offsets.
    func answer(
        _ questions: [Question], ids: MessageIDs, places: MessageIDs, sums: [UInt32],
        source: String
    ) async -> [Question: Answer] {
        await withCheckedContinuation { continuation in
            queue.async {
                var answers: [Question: Answer] = [:]
                for question in questions.sorted(by: { $0.offset < $1.offset }) {
                    answers[question] = self.judge(
                        question, ids: question.sort == .message ? ids : places,
                        sum: sums[question.item], source: source)
                }
                continuation.resume(returning: answers)
            }
        }
    }

    private func judge(
        _ question: Question, ids: MessageIDs, sum: UInt32, source: String
    ) -> Answer {
        do {
            guard let line = try reader.line(at: Offset(question.offset)) else {
                return .unreadable
            }
            return try line.withUnsafeBytes { bytes in
                try parser.parseTrusted(bytes) { line in
                    // Erased: its message must not come back (R3), so the hash decides.
                    if line["kind"]?.equals("tombstone") == true { return .same }
                    guard line["source"]?.string == source else { return .other }
                    let isSame = EventBody.read(line: line) { body in
                        ids.withID(question.item) { id in
                            switch question.sort {
                            case .message: body.messageID?.equals(utf8: id) == true
                            case .place: body.mparticle?.place?.elementsEqual(id) == true
                            }
                        }
                    }
                    guard isSame == true else { return .other }
                    // Lines hold the body's own tokens without white space, as drafts do.
                    let isEqual = line["body"].map { CRC32C.of($0.rawBytes) == sum } ?? true
                    return isEqual ? .same : .conflict
                }
            }
        } catch {
            return .unreadable
        }
    }
}
