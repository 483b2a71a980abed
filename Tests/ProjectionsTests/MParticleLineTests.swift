import CustomerModel
import Projections
import Testing

/// Stored lines of mParticle's dialect.
@Suite struct `A line of mParticle's dialect` {
    private static let batch =
        #"{"source_request_id":"r","user_identities":{"customer_id":"u1"},"consent_state":{"gdpr":{"analytics":{"consented":true,"timestamp_unixtime_ms":1767225600000}}}}"#

    private static let event =
        #"{"event_type":"custom_event","data":{"event_name":"Product Viewed","source_message_id":"m1"}}"#

    private func folded(_ more: String, body: String = event) throws -> History {
        var history = try History(
            policy: Policies.shop.replacing(
                "segment: [Analytics]", with: "segment: [Analytics], mparticle: [analytics]"
            ))
        try history.event(body, envelope: ",\"dialect\":\"mparticle\"" + more)
        return history
    }

    @Test func `L9: that names its place in its batch is folded`() throws {
        for place in ["0", "1", "499"] {
            var history = try folded(",\"batch\":\(Self.batch),\"batchIndex\":\(place)")
            #expect(history.state.parkedCount == 0)
            history.release("warehouse")
            #expect(history.pending("warehouse").count == 1)
        }
        #expect(try folded("", body: Self.batch).state.parkedCount == 0)
    }

    @Test(arguments: ["", ",\"batchIndex\":null", ",\"batchIndex\":-1", ",\"batchIndex\":\"0\""])
    func `L9: that lacks its place in its batch is parked and not taken for the first one`(
        _ place: String
    ) throws {
        var history = try folded(",\"batch\":\(Self.batch)" + place)
        #expect(history.state.parkedCount == 1)
        history.release("warehouse")
        #expect(history.pending("warehouse").isEmpty)
        #expect(history.profile("user_id:u1") == nil)
    }

    @Test func `L9: that names a place and no batch is parked`() throws {
        #expect(try folded(",\"batchIndex\":0", body: Self.batch).state.parkedCount == 1)
        #expect(try folded(",\"batch\":7,\"batchIndex\":0").state.parkedCount == 1)
    }
}
