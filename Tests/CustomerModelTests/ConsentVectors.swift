import Foundation
import JSONText
import Testing

/// The table of public consent strings beside the package, each with what an independent decoder read.
enum ConsentVectors {
    static let path = "\(directory)/../shared/specs/consent-vectors.json"
    static let absence: Comment = "../shared/specs/consent-vectors.json is absent"

    private static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    static var isPresent: Bool { FileManager.default.fileExists(atPath: path) }

    /// The rows of one list; none where the file is absent.
    static func rows(_ list: String) -> [Row] {
        guard isPresent else { return [] }
        do {
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            return (try JSONValue(parsing: bytes)[list]?.array ?? []).map { Row(json: $0) }
        } catch {
            preconditionFailure("\(path): \(error)")
        }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var json: JSONValue
        var text: String { json["string"]?.string ?? "" }
        var decoded: JSONValue { json["decoded"] ?? .null }
        var testDescription: String {
            json["name"]?.string ?? json["why"]?.string ?? text
        }
    }
}

extension JSONValue {
    /// A list of integers.
    var ints: [Int]? { array?.compactMap { $0.int.map(Int.init) } }
}
