extension AttemptRecord {
    /// What the log's key column holds of an attempt: the first 32 different identifiers sent, in order.
    ///
    /// So one person's disclosures are found without reading every attempt. A request with more
    /// identifiers than that is found by its members' offsets only.
    public var columnKeys: [UInt64] {
        var keys: [UInt64] = []
        for identifier in members.lazy.flatMap(\.identifiers) where !keys.contains(identifier) {
            keys.append(identifier)
            if keys.count == 32 { break }
        }
        return keys
    }
}
