import CustomerModel
import JSONText
import Projections

extension History {
    /// The log's lines and everything the fold answers about them, as one line of JSON.
    ///
    /// What it holds is what `tools/reference/compare.py` works out from the lines alone.
    func answers(seed: UInt64, kind: String) throws -> [UInt8] {
        var out = JSONWriter(reserving: 1 << 16)
        out.beginObject()
        out.member("kind", kind)
        out.member("seed", seed)
        out.member("now", Timestamp(microseconds: clock).description)
        out.key("lines")
        out.beginArray()
        for (_, line) in records { out.raw(line) }
        out.endArray()
        write("people", into: &out) { writePeople(into: &$0) }
        write("refusals", into: &out) { writeRefusals(into: &$0) }
        write("waiting", into: &out) { out in
            out.beginArray()
            for review in state.linkReviews(all: false) {
                out.string("\(review.first.text) \(review.second.text)")
            }
            out.endArray()
        }
        out.key("decisions")
        try writeDecisions(into: &out)
        write("members", into: &out) { writeMembers(asOf: nil, into: &$0) }
        write("ticks", into: &out) { out in
            out.beginObject()
            for (record, _) in records where record.kind == RecordKind.tick.rawValue {
                out.key(record.offset.description)
                writeMembers(asOf: record.offset, into: &out)
            }
            out.endObject()
        }
        out.endObject()
        return out.bytes
    }

    private func write(
        _ key: String, into out: inout JSONWriter, _ body: (inout JSONWriter) -> Void
    ) {
        out.key(key)
        body(&out)
    }

    /// Every person's identifiers, and the state of each purpose of the newest policy.
    private func writePeople(into out: inout JSONWriter) {
        out.beginObject()
        state.forEachPerson { node in
            guard let person = state.profile(node: node) else { return }
            out.key(person.id.description)
            out.beginObject()
            write("identifiers", into: &out) { out in
                out.beginArray()
                for one in person.identifiers { out.string("\(one.type):\(one.value)") }
                out.endArray()
            }
            write("consent", into: &out) { out in
                out.beginObject()
                let found = PersonReference(person.id.description).flatMap {
                    state.consent(of: $0, asOf: nil, now: clock)
                }
                for purpose in found?.purposes ?? [] {
                    out.member(purpose.name, purpose.state.value.name)
                }
                out.endObject()
            }
            out.endObject()
        }
        out.endObject()
    }

    /// As offset, identifier, and what stood against it, in the order of the log.
    private func writeRefusals(into out: inout JSONWriter) {
        out.beginArray()
        for refusal in state.refusedLinks(of: nil, limit: .max).reversed() {
            out.string("\(refusal.offset) \(refusal.identifier.text) \(refusal.limit)")
        }
        out.endArray()
    }

    /// For each event and destination the failing gates that the fold recorded.
    private func writeDecisions(into out: inout JSONWriter) throws {
        let destinations = Set(state.policies.flatMap { $0.policy.destinations.map(\.name) })
        out.beginObject()
        for (record, _) in records where record.kind == RecordKind.event.rawValue {
            out.key(record.offset.description)
            out.beginObject()
            for destination in destinations.sorted() {
                guard let recorded = try explain(record.offset, destination)?.recorded else {
                    continue
                }
                out.key(destination)
                out.beginArray()
                for gate in recorded.gates { out.string(gate.name) }
                out.endArray()
            }
            out.endObject()
        }
        out.endObject()
    }

    /// The ids of each audience's members.
    private func writeMembers(asOf offset: UInt64?, into out: inout JSONWriter) {
        out.beginObject()
        for audience in state.policy?.policy.audiences ?? [] {
            guard let members = state.members(ofAudience: audience.name, asOf: offset) else {
                continue
            }
            out.key(audience.name)
            out.beginArray()
            for member in members { out.string(member.profile.description) }
            out.endArray()
        }
        out.endObject()
    }
}
