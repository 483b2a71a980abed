public import JSONText

/// What one event itself says about consent (C1), over the purposes of one policy version.
///
/// Every mask has bit n for the policy's n-th purpose.
public struct ConsentSignal: Equatable, Sendable {
    /// Purposes that Segment's categories assert as granted.
    public var granted: UInt64 = 0
    /// Purposes that Segment's categories assert as denied.
    public var denied: UInt64 = 0
    /// Purposes denied for the event's device by a GPC signal.
    public var deniedByGPC: UInt64 = 0
    /// Purposes that the event withholds from itself because it names categories and not theirs.
    public var missing: UInt64 = 0
    /// Whether a signal was there and could not be read: nothing is granted then (C6).
    public var isUnreadable = false
    /// What the other readers found, one entry for each reader and time.
    public var others: [ConsentStatement] = []
    /// The TC string that the event carries; nil for none, or when nobody asks for it.
    public var tcString: CarriedTCString?
    /// Which of Segment's two readers the categories are.
    public var isPreference = false

    public init() {}

    /// What some reader denies, the event's device by GPC included.
    public var denials: UInt64 {
        others.isEmpty
            ? denied | deniedByGPC : others.reduce(denied | deniedByGPC) { $0 | $1.denied }
    }

    /// What is narrowed on the event itself.
    public var narrowed: UInt64 { denials | missing }

    /// What the event takes away from itself, apart from the rest: small, and all that most events need.
    public struct Narrowing: Equatable, Sendable {
        public var denials: UInt64 = 0
        public var missing: UInt64 = 0
        public var isUnreadable = false

        public init() {}
    }

    public var narrowing: Narrowing {
        var narrowing = Narrowing()
        narrowing.denials = denials
        narrowing.missing = missing
        narrowing.isUnreadable = isUnreadable
        return narrowing
    }

    /// Whether the event says nothing about consent.
    public var isSilent: Bool {
        guard granted | denied | deniedByGPC | missing == 0, !isUnreadable, others.isEmpty else {
            return false
        }
        if case .some = tcString { return false }
        return true
    }

    /// Everything that is asserted, reader by reader; GPC hangs on the device and is not among it.
    ///
    /// Where one signal could not be read, what the others deny still stands and what they grant does not.
    public func forEachStatement(_ visit: (ConsentStatement) -> Void) {
        let grants: UInt64 = isUnreadable ? 0 : .max
        if granted & grants | denied != 0 {
            visit(
                ConsentStatement(
                    reader: isPreference ? .preference : .categories, granted: granted & grants,
                    denied: denied))
        }
        for var statement in others {
            statement.granted &= grants
            if statement.granted | statement.denied != 0 { visit(statement) }
        }
    }

    /// Reads every signal that the policy asks for.
    ///
    /// - Parameter received: when the server had it; what times are corrected by.
    public static func read(
        _ body: EventBody, by reading: ConsentReading, received: Timestamp
    ) -> ConsentSignal {
        var signal = ConsentSignal()
        if body.hasGPC { signal.deniedByGPC = reading.gpcMask }
        signal.readCategories(body, purposes: reading.purposes)
        signal.readConsentManagement(body, purposes: reading.purposes)
        if reading.gpcMask != 0, !reading.places.gpc.isEmpty { signal.readGPC(body, reading) }
        if reading.readsMParticle { signal.readMParticle(body, reading, received: received) }
        if reading.readsTCF || reading.readsGPP || reading.readsUSPrivacy {
            signal.readStrings(body, reading)
        }
        return signal
    }

    /// Reads `context.consent.categoryPreferences`.
    ///
    /// A purpose is granted when all its categories are present and true, and denied when one is false;
    /// with some missing and none false it is neither, and the event's own use of it is withheld. An
    /// absent `consent` object says nothing; an empty one neither, unless the event has integrations
    /// too: then, as with Segment, every category counts as missing.
    private mutating func readCategories(_ body: EventBody, purposes: [Purpose]) {
        guard let consent = body.context(.consent), !consent.isNull else { return }
        guard consent.kind == .object else {
            isUnreadable = true
            return
        }
        guard let preferences = consent["categoryPreferences"], !preferences.isNull else {
            if body.hasIntegrations { missing |= Self.mapped(purposes) }
            return
        }
        guard preferences.kind == .object else {
            isUnreadable = true
            return
        }
        preferences.forEachMember { _, value in
            if value.kind != .bool { isUnreadable = true }
        }
        if isUnreadable { return }
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
                denied |= bit
            } else if isAnyMissing {
                missing |= bit
            } else {
                granted |= bit
            }
        }
        if granted | denied != 0 {
            isPreference = body.name?.equals("Segment Consent Preference Updated") == true
        }
    }

    private static func mapped(_ purposes: [Purpose]) -> UInt64 {
        var mask: UInt64 = 0
        for (index, purpose) in purposes.enumerated() where !purpose.segmentCategories.isEmpty {
            mask |= 1 << UInt64(index)
        }
        return mask
    }
}

extension EventBody {
    /// Whether the item or its batch names at least one integration.
    fileprivate var hasIntegrations: Bool {
        integrations.map { $0.count > 0 } == true
            || sharedIntegrations.map { $0.count > 0 } == true
    }
}

extension ConsentSignal {
    /// Which reader denies the purpose of one bit; GPC last, since it speaks for the device only.
    public func ground(of bit: UInt64) -> ConsentGround {
        if denied & bit != 0 { return .assertion(isPreference ? .preference : .categories) }
        if let other = others.first(where: { $0.denied & bit != 0 }) {
            return .assertion(other.reader)
        }
        return deniedByGPC & bit != 0 ? .assertion(.gpc) : .ownSignal
    }
}
