internal import CustomerModel
internal import JSONText
internal import Platform

/// Reads the body of a request to mParticle's events API into a batch for the collector.
///
/// The text is parsed once, strictly. Where the mistake may belong to a single event, batches and events are
/// cut apart and judged one by one (L2).
struct MParticleReader {
    /// The shape of the body, from its path.
    enum Shape: Equatable, Sendable {
        /// One batch.
        case events
        /// A list of batches.
        case bulk
        /// The same of what happened long ago.
        case historical

        /// nil when the path is none of mParticle's.
        init?(path: String) {
            guard path.hasPrefix("/v2/") else { return nil }
            var name = path.dropFirst(4)
            if name.hasSuffix("/") { name.removeLast() }
            switch name {
            case "events": self = .events
            case "bulkevents": self = .bulk
            case "bulkevents/historical": self = .historical
            default: return nil
            }
        }
    }

    /// mParticle's limit of batches in one request.
    static let batches = 100

    let shape: Shape
    let collector: Collector
    let context: CollectContext

    /// Why the whole request is refused.
    struct Refusal: Error {
        var message: String
    }

    /// The batch of a body's events.
    ///
    /// - Throws: ``Refusal`` when the whole request is refused.
    func read(_ bytes: UnsafeRawBufferPointer) throws -> PendingBatch {
        do {
            return try collector.withParser { parser in
                try parser.parse(bytes) { root in
                    try read(root) { batch, view in
                        if shape == .historical {
                            batch.admit(historical: view)
                        } else {
                            batch.admit(mparticle: view)
                        }
                    }
                }
            }
        } catch let error as JSONError {
            let refusal = Refusal(message: "The body is not valid JSON: \(error).")
            guard error.mayBeOneItems, shape != .historical else { throw refusal }
            var loose = JSONParser()
            do {
                return try loose.parseStructure(bytes) { root in
                    try read(root) { batch, view in batch.admit(loose: view) }
                }
            } catch is JSONError {
                throw refusal
            }
        }
    }

    private func read(
        _ root: JSONView, _ admit: (inout PendingBatch, JSONView) -> Void
    ) throws(Refusal) -> PendingBatch {
        var batch = collector.begin(context)
        guard shape != .events else {
            guard root.kind == .object else {
                throw Refusal(message: "The body must be a batch: a JSON object.")
            }
            admit(&batch, root)
            return batch
        }
        guard root.kind == .array else {
            throw Refusal(message: "The body must be an array of batches.")
        }
        guard root.count <= Self.batches else {
            throw Refusal(message: "A request holds at most \(Self.batches) batches.")
        }
        root.forEachElement { admit(&batch, $0) }
        return batch
    }
}
