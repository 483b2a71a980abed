import JSONText

/// What one event itself says about consent (C1), over the purposes of one policy version.
///
/// Every mask has bit n for the policy's n-th purpose.
public struct ConsentSignal: Equatable, Sendable {
    /// Purposes that the event asserts as granted.
    public var granted: UInt64 = 0
    /// Purposes that the event asserts as denied.
    public var denied: UInt64 = 0
    /// Purposes denied for the event's device by a GPC header.
    public var deniedByGPC: UInt64 = 0
    /// Purposes that the event withholds from itself because it names categories and not theirs.
    public var missing: UInt64 = 0
    /// Whether a consent object was there and could not be read: nothing is granted then (C6).
    public var isUnreadable = false

    public init() {}

    /// What is narrowed on the event itself.
    public var narrowed: UInt64 { denied | deniedByGPC | missing }

    /// Reads `context.consent.categoryPreferences` and the GPC flag.
    ///
    /// A purpose is granted when all its categories are present and true, and denied when one is false;
    /// with some missing and none false it is neither, and the event's own use of it is withheld. An
    /// absent `consent` object says nothing; an empty one neither, unless the event has integrations
    /// too: then, as with Segment, every category counts as missing.
    public static func read(_ body: EventBody, purposes: [Purpose]) -> ConsentSignal {
        var signal = ConsentSignal()
        if body.hasGPC {
            for (index, purpose) in purposes.enumerated() where purpose.deniedByGPC {
                signal.deniedByGPC |= 1 << UInt64(index)
            }
        }
        guard let consent = body.context("consent"), !consent.isNull else { return signal }
        guard consent.kind == .object else {
            signal.isUnreadable = true
            return signal
        }
        guard let preferences = consent["categoryPreferences"], !preferences.isNull else {
            if body.hasIntegrations {
                for (index, purpose) in purposes.enumerated()
                where !purpose.segmentCategories.isEmpty {
                    signal.missing |= 1 << UInt64(index)
                }
            }
            return signal
        }
        guard preferences.kind == .object else {
            signal.isUnreadable = true
            return signal
        }
        preferences.forEachMember { _, value in
            if value.kind != .bool { signal.isUnreadable = true }
        }
        if signal.isUnreadable { return signal }
        for (index, purpose) in purposes.enumerated() where !purpose.segmentCategories.isEmpty {
            let bit = UInt64(1) << UInt64(index)
            var isAnyFalse = false
            var isAnyMissing = false
            for category in purpose.segmentCategories {
                switch preferences.member(category)?.bool {
                case true?: break
                case false?: isAnyFalse = true
                case nil: isAnyMissing = true
                }
            }
            if isAnyFalse {
                signal.denied |= bit
            } else if isAnyMissing {
                signal.missing |= bit
            } else {
                signal.granted |= bit
            }
        }
        return signal
    }
}

extension EventBody {
    /// Whether the item or its batch names at least one integration.
    fileprivate var hasIntegrations: Bool {
        item["integrations"].map { $0.count > 0 } == true
            || sharedIntegrations.map { $0.count > 0 } == true
    }
}
