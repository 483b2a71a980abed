import JSONText

/// What stands in a record's own line behind one assertion (C2). The line is the authority: the fold keeps
/// where it stands and who read it, and this reads it again.
public struct ConsentEvidence: Equatable, Sendable {
    /// The string or object as the client sent it.
    public var raw: String?
    public var document: String?
    public var location: String?
    public var hardwareID: String?
    public var method: String

    /// The longest raw text that is handed out whole, in characters.
    static let widest = 4_096

    private init(_ reader: ConsentReader, raw: String? = nil) {
        method = reader.method
        self.raw = raw.map { $0.count > Self.widest ? String($0.prefix(Self.widest)) + "…" : $0 }
    }

    /// Reads the evidence of `reader` out of an event.
    ///
    /// - Parameter places: those of the policy that judged the event.
    public init(_ body: EventBody, reader: ConsentReader, reading: ConsentReading) {
        let places = reading.places
        switch reader {
        case .categories, .preference:
            self.init(
                reader, raw: body.context(.consent)?["categoryPreferences"].map(Self.text))
        case .gpc:
            let field = reading.value(body, at: places.gpc).map(Self.text)
            let gpp = reading.value(body, at: places.gpp)?.string
            self.init(reader, raw: body.hasGPC ? "Sec-GPC: 1" : field ?? gpp)
        case .mparticle, .ccpa:
            let view = reading.value(body, at: places.mparticle)
            self.init(reader, raw: view.map(Self.text))
            takeDetails(view, isCCPA: reader == .ccpa)
        case .tcf:
            let alone = reading.value(body, at: places.tcf)?.string
            self.init(reader, raw: alone ?? reading.value(body, at: places.gpp)?.string)
        case .gpp: self.init(reader, raw: reading.value(body, at: places.gpp)?.string)
        case .usPrivacy: self.init(reader, raw: reading.value(body, at: places.usPrivacy)?.string)
        case .operator: self.init(reader)
        case .rudderstack:
            self.init(reader, raw: body.context(.consentManagement).map(Self.text))
        }
    }

    public init(_ record: ConsentRecord) {
        self.init(.operator)
        document = record.document
        if let method = record.method { self.method = method }
        raw = "by \(record.by)"
    }

    /// Of several statements the details that they all share.
    private mutating func takeDetails(_ view: JSONView?, isCCPA: Bool) {
        guard let view else { return }
        let statements: [MParticleConsent.Statement]
        do throws(MParticleConsentError) {
            let state = try MParticleConsent(view)
            statements =
                isCCPA
                ? [state.saleOptOut].compactMap { $0 } : (state.purposes ?? []).map(\.statement)
        } catch {
            // It was readable when it was folded; what cannot be read now has no details to show.
            return
        }
        func shared(_ path: KeyPath<MParticleConsent.Statement, String?>) -> String? {
            guard let first = statements.first?[keyPath: path] else { return nil }
            return statements.allSatisfy { $0[keyPath: path] == first } ? first : nil
        }
        document = shared(\.document)
        location = shared(\.location)
        hardwareID = shared(\.hardwareID)
    }

    private static func text(_ view: JSONView) -> String {
        var bytes: [UInt8] = []
        view.writeMinified(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
