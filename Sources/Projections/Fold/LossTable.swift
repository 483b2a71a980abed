/// Records of the log that cannot be read, and what that withholds (L9).
public struct LogLoss: Equatable, Sendable {
    /// Whom a loss withholds.
    public enum Reach: UInt8, Equatable, Sendable {
        /// Every later event of the identifiers that columns or footer still name.
        case identifiers = 1
        /// Everybody: nobody knows whom the records named, or they may have been control records.
        case everything = 2
    }
    /// The first offset that cannot be read.
    public var from: UInt64
    /// The first offset after them.
    public var to: UInt64
    public var reason: String
    public var reach: Reach
    /// The operator's record that accepted it; nil while nobody has.
    public var acceptedAt: UInt64?

    public var offsets: Range<UInt64> { from..<to }

    /// Whether all dispatch waits for an operator to accept it.
    public var holdsDispatch: Bool { reach == .everything && acceptedAt == nil }
}

/// All losses, in the order in which the fold met them, and the keys that they withhold.
struct LossTable {
    private(set) var losses: [LogLoss] = []
    /// By key hash: the offset from which whoever has it is withheld.
    private(set) var withheld: [UInt64: UInt64] = [:]
    /// How many losses hold all dispatch; derived.
    private(set) var holding = 0

    init() {}

    var isEmpty: Bool { losses.isEmpty && withheld.isEmpty }

    mutating func add(_ loss: LogLoss) {
        losses.append(loss)
        if loss.holdsDispatch { holding += 1 }
    }

    mutating func withhold(_ keys: some Sequence<UInt64>, from offset: UInt64) {
        for key in keys { withheld[key] = min(withheld[key] ?? .max, offset) }
    }

    /// Whether a key is withheld, or was at an offset.
    func withholds(_ key: UInt64, asOf offset: UInt64 = .max) -> Bool {
        withheld[key].map { $0 <= offset } ?? false
    }

    /// Accepts every loss that lies whole within a range.
    mutating func accept(_ range: Range<UInt64>, at offset: UInt64) {
        for index in losses.indices
        where losses[index].acceptedAt == nil && losses[index].from >= range.lowerBound
            && losses[index].to <= range.upperBound
        {
            if losses[index].holdsDispatch { holding -= 1 }
            losses[index].acceptedAt = offset
        }
    }

    /// Whether anything before `offset` is lost.
    func begins(before offset: UInt64) -> Bool { losses.contains { $0.from < offset } }

    /// Whether the record at `offset` is lost.
    func contains(_ offset: UInt64) -> Bool { losses.contains { $0.offsets.contains(offset) } }

    /// What the bytes are for.
    enum Use {
        case checkpoint
        /// To compare: without the reasons, which say how a reader met the damage. The same frame may be met
        /// in another way once its segment is closed.
        case digest
    }

    func write(into out: inout CanonicalWriter, for use: Use) {
        out.section("LOSS")
        out.integer(UInt32(losses.count))
        for loss in losses {
            out.integer(loss.from)
            out.integer(loss.to)
            out.text(use == .digest ? "" : loss.reason)
            out.integer(loss.reach.rawValue)
            out.integer(loss.acceptedAt ?? .max)
        }
        let keys = withheld.keys.sorted()
        out.column(keys)
        out.column(keys.compactMap { withheld[$0] })
    }

    init(from reader: inout CanonicalReader) throws(CanonicalError) {
        try reader.section("LOSS")
        for _ in 0..<(try reader.integer(UInt32.self)) {
            let from = try reader.integer(UInt64.self)
            let to = try reader.integer(UInt64.self)
            let reason = try reader.text()
            guard let reach = LogLoss.Reach(rawValue: try reader.integer()), from < to else {
                throw CanonicalError(position: reader.position, expected: "a loss")
            }
            let accepted = try reader.integer(UInt64.self)
            add(
                LogLoss(
                    from: from, to: to, reason: reason, reach: reach,
                    acceptedAt: accepted == .max ? nil : accepted))
        }
        let keys: [UInt64] = try reader.column()
        let offsets: [UInt64] = try reader.column()
        guard keys.count == offsets.count else {
            throw CanonicalError(position: reader.position, expected: "withheld keys")
        }
        for (key, offset) in zip(keys, offsets) { withheld[key] = offset }
    }
}
