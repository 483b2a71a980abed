internal import Delivery
internal import Hashing
public import JSONText

/// A request that proves by a signature that its sender knows a secret, as mParticle's clients sign calls of
/// IDSync (specs: mparticle-events, section 9):
///
/// ```
/// x-mp-signature = hex(HMAC-SHA256(secret, METHOD \n Date \n path and query, then the body))
/// ```
/// A signature needs the secret itself, of which `access.json` keeps a hash only. So the source names an entry
/// of `secrets.yaml` (``SourceSettings/signingSecret``).
public struct SignedRequest: Sendable {
    public var method: String
    /// Path and query as they were sent.
    public var target: String
    /// The `Date` header; nil where there is none.
    public var date: String?
    /// Hexadecimal, of either case.
    public var signature: String
    public var body: [UInt8]

    /// How far a client's clock may be off, and how long a request may be on its way: a request that
    /// somebody has overheard is worth nothing later. In seconds.
    public static let toleranceSeconds: Int64 = 15 * 60

    public init(method: String, target: String, date: String?, signature: String, body: [UInt8]) {
        self.method = method
        self.target = target
        self.date = date
        self.signature = signature
        self.body = body
    }

    /// Why a request is not believed.
    public enum Problem: Error, Equatable, Sendable {
        case unknownKey
        /// The source names no secret, or one that is not there.
        case noSecret
        /// No `Date`, or one that nobody can read.
        case unreadableDate
        case stale
        case wrongSignature

        /// What a client is told.
        public var message: String {
            switch self {
            case .unknownKey: "The key in x-mp-key is unknown."
            case .noSecret:
                "Signatures of this key cannot be checked: its source has no signing secret."
            case .unreadableDate:
                "A signed request needs a Date header, such as 20170712T224127Z."
            case .stale:
                "The Date header is more than \(toleranceSeconds / 60) minutes from the server's time."
            case .wrongSignature:
                "x-mp-signature is not the HMAC-SHA256 of method, Date, path and body under the secret."
            }
        }
    }

    /// Whether one of the secrets made the signature, and its time is near `now`.
    ///
    /// - Parameter secrets: newest first; any will do while one replaces another.
    func check(_ secrets: [String], now: Timestamp) throws(Problem) {
        guard let date, let moment = Self.moment(date) else { throw .unreadableDate }
        let (difference, overflowed) = now.microseconds.subtractingReportingOverflow(
            moment.microseconds)
        guard !overflowed, difference.magnitude <= UInt64(Self.toleranceSeconds) * 1_000_000 else {
            throw .stale
        }
        guard let given = Hexadecimal.decode(signature), given.count == 32 else {
            throw .wrongSignature
        }
        let message = Array("\(method)\n\(date)\n\(target)".utf8) + body
        var isRight = false
        for secret in secrets
        where Secrets.equal(HMACSHA256.code(of: message, key: Array(secret.utf8)), given) {
            isRight = true
        }
        guard isRight else { throw .wrongSignature }
    }

    /// `20170712T224127Z` as mParticle documents it, RFC 3339, or HTTP's own form: what is signed is the text
    /// as it stands.
    static func moment(_ text: String) -> Timestamp? {
        let digits = Array(text.utf8)
        if digits.count == 16, digits[8] == UInt8(ascii: "T"), digits[15] == UInt8(ascii: "Z") {
            func part(_ range: Range<Int>) -> String {
                String(decoding: digits[range], as: UTF8.self)
            }
            return Timestamp(
                parsing: "\(part(0..<4))-\(part(4..<6))-\(part(6..<8))"
                    + "T\(part(9..<11)):\(part(11..<13)):\(part(13..<15))Z")
        }
        return Timestamp(parsing: text) ?? HTTPOutcome.date(text)
    }
}

extension Workspace {
    /// The source whose key a signed request names.
    public func source(
        ofKey key: String, signed request: SignedRequest, now: Timestamp
    ) throws(SignedRequest.Problem) -> String {
        guard let source = access.source(forKey: key) else { throw .unknownKey }
        guard let name = access.settings(of: source).signingSecret,
            let known = secrets.values(name)
        else { throw .noSecret }
        try request.check(known, now: now)
        return source
    }
}
