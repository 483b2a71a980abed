import CustomerModel
import Hashing
import JSONText

/// Everything about one event that a destination's gates look at.
struct Case {
    var body: EventBody
    var source: String
    var type: EventType?
    var name: String
    var received: Int64
    var occurred: Int64
    /// The person's state on each of the policy's purposes, already narrowed by the event's own signal.
    var purposes: [ConsentState]
    var isSuppressed: Bool
    var isUnreadable: Bool
    /// nil when nobody could be found.
    var profile: ProfileID?
}

/// The gates, one after the other (D1). Pure: the same case gives the same decision for ever.
enum Judge {
    static func decide(
        _ destination: Destination, _ item: Case, purposes: [Purpose],
        hasRequiredIdentifier: Bool, sampleKey: SipKey
    ) -> Decision {
        var decision = Decision.allow
        if !destination.isEnabled { decision.fail(.destinationDisabled) }
        if !destination.takes(item.source) { decision.fail(.sourceNotConnected) }
        if item.isSuppressed { decision.fail(.suppressed) }
        if rule(for: item, in: destination) == nil { decision.fail(.eventNotListed) }
        if let filter = destination.filter, !filter.evaluate(on: item.body) {
            decision.fail(.filter)
        }
        consent(destination, states: item.purposes, purposes: purposes, into: &decision)
        if !integrationAllows(
            destination.integrationName, own: item.body.item["integrations"],
            shared: item.body.sharedIntegrations)
        {
            decision.fail(.integrationsSwitch)
        }
        if !hasRequiredIdentifier { decision.fail(.missingIdentifier) }
        if let limit = destination.maximumAgeMicroseconds,
            isTooOld(received: item.received, occurred: item.occurred, limit: limit)
        {
            decision.fail(.tooOld)
        }
        if let share = destination.samplePerMillion,
            !isSampled(item.profile, share: share, key: sampleKey)
        {
            decision.fail(.sampledOut)
        }
        if item.isUnreadable { decision.fail(.unreadable) }
        return decision
    }

    /// The allowlist's line for this event; the first that matches.
    static func rule(for item: Case, in destination: Destination) -> EventRule? {
        guard let type = item.type else { return nil }
        return destination.events.first { $0.selector.matches(type: type, name: item.name) }
    }

    static func consent(
        _ destination: Destination, states: [ConsentState], purposes: [Purpose],
        into decision: inout Decision
    ) {
        // P4: a destination without a purpose gets nothing, whatever the file reader let through.
        if destination.purposes.isEmpty { decision.fail(.consentUnknown) }
        for index in destination.purposes {
            switch states[index].value {
            case .granted: break
            case .denied: decision.fail(.consentDenied)
            case .unknown where purposes[index].needsConsent: decision.fail(.consentUnknown)
            case .expired where purposes[index].needsConsent: decision.fail(.consentExpired)
            case .unknown, .expired: break
            }
        }
    }

    /// The client's own switch: its entry for this name, else `All`, else yes. Anything unreadable is no.
    ///
    /// - Parameters:
    ///   - own: the item's `integrations`.
    ///   - shared: those of the batch it came in.
    static func integrationAllows(_ name: String, own: JSONView?, shared: JSONView?) -> Bool {
        func entry(_ name: String) -> JSONView? { own?.member(name) ?? shared?.member(name) }
        guard let entry = entry(name) ?? entry("All") else { return true }
        switch entry.kind {
        case .bool: return entry.bool == true
        case .object: return true
        case .null: return true
        case .array, .string, .number: return false
        }
    }

    /// Whether an event is older than `limit`, or so old that its age cannot be told. Microseconds.
    static func isTooOld(received: Int64, occurred: Int64, limit: Int64) -> Bool {
        let age = received.subtractingReportingOverflow(occurred)
        return age.overflow || age.partialValue > limit
    }

    /// D4: by keyed hash of the person's oldest birth, so that a person is in or out for good.
    static func isSampled(_ profile: ProfileID?, share: Int, key: SipKey) -> Bool {
        guard let profile else { return false }
        let hash = SipHash.hash(Array("sample\u{0}\(profile)".utf8), key: key)
        return hash % 1_000_000 < UInt64(share)
    }
}

extension Destination {
    /// Whether events of this source may reach it at all.
    func takes(_ source: String) -> Bool { sources?.contains(source) ?? true }
}
