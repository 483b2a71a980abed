public import JSONText

/// What an mParticle batch's `consent_state` says.
///
/// `{"gdpr": {purpose: state}, "ccpa": {"data_sale_opt_out": state}}`, where a state is `consented`,
/// `timestamp_unixtime_ms` and evidence. The two regulations have opposite senses: `consented: true`
/// under `gdpr` agrees, under `ccpa` it opts out.
public struct MParticleConsent: Equatable, Sendable {
    /// More purposes than this are refused.
    public static let maximumPurposes = 256
    /// A longer name or piece of evidence is refused; mParticle allows no longer values either.
    public static let maximumTextBytes = 4_096

    public struct Statement: Equatable, Sendable {
        public var isConsented: Bool
        /// When the person said so; nil only where the statement takes away: it then counts from its
        /// event's own time. Not clipped to `received` yet (C2).
        public var time: Timestamp?
        public var document: String?
        public var location: String?
        public var hardwareID: String?
    }

    /// Under `gdpr`, in the text's order; nil when there is no such object.
    public var purposes: [(name: String, statement: Statement)]?
    /// Under `ccpa.data_sale_opt_out`.
    public var saleOptOut: Statement?

    /// Reads the object.
    ///
    /// Absent and null are nothing said. A state without a time is taken only when it takes away.
    /// - Throws: ``MParticleConsentError``; nothing is granted then (C6).
    public init(_ view: JSONView) throws(MParticleConsentError) {
        guard view.kind == .object else { throw .init(path: "", problem: .illTyped) }
        if let gdpr = try Self.object(view["gdpr"], "gdpr") {
            purposes = try Self.purposes(gdpr)
        }
        if let ccpa = try Self.object(view["ccpa"], "ccpa"),
            let state = ccpa["data_sale_opt_out"], !state.isNull
        {
            saleOptOut = try Self.statement(
                state, "ccpa.data_sale_opt_out", takesAway: \.isConsented)
        }
    }

    private static func purposes(
        _ gdpr: JSONView
    ) throws(MParticleConsentError) -> [(name: String, statement: Statement)] {
        guard gdpr.count <= maximumPurposes else { throw .init(path: "gdpr", problem: .tooMany) }
        var found: [(name: String, statement: Statement)] = []
        var failure: MParticleConsentError?
        gdpr.forEachMember { key, state in
            guard failure == nil, !state.isNull else { return }
            let path = "gdpr[\(found.count)]"
            do throws(MParticleConsentError) {
                guard let name = try text(key, path) else { return }
                found.append((name, try statement(state, path) { !$0.isConsented }))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return found
    }

    private static func statement(
        _ view: JSONView, _ path: String, takesAway: (Statement) -> Bool
    ) throws(MParticleConsentError) -> Statement {
        guard view.kind == .object else { throw .init(path: path, problem: .illTyped) }
        guard let consented = view["consented"] else {
            throw .init(path: "\(path).consented", problem: .missing)
        }
        guard let isConsented = consented.bool else {
            throw .init(path: "\(path).consented", problem: .illTyped)
        }
        let statement = Statement(
            isConsented: isConsented, time: try time(view["timestamp_unixtime_ms"], path),
            document: try text(view["document"], "\(path).document"),
            location: try text(view["location"], "\(path).location"),
            hardwareID: try text(view["hardware_id"], "\(path).hardware_id"))
        guard statement.time != nil || takesAway(statement) else {
            throw .init(path: "\(path).timestamp_unixtime_ms", problem: .missing)
        }
        return statement
    }

    private static func time(
        _ view: JSONView?, _ path: String
    ) throws(MParticleConsentError) -> Timestamp? {
        guard let view, !view.isNull else { return nil }
        guard let milliseconds = view.int else {
            throw .init(path: "\(path).timestamp_unixtime_ms", problem: .illTyped)
        }
        guard milliseconds >= 0, milliseconds <= Timestamp.latest.microseconds / 1_000 else {
            throw .init(path: "\(path).timestamp_unixtime_ms", problem: .outOfRange)
        }
        return Timestamp(microseconds: milliseconds * 1_000)
    }

    private static func object(
        _ view: JSONView?, _ path: String
    ) throws(MParticleConsentError) -> JSONView? {
        guard let view, !view.isNull else { return nil }
        guard view.kind == .object else { throw .init(path: path, problem: .illTyped) }
        return view
    }

    private static func text(
        _ view: JSONView?, _ path: String
    ) throws(MParticleConsentError) -> String? {
        guard let view, !view.isNull else { return nil }
        guard let text = view.string else { throw .init(path: path, problem: .illTyped) }
        guard text.utf8.count <= maximumTextBytes else {
            throw .init(path: path, problem: .outOfRange)
        }
        return text
    }

    public static func == (a: MParticleConsent, b: MParticleConsent) -> Bool {
        guard a.saleOptOut == b.saleOptOut else { return false }
        switch (a.purposes, b.purposes) {
        case (nil, nil): return true
        case (let mine?, let others?): return mine.elementsEqual(others) { $0 == $1 }
        case (nil, _?), (_?, nil): return false
        }
    }
}

/// Why a `consent_state` could not be read. Names places, never values.
public struct MParticleConsentError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Problem: Equatable, Sendable { case missing, illTyped, outOfRange, tooMany }

    /// From the object: `gdpr[2].consented`, purposes counted from 0; empty for the object itself.
    public var path: String
    public var problem: Problem

    public init(path: String, problem: Problem) {
        self.path = path
        self.problem = problem
    }

    public var description: String {
        let fault =
            switch problem {
            case .missing: "is missing"
            case .illTyped: "is not of the right type"
            case .outOfRange: "is out of range"
            case .tooMany: "has too many members"
            }
        return path.isEmpty ? "consent_state \(fault)" : "consent_state: \(path) \(fault)"
    }
}
