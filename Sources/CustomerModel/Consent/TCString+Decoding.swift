import JSONText

extension TCString {
    /// Decodes a string.
    ///
    /// - Throws: ``ConsentTextError`` with the first thing that is wrong.
    public init(decoding text: UnsafeRawBufferPointer) throws(ConsentTextError) {
        try self.init(decoding: text, 0..<text.count)
    }

    public init(_ text: String) throws(ConsentTextError) {
        self = try text.decoded { text throws(ConsentTextError) in try TCString(decoding: text) }
    }

    init(decoding text: UnsafeRawBufferPointer, _ range: Range<Int>) throws(ConsentTextError) {
        guard range.count <= ConsentBits.maximumCharacters else {
            throw ConsentTextError(
                part: .tcCore, position: range.lowerBound + ConsentBits.maximumCharacters,
                problem: .tooLong)
        }
        let segments = text.pieces(range, separator: UInt8(ascii: "."))
        var core = try ConsentBits(text, segments[0], part: .tcCore)
        try self.init(core: &core)
        for segment in segments.dropFirst() {
            var bits = try ConsentBits(text, segment, part: .tcSegment)
            try read(segment: &bits)
        }
    }

    private init(core bits: inout ConsentBits) throws(ConsentTextError) {
        let version = try bits.number(6)
        guard version == 2 else { throw bits.error(.unsupportedVersion(version)) }
        created = try Self.time(&bits)
        lastUpdated = try Self.time(&bits)
        cmpID = try bits.number(12)
        cmpVersion = try bits.number(12)
        consentScreen = try bits.number(6)
        languageBits = UInt16(try bits.read(12))
        vendorListVersion = try bits.number(12)
        policyVersion = try bits.number(6)
        isServiceSpecific = try bits.flag()
        usesNonStandardTexts = try bits.flag()
        specialFeatureOptIns = TCFPurposes(bitField: try bits.read(12), width: 12)
        purposesConsent = TCFPurposes(bitField: try bits.read(24), width: 24)
        purposesLegitimateInterest = TCFPurposes(bitField: try bits.read(24), width: 24)
        isPurposeOneUndisclosed = try bits.flag()
        publisherCountryBits = UInt16(try bits.read(12))
        vendorConsents = try VendorSet(reading: &bits)
        vendorLegitimateInterests = try VendorSet(reading: &bits)
        restrictions = try Self.restrictions(&bits)
    }

    /// Deciseconds since 1970, which 36 bits hold up to the year 2187.
    private static func time(_ bits: inout ConsentBits) throws(ConsentTextError) -> Timestamp {
        Timestamp(microseconds: Int64(try bits.read(36)) * 100_000)
    }

    private static func restrictions(
        _ bits: inout ConsentBits
    ) throws(ConsentTextError) -> [PublisherRestriction] {
        let count = try bits.number(12)
        // A restriction takes 20 bits or more.
        guard (bits.count - bits.position) / 20 >= count else { throw bits.error(.cutShort) }
        var found: [PublisherRestriction] = []
        found.reserveCapacity(count)
        for _ in 0..<count {
            let purpose = try bits.number(6)
            let kind = try bits.number(2)
            let vendors = try bits.ranges(upTo: .max)
            found.append(
                PublisherRestriction(
                    purpose: purpose, kind: .init(rawValue: kind) ?? .undefined, vendors: vendors))
        }
        return found
    }

    private mutating func read(segment bits: inout ConsentBits) throws(ConsentTextError) {
        let type = try bits.number(3)
        switch type {
        case 0: throw bits.error(.wrongType(type))
        case 1:
            bits.part = .disclosedVendors
            guard disclosedVendors == nil else { throw bits.error(.repeatedSegment) }
            disclosedVendors = try VendorSet(reading: &bits)
        case 2:
            bits.part = .allowedVendors
            guard allowedVendors == nil else { throw bits.error(.repeatedSegment) }
            allowedVendors = try VendorSet(reading: &bits)
        case 3:
            bits.part = .publisherTC
            guard publisher == nil else { throw bits.error(.repeatedSegment) }
            publisher = try Publisher(reading: &bits)
        default: break
        }
    }
}

extension TCString.Publisher {
    fileprivate init(reading bits: inout ConsentBits) throws(ConsentTextError) {
        purposesConsent = TCFPurposes(bitField: try bits.read(24), width: 24)
        purposesLegitimateInterest = TCFPurposes(bitField: try bits.read(24), width: 24)
        customPurposeCount = try bits.number(6)
        customPurposesConsent = try Self.custom(customPurposeCount, &bits)
        customPurposesLegitimateInterest = try Self.custom(customPurposeCount, &bits)
    }

    private static func custom(
        _ count: Int, _ bits: inout ConsentBits
    ) throws(ConsentTextError) -> UInt64 {
        var mask: UInt64 = 0
        for place in 0..<count where try bits.flag() { mask |= 1 << UInt64(place) }
        return mask
    }
}
