/// One identifier's standing on one purpose: the assertion that holds after C3.
public struct ConsentStanding: Equatable, Sendable {
    public var isGrant: Bool
    /// The asserted time: the client's, corrected and clipped to `received` (C2). Microseconds.
    public var assertedTime: Int64
    /// The event that asserted it.
    public var offset: UInt64

    public init(isGrant: Bool, assertedTime: Int64, offset: UInt64) {
        self.isGrant = isGrant
        self.assertedTime = assertedTime
        self.offset = offset
    }

    /// Takes a later record's assertion in (C3): a denial always replaces; a grant replaces a denial only
    /// when its asserted time is later too, and a grant when it is newer. Equal time: denied.
    ///
    /// - Returns: whether the standing changed.
    public mutating func take(_ other: ConsentStanding) -> Bool {
        if other.isGrant && other.assertedTime <= assertedTime { return false }
        // A denial that is repeated keeps the newest time, so that an old grant cannot slip between.
        if !other.isGrant && !isGrant && other.assertedTime <= assertedTime { return false }
        self = other
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

    public init(value: Value, offset: UInt64?) {
        self.value = value
        self.offset = offset
    }

    public static let unknown = ConsentState(value: .unknown, offset: nil)

    /// Joins the standings of a person's identifiers (C4).
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
        var strongestDenial = Int.max
        for entry in standings {
            let time = entry.standing.assertedTime
            if entry.standing.isGrant {
                if grant.map({ time > $0.standing.assertedTime }) ?? true { grant = entry }
            } else {
                strongestDenial = min(strongestDenial, entry.rank)
                if denial.map({ time > $0.standing.assertedTime }) ?? true { denial = entry }
            }
        }
        if let denial {
            guard rules.resolution == .latest, let grant,
                grant.standing.assertedTime > denial.standing.assertedTime,
                grant.rank <= strongestDenial
            else { return ConsentState(value: .denied, offset: denial.standing.offset) }
        }
        guard let grant else { return .unknown }
        if let expiresAfter {
            let (end, overflowed) = grant.standing.assertedTime.addingReportingOverflow(
                expiresAfter)
            if !overflowed && end <= now {
                return ConsentState(value: .expired, offset: grant.standing.offset)
            }
        }
        return ConsentState(value: .granted, offset: grant.standing.offset)
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
