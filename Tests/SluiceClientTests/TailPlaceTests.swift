import JSONText
import SluiceClient
import Testing

@Suite struct `The place of a tail` {
    private func line(_ type: String, _ cursor: String?, _ name: String = "") -> JSONValue {
        var object: JSONObject = ["type": .string(type), "name": .string(name)]
        object["cursor"] = cursor.map { .string($0) }
        return .object(object)
    }

    @Test func `leaves out what was handed over behind the cursor it resumes from`() {
        var place = TailPlace(stream: "audiences", cursor: "5")
        #expect(place.connected() == nil)
        #expect(place.received(line("entered", "5", "a")) != nil)
        #expect(place.received(line("entered", "5", "b")) != nil)
        #expect(place.cursor == "5")
        for _ in 0..<2 {
            #expect(place.connected() == nil)
            #expect(place.received(line("entered", "5", "a")) == nil)
            #expect(place.received(line("entered", "5", "b")) == nil)
        }
        #expect(place.received(line("entered", "9", "c"))?.cursor == "9")
        _ = place.connected()
        // The same words at a later place are news.
        #expect(place.received(line("entered", "9", "a")) != nil)
    }

    @Test func `begins a snapshot again when it broke off, and never resumes within it`() {
        var place = TailPlace(stream: "profiles", cursor: nil)
        #expect(place.connected()?.kind == .snapshotBegins)
        #expect(place.received(line("snapshot", nil, "a"))?.cursor == nil)
        #expect(place.received(line("snapshot", "7", "b"))?.cursor == nil)
        #expect(place.cursor == nil)
        #expect(place.connected()?.kind == .snapshotBegins)
        #expect(place.received(line("snapshot", "7", "b")) != nil)
        #expect(place.received(line("heartbeat", "7"))?.cursor == "7")
        #expect(place.connected() == nil)
        #expect(place.cursor == "7")
    }

    @Test func `of events goes on behind each`() {
        var place = TailPlace(stream: "events", cursor: nil)
        #expect(place.connected() == nil)
        #expect(place.received(line("event", "1", "a")) != nil)
        #expect(place.received(line("event", "2", "a")) != nil)
        #expect(place.connected() == nil)
        #expect(place.cursor == "2")
        #expect(place.received(line("event", "3", "a")) != nil)
    }
}
