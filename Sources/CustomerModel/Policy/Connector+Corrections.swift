extension Connector {
    /// What a correction comes to at the destination (E3, X2): a request is all that can be made of somebody
    /// else.
    public enum CorrectionMeans: String, Equatable, Sendable {
        /// A signed request says what to amend or to delete; the recipient must act on it.
        case request
        /// A line is added. What stands in the file before it stays, until whoever owns the file removes it.
        case line
    }

    /// What becomes of an unknown outcome (E7).
    public var unknownExit: UnknownExit {
        switch self {
        case .file: .lookedUp
        case .webhook(_, _, let unknown): unknown
        }
    }

    /// Whether the destination can be asked what it holds, so that an unknown outcome is looked up (E7).
    public var canBeAsked: Bool { unknownExit == .lookedUp }

    public var correctionMeans: CorrectionMeans {
        switch self {
        case .webhook: .request
        case .file: .line
        }
    }

    /// What its recipient must do to be rid of what it was told, for people.
    public var deletionAdvice: String {
        switch correctionMeans {
        case .request:
            "it can be told: `sluice replay correct` posts a signed retraction with the effect's key; have the recipient confirm the deletion"
        case .line:
            "it cannot delete by itself: `sluice replay correct` appends a retraction line; whoever keeps the file deletes the line with this id"
        }
    }
}
