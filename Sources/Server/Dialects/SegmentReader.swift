internal import CustomerModel
internal import JSONText
internal import Platform

/// Reads the body of a Segment request into a batch for the collector.
///
/// The text is parsed once, strictly. Only when the mistake is one that may belong to a single item (a
/// duplicate key, a lone surrogate, bytes that are no UTF-8, too many levels) are the items cut apart and
/// judged one by one, so that one bad item does not cost the others (L2).
struct SegmentReader {
    /// The shape of the body, from its path.
    enum Shape: Equatable, Sendable {
        case single(EventType)
        case batch
    }

    let shape: Shape
    let collector: Collector
    let context: CollectContext
    let batchItems: Int

    /// Why the whole request is refused.
    struct Refusal: Error {
        var code: String
        var message: String
    }

    /// The batch of a body's items.
    ///
    /// - Throws: ``Refusal`` when the whole request is refused.
    func read(_ bytes: UnsafeRawBufferPointer) throws -> PendingBatch {
        do {
            return try collector.withParser { parser in
                try parser.parse(bytes) { try read(root: $0) }
            }
        } catch let error as JSONError {
            guard shape == .batch, error.mayBeOneItems else {
                throw Refusal(
                    code: "invalid_json", message: "the body is not valid JSON: \(error)")
            }
            return try readItemByItem(bytes, error)
        }
    }

    private func read(root: JSONView) throws -> PendingBatch {
        guard root.kind == .object else {
            throw Refusal(code: "invalid_request", message: "the body must be a JSON object")
        }
        switch shape {
        case .single:
            var batch = collector.begin(context)
            batch.admit(root)
            return batch
        case .batch:
            let items = try Self.items(root)
            let shared = try shared(root)
            var batch = collector.begin(context, shared: shared)
            batch.reserve(min(items.count, batchItems), bytes: items.rawBytes.count)
            items.forEachElement { item in
                if batch.itemCount < batchItems {
                    batch.admit(item, shared: shared)
                } else {
                    batch.reject(.tooManyItems(limit: batchItems), bytes: item.rawBytes)
                }
            }
            return batch
        }
    }

    private static func items(_ root: JSONView) throws(Refusal) -> JSONView {
        guard let items = root["batch"], items.kind == .array else {
            throw Refusal(code: "invalid_request", message: "`batch` must be an array of messages")
        }
        return items
    }

    private func shared(_ root: JSONView) throws(Refusal) -> SharedParts {
        let shared = SharedParts(
            context: root["context"], integrations: root["integrations"], sentAt: root["sentAt"])
        let bytes = [shared.context, shared.integrations].compactMap { $0?.rawBytes.count }
            .reduce(0, +)
        // Every item's line holds them.
        guard bytes <= collector.limits.sharedBytes else {
            throw Refusal(
                code: "too_large",
                message: "`context` and `integrations` beside `batch` are larger than "
                    + "\(collector.limits.sharedBytes) bytes")
        }
        return shared
    }

    // MARK: One bad item

    /// - Parameter error: what is thrown when the mistake is not inside an item after all.
    private func readItemByItem(
        _ bytes: UnsafeRawBufferPointer, _ error: JSONError
    ) throws -> PendingBatch {
        let outside = Refusal(
            code: "invalid_json", message: "the body is not valid JSON: \(error)")
        // Structure only; every token that is used is parsed strictly below.
        var loose = JSONParser()
        do {
            return try loose.parseStructure(bytes) { root in
                guard root.kind == .object else { throw outside }
                let items = try Self.items(root)
                let envelope = Self.envelope(root)
                guard envelope.batches == 1 else { throw outside }
                var strict = JSONParser()
                return try strict.parse(envelope.bytes) { parts in
                    let shared = try shared(parts)
                    var batch = collector.begin(context, shared: shared)
                    items.forEachElement { admit($0, shared, &batch) }
                    return batch
                }
            }
        } catch is JSONError {
            throw outside
        }
    }

    private func admit(_ item: JSONView, _ shared: SharedParts, _ batch: inout PendingBatch) {
        guard batch.itemCount < batchItems else {
            batch.reject(.tooManyItems(limit: batchItems), bytes: item.rawBytes)
            return
        }
        do {
            try collector.withParser { parser in
                try parser.parse(item.rawBytes) { batch.admit($0, shared: shared) }
            }
        } catch let error as JSONError {
            batch.reject(.invalidJSON(error), bytes: item.rawBytes)
        } catch {
            preconditionFailure("only the parser throws here")
        }
    }

    /// What stands beside `batch`, as a text of its own, and how often `batch` does.
    private static func envelope(_ root: JSONView) -> (bytes: [UInt8], batches: Int) {
        var out: [UInt8] = [0x7B]
        var batches = 0
        root.forEachMember { key, value in
            if key.equals("batch") {
                batches += 1
                return
            }
            if out.count > 1 { out.append(0x2C) }
            out.append(contentsOf: key.rawBytes)
            out.append(0x3A)
            out.append(contentsOf: value.rawBytes)
        }
        out.append(0x7D)
        return (out, batches)
    }
}

extension JSONError {
    /// Whether the text around the mistake may still be read.
    var mayBeOneItems: Bool {
        switch problem {
        case .duplicateKey, .loneSurrogate, .invalidUTF8, .tooDeep: true
        case .unexpectedByte, .unexpectedEnd, .tooLong, .badNumber, .badEscape, .controlCharacter,
            .trailingBytes:
            false
        }
    }
}
