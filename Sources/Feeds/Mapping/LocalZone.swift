import Foundation
import JSONText

/// A time zone's rules, for local times without an offset.
struct LocalZone: Sendable {
    /// Nil for UTC.
    private let zone: TimeZone?

    static let utc = LocalZone(zone: nil)

    private init(zone: TimeZone?) { self.zone = zone }

    /// The zone of this name in the tz database, or `UTC`; nil when there is none.
    init?(name: String) {
        if name == "UTC" {
            self = .utc
        } else {
            // Foundation also takes abbreviations, such as EST, which mean one thing here and
            // another there.
            guard name.contains("/"), let zone = TimeZone(identifier: name) else { return nil }
            self.init(zone: zone)
        }
    }

    /// For suggestions; aliases are known without being listed.
    static let names = ["UTC"] + TimeZone.knownTimeZoneIdentifiers.sorted()

    /// The moment of a local time, by the rule of ``FeedMapping``.
    func moment(of local: Timestamp, _ cache: inout Cache) -> Timestamp {
        guard let zone else { return local }
        let second = local.microseconds.flooredQuotient(1_000_000)
        let offset: Int64
        if let quiet = cache.quietOffset(ofDay: second.flooredQuotient(86_400), zone) {
            offset = quiet
        } else {
            offset = Self.offset(of: second, zone)
        }
        return Timestamp(microseconds: local.microseconds - offset * 1_000_000)
    }

    /// Which offsets hold on days without a change. Almost every day is one, and asking Foundation
    /// costs more than all the rest of a record.
    struct Cache {
        private var offsets: [Int64: Int64?] = [:]
        private var last: (day: Int64, offset: Int64?)?

        /// The one offset of a local day and its neighbours; nil when there are several.
        fileprivate mutating func quietOffset(ofDay day: Int64, _ zone: TimeZone) -> Int64? {
            if let last, last.day == day { return last.offset }
            let offset: Int64?
            if let known = offsets[day] {
                offset = known
            } else {
                let before = LocalZone.offset(at: (day - 1) * 86_400, zone)
                let after = LocalZone.offset(at: (day + 2) * 86_400, zone)
                offset = before == after ? before : nil
                if offsets.count >= 100_000 { offsets.removeAll() }
                offsets[day] = offset
            }
            last = (day, offset)
            return offset
        }
    }

    /// The offset of a local second near a change.
    private static func offset(of second: Int64, _ zone: TimeZone) -> Int64 {
        let before = offset(at: second - 86_400, zone)
        let after = offset(at: second + 86_400, zone)
        // The larger offset gives the earlier moment.
        for offset in [max(before, after), min(before, after)]
        where self.offset(at: second - offset, zone) == offset {
            return offset
        }
        return before
    }

    /// The offset in force at a moment, in seconds since 1970.
    private static func offset(at second: Int64, _ zone: TimeZone) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second))))
    }
}

extension Int64 {
    /// The quotient rounded down.
    fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
