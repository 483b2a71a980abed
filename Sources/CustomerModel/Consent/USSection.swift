/// A section of the United States in a GPP string, decoded.
///
/// ```
/// core [ "." segment ]…     core: version 6, then values of two bits each, as the section's layout says
///                           segment: type 2; 1 is GPC, one bit; others are skipped
/// ```
public struct USSection: Equatable, Sendable {
    /// 7 national, 8 California, …
    public let id: Int
    public let version: Int
    private let layout: USSectionLayout
    /// The fields' values, one after the other.
    private let values: [UInt8]
    /// What the GPC segment says; nil where there is none.
    public private(set) var gpc: Bool?

    /// Decodes a section's text.
    ///
    /// - Parameter id: from the header; 7 to 23.
    public init(id: Int, _ text: String) throws(ConsentTextError) {
        self = try text.decoded { text throws(ConsentTextError) in
            try USSection(id: id, decoding: text, 0..<text.count)
        }
    }

    init(
        id: Int, decoding text: UnsafeRawBufferPointer, _ range: Range<Int>
    ) throws(ConsentTextError) {
        let segments = text.pieces(range, separator: UInt8(ascii: "."))
        var bits = try ConsentBits(text, segments[0], part: .gppSection(id))
        version = try bits.number(6)
        guard let layout = USSectionLayout.of(section: id, version: version, bits: bits.count)
        else { throw bits.error(.unsupportedVersion(version)) }
        self.id = id
        self.layout = layout
        values = try Self.values(of: layout, &bits)
        for segment in segments.dropFirst() {
            var bits = try ConsentBits(text, segment, part: .gppSection(id))
            guard try bits.number(2) == 1 else { continue }
            guard gpc == nil else { throw bits.error(.repeatedSegment) }
            gpc = try bits.flag()
        }
    }

    private static func values(
        of layout: USSectionLayout, _ bits: inout ConsentBits
    ) throws(ConsentTextError) -> [UInt8] {
        var values: [UInt8] = []
        values.reserveCapacity(layout.valueCount)
        for _ in 0..<layout.valueCount {
            let value = UInt8(try bits.read(2))
            guard value < 3 else { throw bits.error(.undefinedValue(Int(value))) }
            values.append(value)
        }
        return values
    }

    /// The fields in order, each with its values.
    public var fields: [(field: USField, values: ArraySlice<UInt8>)] {
        var start = 0
        return layout.fields.map { field, count in
            defer { start += count }
            return (field, values[start..<start + count])
        }
    }

    /// A field's values; nil where the section has no such field.
    public subscript(_ field: USField) -> ArraySlice<UInt8>? {
        var start = 0
        for (candidate, count) in layout.fields {
            if candidate == field { return values[start..<start + count] }
            start += count
        }
        return nil
    }

    /// GPC takes away all three; otherwise each field speaks for itself, and "did not opt out" counts
    /// where its notice was given.
    public var optOuts: OptOuts {
        if gpc == true { return GlobalPrivacyControl.optOuts }
        return OptOuts(
            sale: answer(.saleOptOut, .saleOptOutNotice),
            sharing: answer(.sharingOptOut, .sharingOptOutNotice),
            targetedAdvertising: answer(
                .targetedAdvertisingOptOut, .targetedAdvertisingOptOutNotice))
    }

    private func answer(_ field: USField, _ notice: USField) -> OptOut {
        switch (self[field]?.first, self[notice]?.first) {
        case (1?, _): .optedOut
        case (2?, 1?): .notOptedOut
        default: .notStated
        }
    }

    public static func == (a: USSection, b: USSection) -> Bool {
        // Id, version and the number of values tell the layout.
        a.id == b.id && a.version == b.version && a.values == b.values && a.gpc == b.gpc
    }
}
