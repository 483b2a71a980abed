/// The stages of the fold that a change makes run again (P1).
public struct PolicyStages: OptionSet, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let identity = PolicyStages(rawValue: 1 << 0)
    public static let consent = PolicyStages(rawValue: 1 << 1)
    public static let decisions = PolicyStages(rawValue: 1 << 2)
    public static let attributes = PolicyStages(rawValue: 1 << 3)
    public static let audiences = PolicyStages(rawValue: 1 << 4)

    /// What follows from these: who is who decides everything, and consent decides what leaves.
    public var withDependents: PolicyStages {
        if contains(.identity) {
            return [.identity, .consent, .decisions, .attributes, .audiences]
        }
        return contains(.consent) ? union(.decisions) : self
    }

    /// The names, in the order of the stages.
    public var names: [String] {
        let all: [(PolicyStages, String)] = [
            (.identity, "identity"), (.consent, "consent"), (.decisions, "decisions"),
            (.attributes, "attributes"), (.audiences, "audiences"),
        ]
        return all.filter { contains($0.0) }.map(\.1)
    }

    public var description: String { names.isEmpty ? "none" : names.joined(separator: ", ") }
}

/// One difference between two policies.
public struct PolicyChange: Equatable, Sendable, CustomStringConvertible {
    /// Which stage the rule belongs to. Empty for what changes only how, not what: batch sizes, time-outs,
    /// a name.
    public var stages: PolicyStages
    /// The destination that it is about; nil for all else.
    public var destination: String?
    /// One plain sentence without a full stop.
    public var sentence: String

    public init(stages: PolicyStages, destination: String? = nil, sentence: String) {
        self.stages = stages
        self.destination = destination
        self.sentence = sentence
    }

    public var description: String { sentence }
}

/// A change that must not be activated as it stands: the recipient or the URL's host of a destination
/// became another and its epoch did not (E4).
public struct EpochError: Error, Equatable, Sendable, CustomStringConvertible {
    public var destination: String
    /// What is wrong and what to do, as one sentence.
    public var description: String

    public init(destination: String, description: String) {
        self.destination = destination
        self.description = description
    }
}
