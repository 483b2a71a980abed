import JSONText

extension ConsentSignal {
    /// Reads RudderStack's `context.consentManagement`, whose ids are what the policy lists as categories:
    ///
    /// ```
    /// {"allowedConsentIds":["C0001"],"deniedConsentIds":["C0003"],"provider":"oneTrust","resolutionStrategy":"and"}
    /// ```
    /// | a purpose's categories | then |
    /// |---|---|
    /// | one of them is denied, or both allowed and denied | it is denied |
    /// | all are allowed | it is granted |
    /// | one stands in neither list | it is neither, and the event's own use of it is withheld |
    ///
    /// It asserts like Segment's categories on an event (C1). With RudderStack the absence of a denial is enough,
    /// and one of many where `resolutionStrategy` says `or`; here unknown is not granted (C6), and how many a
    /// purpose needs is the policy's word and not the client's.
    mutating func readConsentManagement(_ body: EventBody, purposes: [Purpose]) {
        guard let consent = body.context(.consentManagement), !consent.isNull else { return }
        guard consent.kind == .object, Self.isListOfIDs(consent["allowedConsentIds"]),
            Self.isListOfIDs(consent["deniedConsentIds"])
        else {
            isUnreadable = true
            return
        }
        var statement = ConsentStatement(reader: .rudderstack)
        for (index, purpose) in purposes.enumerated() where !purpose.segmentCategories.isEmpty {
            let bit = UInt64(1) << UInt64(index)
            let categories = purpose.segmentCategories
            if categories.contains(where: { Self.lists(consent["deniedConsentIds"], $0) }) {
                statement.denied |= bit
            } else if categories.allSatisfy({ Self.lists(consent["allowedConsentIds"], $0) }) {
                statement.granted |= bit
            } else {
                missing |= bit
            }
        }
        take(statement)
    }

    /// Absent and null are empty lists.
    private static func isListOfIDs(_ view: JSONView?) -> Bool {
        guard let view, !view.isNull else { return true }
        guard view.kind == .array else { return false }
        var areTexts = true
        view.forEachElement { if $0.kind != .string { areTexts = false } }
        return areTexts
    }

    private static func lists(_ ids: JSONView?, _ category: String) -> Bool {
        guard let ids, ids.kind == .array else { return false }
        var category = category
        return category.withUTF8 { bytes in
            var isThere = false
            ids.forEachElement {
                if $0.equals(utf8: UnsafeRawBufferPointer(bytes)) { isThere = true }
            }
            return isThere
        }
    }
}
