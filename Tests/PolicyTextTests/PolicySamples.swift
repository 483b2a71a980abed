import CustomerModel
import Foundation
import PolicyText

/// Policies that tests read.
enum PolicySamples {
    /// The package's own examples, by file name.
    static let examples = [
        "shop.yaml", "shop-stricter.yaml", "online_retail.yaml", "wiki_edits.yaml",
        "shop-tracked.yaml",
    ]

    /// The text of one of ``examples``.
    static func text(_ name: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(
            contentsOf: root.appending(path: "tools/policies/\(name)"), encoding: .utf8)
    }

    /// A small policy that is right, to be spoilt at one place.
    static let small = """
        policy: small
        identity:
          types:
            - { type: user_id, limit: 1 }
            - { type: email, normalise: email }
        purposes:
          analytics: { segment: [Analytics] }
        audiences:
          buyers:
            count: { event: Order Completed, atLeast: 1 }
        destinations:
          warehouse:
            recipient: Example Warehouse Ltd
            file: warehouse.ndjson
            purposes: [analytics]
            events:
              - track: Order Completed
                properties: [order_id]
        """

    /// `small` with one piece of it replaced. Traps when the piece is not in it.
    static func small(replacing piece: String, with other: String) -> String {
        precondition(small.contains(piece), "the sample holds no \(piece)")
        return small.replacingOccurrences(of: piece, with: other)
    }

    /// What is wrong with a policy, one line each; empty when it is right.
    static func problems(_ text: String) -> [String] {
        do {
            _ = try PolicyFile.read(text, name: "p.yaml")
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }
}
