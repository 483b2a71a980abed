import Foundation
import JSONText
import Testing

/// TC strings that tests send, from what they mean: for one site, of today, with disclosed vendors.
enum TCText {
    static func make(
        purposes: Set<Int>, interests: Set<Int> = [], vendors: Set<Int> = [755],
        vendorInterests: Set<Int> = [], disclosed: Set<Int>? = [755]
    ) -> String {
        var core: [Bool] = []
        func put(_ value: Int, _ width: Int, into bits: inout [Bool]) {
            for place in (0..<width).reversed() { bits.append(value >> place & 1 == 1) }
        }
        func put(_ ids: Set<Int>, into bits: inout [Bool]) {
            let last = ids.max() ?? 0
            put(last, 16, into: &bits)
            put(0, 1, into: &bits)
            for id in 0..<last { bits.append(ids.contains(id + 1)) }
        }
        for (value, width) in [
            (2, 6), (17_802_720_000, 36), (17_802_720_000, 36), (300, 12), (7, 12), (1, 6), (4, 6),
            (13, 6), (150, 12), (5, 6), (1, 1), (0, 1), (0, 12),
        ] { put(value, width, into: &core) }
        for ids in [purposes, interests] {
            for id in 1...24 { core.append(ids.contains(id)) }
        }
        for (value, width) in [(0, 1), (5, 6), (17, 6)] { put(value, width, into: &core) }
        put(vendors, into: &core)
        put(vendorInterests, into: &core)
        put(0, 12, into: &core)
        guard let disclosed else { return text(core) }
        var segment: [Bool] = []
        put(1, 3, into: &segment)
        put(disclosed, into: &segment)
        return "\(text(core)).\(text(segment))"
    }

    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

    private static func text(_ bits: [Bool]) -> String {
        let padded = bits + [Bool](repeating: false, count: (6 - bits.count % 6) % 6)
        return String(
            stride(from: 0, to: padded.count, by: 6).map { start in
                alphabet[padded[start..<start + 6].reduce(0) { $0 * 2 + ($1 ? 1 : 0) }]
            })
    }
}

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
