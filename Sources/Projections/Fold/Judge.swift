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
    /// When the event itself was received, whenever it is judged.
    var eventReceived: Int64
    /// What filters ask of the profile, as of the event.
    var fields: ProfileValues?
    /// What its source's tracking plan says of it; nil when there is none.
    var plan: PlanVerdict?
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
        if let plan = item.plan, plan.withholds(from: destination) {
            decision.fail(.trackingPlanViolation)
        }
        if rule(for: item, in: destination) == nil { decision.fail(.eventNotListed) }
        details(
            filter: destination.filter, maximumAge: destination.maximumAgeMicroseconds,
            share: destination.samplePerMillion, item.body, received: item.received,
            occurred: item.occurred, eventReceived: item.eventReceived, fields: item.fields,
            profile: item.profile, sampleKey: sampleKey, into: &decision)
        consent(destination, states: item.purposes, purposes: purposes, into: &decision)
        if !integrationAllows(
            destination.integrationName, own: item.body.item["integrations"],
            shared: item.body.sharedIntegrations)
        {
            decision.fail(.integrationsSwitch)
        }
        if !hasRequiredIdentifier { decision.fail(.missingIdentifier) }
        if item.isUnreadable { decision.fail(.unreadable) }
        return decision
    }

    /// The gates that look at an event's payload, its times or its person: those of a ``Situation`` do not.
    ///
    /// - Parameters:
    ///   - received: when it is judged; `eventReceived` when it was received, whenever it is judged.
    ///   - profile: looked at only where there is sampling.
    static func details(
        filter: Condition?, maximumAge: Int64?, share: Int?, _ body: EventBody, received: Int64,
        occurred: Int64, eventReceived: Int64, fields: ProfileValues?,
        profile: ProfileID?, sampleKey: SipKey, into decision: inout Decision
    ) {
        if let filter, !filter.evaluate(on: body, received: eventReceived, profile: fields) {
            decision.fail(.filter)
        }
        if let maximumAge, isTooOld(received: received, occurred: occurred, limit: maximumAge) {
            decision.fail(.tooOld)
        }
        if let share, !isSampled(profile, share: share, key: sampleKey) {
            decision.fail(.sampledOut)
        }
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
        if destination.purposes.isEmpty, destination.anyPurposes.isEmpty {
            decision.fail(.consentUnknown)
        }
        for index in destination.purposes {
            if let gate = gate(states[index], of: purposes[index]) { decision.fail(gate) }
        }
        let anyGates = destination.anyPurposes.map { gate(states[$0], of: purposes[$0]) }
        // One that lets through is enough; where none does, each says why.
        guard !anyGates.contains(nil) else { return }
        for gate in anyGates.compactMap(\.self) { decision.fail(gate) }
    }

    /// The gate that fails for one purpose; nil where it lets through.
    private static func gate(_ state: ConsentState, of purpose: Purpose) -> Gate? {
        switch state.value {
        case .granted: nil
        case .denied: .consentDenied
        case .unknown: purpose.needsConsent ? .consentUnknown : nil
        case .expired: purpose.needsConsent ? .consentExpired : nil
        }
    }

    /// Offsets of the denials that withhold from a destination.
    static func denials(
        _ destination: Destination, states: [ConsentState], purposes: [Purpose]
    ) -> [UInt64] {
        var concerned = destination.purposes
        if destination.anyPurposes.allSatisfy({ gate(states[$0], of: purposes[$0]) != nil }) {
            concerned += destination.anyPurposes
        }
        return concerned.compactMap { states[$0].value == .denied ? states[$0].offset : nil }
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
