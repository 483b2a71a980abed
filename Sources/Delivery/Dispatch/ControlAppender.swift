import CustomerModel
import EventLog
import JSONText
import Projections

/// Appends the dispatcher's own records.
struct ControlAppender: Sendable {
    let log: EventLog
    let clock: LaneClock

    /// Queues a record. Its offset is certain at once, that it lasts only when the ticket is durable.
    ///
    /// A full queue and a full disk are waited for; a receipt that never gets its place leaves its attempt
    /// `unknown`, as a crash would.
    /// - Throws: ``AppendRefusal`` when the log takes no more, `CancellationError` when cancelled while waiting.
    func append(_ record: some ControlRecord) async throws -> AppendTicket {
        let draft = ControlDraft.make(record, at: clock.now())
        while true {
            do throws(AppendRefusal) {
                return try log.append([draft])
            } catch {
                switch error {
                case .full: try await clock.sleep(20)
                case .diskFull: try await clock.sleep(1_000)
                case .failed, .closed, .exhausted, .invalid: throw error
                }
            }
        }
    }
}
