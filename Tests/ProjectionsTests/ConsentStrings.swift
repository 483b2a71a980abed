import Foundation
import JSONText
import Testing

/// The public strings beside the package, each with what an independent decoder read.
enum VectorFile {
    static let absence: Comment = "../shared/specs/consent-vectors.json is absent"
    private static let path =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path + "/../shared/specs/consent-vectors.json"

    static var isPresent: Bool { FileManager.default.fileExists(atPath: path) }

    struct Row: Sendable, CustomTestStringConvertible {
        var json: JSONValue
        var text: String { json["string"]?.string ?? "" }
        var decoded: JSONValue { json["decoded"] ?? .null }
        var testDescription: String { json["name"]?.string ?? json["why"]?.string ?? text }
    }

    static func rows(_ list: String) -> [Row] {
        guard isPresent else { return [] }
        do {
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            return (try JSONValue(parsing: bytes)[list]?.array ?? []).map { Row(json: $0) }
        } catch {
            preconditionFailure("\(path): \(error)")
        }
    }
}

extension Policies {
    /// One purpose for every kind of signal, and one destination that is vendor 755 of the TCF.
    static let signals = signals()

    static func signals(resolve: String = "strictest", more: String = "") -> String {
        """
        policy: test
        \(identity)
        consent:
          resolve: \(resolve)
          \(more)
          country: [{ field: context.country, sources: [server] }]
        purposes:
          analytics: { segment: [Analytics], mparticle: [analytics], defaults: { granted: [US] } }
          advertising:
            segment: [Advertising]
            deniedByGPC: true
            tcf: { purposes: [1, 4] }
            gpp: [saleOptOut]
            usPrivacy: [saleOptOut]
            ccpa: true
        destinations:
          warehouse:
            recipient: Warehouse Ltd
            file: warehouse.ndjson
            purposes: [analytics]
            events: [{ track: Order Completed }]
          ads:
            recipient: Ads Inc
            file: ads.ndjson
            purposes: [advertising]
            events: [{ track: Order Completed }]
          vendor:
            recipient: Vendor Inc
            file: vendor.ndjson
            purposes: [advertising]
            tcf: { vendor: 755, purposes: [1, 4] }
            events: [{ track: Order Completed }]
        """
    }
}

extension Message {
    /// An order with what stands in its `context.consent`, or beside it.
    static func order(
        _ id: String, user: String? = "u1", anonymous: String? = nil, consent: String? = nil,
        context: String? = nil, more: String = ""
    ) -> String {
        let members = [consent.map { #""consent":{\#($0)}"# }, context].compactMap { $0 }
        let identifiers = [
            user.map { #","userId":"\#($0)""# }, anonymous.map { #","anonymousId":"\#($0)""# },
        ].compactMap { $0 }.joined()
        return
            #"{"type":"track","messageId":"\#(id)"\#(identifiers),"event":"Order Completed","properties":{},"context":{\#(members.joined(separator: ","))}\#(more)}"#
    }
}
