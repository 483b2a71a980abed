/// One identifier's standing on one purpose: the assertion that holds after C3.
public struct ConsentStanding: Equatable, Sendable {
    public var isGrant: Bool
    /// The asserted time: the client's, corrected and clipped to `received` (C2). Microseconds.
    public var assertedTime: Int64
    /// The event that asserted it.
    public var offset: UInt64
    /// Who read it there.
    public var reader: ConsentReader

    public init(isGrant: Bool, assertedTime: Int64, offset: UInt64, reader: ConsentReader) {
        self.isGrant = isGrant
        self.assertedTime = assertedTime
        self.offset = offset
        self.reader = reader
    }

    /// Takes an assertion of a later record, or of the same one, in (C3): a denial always replaces; a grant
    /// replaces a denial only when its offset and its asserted time are later, and a grant when it is newer.
    /// Equal time: denied.
    ///
    /// - Returns: whether the standing changed.
    public mutating func take(_ other: ConsentStanding) -> Bool {
        if other.isGrant && other.assertedTime <= assertedTime { return false }
        // Two readers of one event disagree: denied, in whichever order they are asked.
        if other.isGrant && !isGrant && other.offset <= offset { return false }
        // A denial that is repeated keeps the newest time, so that an old grant cannot slip between.
        let newest =
            other.isGrant || isGrant ? other.assertedTime : max(assertedTime, other.assertedTime)
        self = other
        assertedTime = newest
        return true
    }
}

/// A person's state on one purpose, with what decided it.
public struct ConsentState: Equatable, Sendable {
    public enum Value: UInt8, Equatable, Sendable {
        case unknown = 0
        case granted = 1
        case denied = 2
        case expired = 3

        public var name: String {
            switch self {
            case .unknown: "unknown"
            case .granted: "granted"
            case .denied: "denied"
            case .expired: "expired"
            }
        }
    }
    public var value: Value
    /// The offset of the assertion that decided it; nil when unknown.
    public var offset: UInt64?
    public var ground: ConsentGround

    public init(value: Value, offset: UInt64?, ground: ConsentGround = .nothing) {
        self.value = value
        self.offset = offset
        self.ground = ground
    }

    private init(_ value: Value, by standing: ConsentStanding) {
        self.init(value: value, offset: standing.offset, ground: .assertion(standing.reader))
    }

    public static let unknown = ConsentState(value: .unknown, offset: nil)

    /// Joins the standings of a person's identifiers (C4).
    ///
    /// Under `strictest` any denial denies. Under `latest` each denial stands until a grant that is newer by
    /// asserted time lifts it, from an identifier that is no weaker: then the newest of all is a grant, and
    /// one more grant never takes anything away. Equal time: denied. Among equals the stronger identifier's
    /// is named.
    ///
    /// - Parameters:
    ///   - standings: each with the rank of its identifier; smaller is stronger.
    ///   - now: microseconds; a grant asserted `expiresAfter` or longer ago is expired.
    public static func resolve(
        _ all: [(rank: Int, standing: ConsentStanding)], by rules: ConsentRules,
        expiresAfter: Int64?, now: Int64
    ) -> ConsentState {
        let standings = rules.supersedesWeaker ? withoutSuperseded(all) : all
        var grant: (rank: Int, standing: ConsentStanding)?
        var denial: (rank: Int, standing: ConsentStanding)?
        for entry in standings {
            if entry.standing.isGrant {
                if grant.map({ precedes($0, entry) }) ?? true { grant = entry }
                continue
            }
            if rules.resolution == .latest, isLifted(entry, in: standings) { continue }
            if denial.map({ precedes($0, entry) }) ?? true { denial = entry }
        }
        if let denial { return ConsentState(.denied, by: denial.standing) }
        guard let grant else { return .unknown }
        if let expiresAfter {
            let (end, overflowed) = grant.standing.assertedTime.addingReportingOverflow(
                expiresAfter)
            if !overflowed && end <= now { return ConsentState(.expired, by: grant.standing) }
        }
        return ConsentState(.granted, by: grant.standing)
    }

    /// Whether `b` is the one to name rather than `a`.
    private static func precedes(
        _ a: (rank: Int, standing: ConsentStanding), _ b: (rank: Int, standing: ConsentStanding)
    ) -> Bool {
        if a.standing.assertedTime != b.standing.assertedTime {
            return a.standing.assertedTime < b.standing.assertedTime
        }
        return a.rank != b.rank ? b.rank < a.rank : a.standing.offset < b.standing.offset
    }

    private static func isLifted(
        _ denial: (rank: Int, standing: ConsentStanding),
        in standings: [(rank: Int, standing: ConsentStanding)]
    ) -> Bool {
        standings.contains { other in
            other.standing.isGrant && other.rank <= denial.rank
                && other.standing.assertedTime > denial.standing.assertedTime
        }
    }

    /// `supersedes: weaker`: a grant on a stronger identifier retires older denials on weaker ones.
    private static func withoutSuperseded(
        _ standings: [(rank: Int, standing: ConsentStanding)]
    ) -> [(rank: Int, standing: ConsentStanding)] {
        standings.filter { entry in
            entry.standing.isGrant
                || !standings.contains { other in
                    other.standing.isGrant && other.rank < entry.rank
                        && other.standing.assertedTime > entry.standing.assertedTime
                        && other.standing.offset > entry.standing.offset
                }
        }
    }
}
