import SluiceClient
import Testing

@Suite struct `A pause after a failure` {
    private let now = ContinuousClock.now

    @Test func `doubles up to the longest, half of it by chance`() {
        var pace = Pace(first: .seconds(1), longest: .seconds(10))
        for longest in [1, 2, 4, 8, 10, 10] {
            var other = pace
            let least = other.failed(at: now, retryAfter: nil, chance: 0)
            let most = pace.failed(at: now, retryAfter: nil, chance: 1)
            #expect(least == .seconds(longest) * 0.5)
            #expect(most == .seconds(longest))
            #expect(pace.notBefore == now + most)
        }
        pace.succeeded()
        #expect(pace.notBefore == nil)
        #expect(pace.failed(at: now, retryAfter: nil, chance: 1) == .seconds(1))
    }

    @Test func `is never shorter than Retry-After, of which an hour is believed`() {
        var pace = Pace(first: .seconds(1), longest: .seconds(10))
        #expect(pace.failed(at: now, retryAfter: .seconds(30), chance: 0) == .seconds(30))
        #expect(pace.failed(at: now, retryAfter: .seconds(1), chance: 1) == .seconds(2))
        #expect(pace.failed(at: now, retryAfter: .seconds(90_000), chance: 1) == .seconds(3_600))
    }
}

@Suite struct `An answer of the server` {
    private func outcome(_ status: Int, _ body: String) -> Transport.Outcome {
        Transport.outcome(status: status, Array(body.utf8), retryAfter: .seconds(7))
    }

    @Test func `takes messages only when it is Sluice's own`() {
        #expect(outcome(200, #"{"success":true}"#) == .taken(refused: []))
        #expect(outcome(200, "OK") == .taken(refused: []))
        for body in ["<html>Log in to the hotel</html>", "", "{}", #"{"success":false}"#] {
            guard case .failed = outcome(200, body) else {
                Issue.record("\(body) counted as an acknowledgement")
                continue
            }
        }
    }

    @Test func `names what it refused`() {
        let rows = #"{"success":true,"rejected":[{"index":1,"code":"c","message":"m"}]}"#
        #expect(outcome(200, rows) == .taken(refused: [.init(index: 1, code: "c", message: "m")]))
        #expect(
            outcome(400, #"{"code":"c","message":"m"}"#) == .refused(code: "c", message: "m"))
    }

    @Test func `is asked again when it is busy, and waits when the key is unknown`() {
        #expect(
            outcome(503, #"{"message":"m"}"#)
                == .failed(reason: "status 503: m", retryAfter: .seconds(7)))
        #expect(outcome(401, #"{"message":"m"}"#) == .unauthorized(message: "m"))
        // A host that knows no such path is the wrong host; the messages are not to blame.
        guard case .failed = outcome(404, "") else {
            Issue.record("404 cost messages")
            return
        }
    }
}
