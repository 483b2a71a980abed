import CustomerModel
import JSONText

/// The body of the event that is folded.
///
/// Most events that were read ahead are folded without another look at them: their bodies are found again where
/// somebody asks. Valid only while the event is folded.
enum FoundBody {
    case here(EventBody)
    /// `line` is of no dialect.
    case line(JSONView, Room)

    /// Room for the parts of one body at a time.
    struct Room {
        private let parts: UnsafeMutablePointer<EventParts> = .allocate(capacity: 1)
        private let isFilled: UnsafeMutablePointer<Bool> = .allocate(capacity: 1)

        init() { isFilled.initialize(to: false) }

        func deallocate() {
            clear()
            parts.deallocate()
            isFilled.deallocate()
        }

        /// For the next event.
        func clear() {
            if isFilled.pointee { parts.deinitialize(count: 1) }
            isFilled.pointee = false
        }

        fileprivate func body(of line: JSONView) -> EventBody {
            if !isFilled.pointee { fill(line) }
            return EventBody(parts)
        }

        private func fill(_ line: JSONView) {
            let envelope = EventParts.Envelope(line)
            guard let item = envelope.item else {
                preconditionFailure("what was read as an event is one")
            }
            parts.initialize(to: EventParts(item: item, envelope: envelope))
            isFilled.pointee = true
        }
    }

    var body: EventBody {
        switch self {
        case .here(let body): body
        case .line(let line, let room): room.body(of: line)
        }
    }
}
