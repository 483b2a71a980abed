import CustomerModel
package import JSONText

/// What an HTTP answer means for the effects of its request.
package enum HTTPOutcome {
    /// A day: a longer wish is an operator's affair.
    package static let longestRetryAfterMilliseconds = 86_400_000

    /// - Parameter retryAfter: the header's value as it stands.
    package static func of(status: Int, retryAfter: String?, now: Timestamp) -> SendResult {
        let wait = retryAfter.flatMap { milliseconds(retryAfter: $0, now: now) }
        func again(_ reason: String) -> SendResult {
            SendResult(.retry, reason: reason, status: status, retryAfterMilliseconds: wait)
        }
        switch status {
        case 200...299: return SendResult(.delivered, reason: "accepted", status: status)
        case 300...399: return SendResult(.rejected, reason: "redirect", status: status)
        case 408: return again("request timeout")
        case 410: return SendResult(.rejected, reason: "gone", status: status, isGone: true)
        case 425: return again("too early")
        case 429: return again("too many requests")
        case 400...499: return SendResult(.rejected, reason: "refused", status: status)
        case 500...599: return again("server error")
        default: return SendResult(.rejected, reason: "no HTTP status", status: status)
        }
    }

    /// Milliseconds from a Retry-After header (RFC 9110, section 10.2.3): seconds, or a date in the
    /// preferred form. Nil for anything else.
    package static func milliseconds(retryAfter: String, now: Timestamp) -> Int? {
        let text = retryAfter.trimmingSpaces
        if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            guard let seconds = Int(text), seconds < longestRetryAfterMilliseconds / 1000 else {
                return longestRetryAfterMilliseconds
            }
            return seconds * 1000
        }
        guard let date = date(text) else { return nil }
        let wait = (date.microseconds - now.microseconds) / 1000
        return Int(min(max(wait, 0), Int64(longestRetryAfterMilliseconds)))
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`.
    package static func date(_ text: String) -> Timestamp? {
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[0].hasSuffix(","), parts[5] == "GMT",
            let month = months.firstIndex(of: String(parts[2]))
        else { return nil }
        let twoDigits = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        return Timestamp(parsing: "\(parts[3])-\(twoDigits)-\(parts[1])T\(parts[4])Z")
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        var text = self[...]
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return String(text)
    }
}
