import CustomerModel
import Delivery
import JSONText
import Testing

@Suite struct `An HTTP answer` {
    @Test(arguments: [
        (200, ReceiptOutcome.delivered), (201, .delivered), (202, .delivered), (204, .delivered),
        (299, .delivered), (300, .rejected), (301, .rejected), (304, .rejected), (308, .rejected),
        (400, .rejected), (401, .rejected), (403, .rejected), (404, .rejected), (408, .retry),
        (409, .rejected), (410, .rejected), (413, .rejected), (422, .rejected), (425, .retry),
        (429, .retry), (500, .retry), (501, .retry), (503, .retry), (599, .retry),
        (600, .rejected), (199, .rejected),
    ])
    func `means`(_ status: Int, _ outcome: ReceiptOutcome) {
        let result = HTTPOutcome.of(
            status: status, retryAfter: nil, now: Timestamp(microseconds: 0))
        #expect(result.outcome == outcome)
        #expect(result.status == status)
        #expect(result.isGone == (status == 410))
        #expect(!result.reason.isEmpty)
    }

    static let now = Timestamp(parsing: "2026-03-14T15:09:26Z")

    @Test(arguments: [
        ("0", 0), ("120", 120_000), (" 5 ", 5_000), ("99999999999999999999", 86_400_000),
        ("-1", nil), ("1.5", nil), ("", nil), ("soon", nil),
        ("Sat, 14 Mar 2026 15:10:26 GMT", 60_000), ("Sat, 14 Mar 2026 15:00:00 GMT", 0),
        ("Sun, 14 Mar 2027 15:09:26 GMT", 86_400_000), ("Sat, 14 Foo 2026 15:10:26 GMT", nil),
        ("Sat, 14 Mar 2026 15:10:26 CET", nil), ("Saturday, 14-Mar-26 15:10:26 GMT", nil),
    ])
    func `is waited for as Retry-After says`(_ header: String, _ milliseconds: Int?) throws {
        let now = try #require(Self.now)
        #expect(HTTPOutcome.milliseconds(retryAfter: header, now: now) == milliseconds)
        let result = HTTPOutcome.of(status: 503, retryAfter: header, now: now)
        #expect(result.retryAfterMilliseconds == milliseconds)
    }
}
