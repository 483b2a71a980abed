internal import CustomerModel
internal import JSONText
private import Synchronization

/// The subjects for whom nothing is collected (X1), by type and value in the log's own key form (L7).
///
/// Fed from the log's suppression records at open, and by `suppress` once its record is durable. Thread-safe.
public final class SuppressionList: Sendable {
    private let subjects = Mutex<Set<[UInt8]>>([])
    /// Asked for every event, so an empty list must cost nothing.
    private let count = Atomic<Int>(0)

    public init() {}

    /// Adds a subject; once more is harmless.
    public func insert(type: String, value: String) {
        var value = value
        let key = value.withUTF8 { Self.key(type: type, UnsafeRawBufferPointer($0)) }
        let size = subjects.withLock { subjects in
            subjects.insert(key)
            return subjects.count
        }
        count.store(size, ordering: .releasing)
    }

    var isEmpty: Bool { count.load(ordering: .acquiring) == 0 }

    /// Whether an identifier of this type and value is on the list.
    func contains(type: String, value: JSONView) -> Bool {
        let key =
            value.kind == .number
            ? Self.key(type: type, value.rawBytes)
            : value.withUTF8 { Self.key(type: type, $0) }
        guard let key else { return false }
        return subjects.withLock { $0.contains(key) }
    }

    private static func key(type: String, _ value: UnsafeRawBufferPointer) -> [UInt8] {
        var key = Array(type.utf8) + [0]
        IdentifierValue.appendKeyForm(type: type, value, to: &key)
        return key
    }
}
