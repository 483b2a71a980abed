import Synchronization

/// What a power cut leaves of what no sync had covered. What a sync covered is always there.
package struct Survival: Sendable, CustomStringConvertible {
    package enum Writes: Sendable {
        case nothing
        case everything
        /// Everything, but of the last write only its first bytes.
        case cut(bytes: Int)
        /// Of each write some sectors in no order; the rest of a file's new length is zeros, or not there.
        case sectors(seed: UInt64)
    }

    package var writes: Writes
    /// How many of the directory's changes, from the oldest on; nil: all of them.
    package var directoryChanges: Int?

    package init(_ writes: Writes, directoryChanges: Int?) {
        self.writes = writes
        self.directoryChanges = directoryChanges
    }

    package static let nothing = Survival(.nothing, directoryChanges: 0)
    package static let everything = Survival(.everything, directoryChanges: nil)

    package var description: String {
        let names = directoryChanges.map { "the first \($0)" } ?? "all"
        return "surviving: writes \(writes), directory changes \(names)"
    }
}

extension MemoryStorage {
    package static let sectorBytes = 512

    /// What a machine finds after a power cut now.
    package func afterPowerCut(_ survival: Survival = .nothing) -> MemoryStorage {
        MemoryStorage(state.withLock { $0.disk.afterPowerCut(survival) })
    }

    /// How many changes of the directory no sync has covered.
    package var unsyncedDirectoryChanges: Int {
        state.withLock { $0.disk.unsyncedNames.count }
    }

    /// Where the last write, if it is not synced, may be cut: before it, at every sector boundary inside
    /// it, and behind it, in bytes from its beginning.
    package var cutsOfLastWrite: [Int] {
        state.withLock { state in
            guard let node = state.disk.lastWritten,
                case .write(let bytes, let position)? = state.disk.nodes[node].unsynced.last
            else { return [] }
            let sector = Self.sectorBytes
            let first = sector - position % sector
            return [0] + Array(stride(from: first, to: bytes.count, by: sector)) + [bytes.count]
        }
    }
}

extension MemoryDisk {
    fileprivate func afterPowerCut(_ survival: Survival) -> MemoryDisk {
        var names = durableNames
        let kept = survival.directoryChanges ?? unsyncedNames.count
        for change in unsyncedNames.prefix(kept) { Self.apply(change, to: &names) }
        return MemoryDisk(files: names.mapValues { bytes(of: $0, survival.writes) })
    }

    private func bytes(of number: Int, _ writes: Survival.Writes) -> [UInt8] {
        let node = nodes[number]
        var file = node.durable
        switch writes {
        case .nothing: break
        case .everything: for change in node.unsynced { Self.apply(change, to: &file) }
        case .cut(let count):
            for change in node.unsynced.dropLast() { Self.apply(change, to: &file) }
            guard let last = node.unsynced.last else { break }
            if number == lastWritten, case .write(let bytes, let position) = last {
                Self.apply(.write(Array(bytes.prefix(count)), at: position), to: &file)
            } else {
                Self.apply(last, to: &file)
            }
        case .sectors(let seed):
            var random = SeededRandom(seed: seed &+ UInt64(number) &* 0x1234_5677)
            for change in node.unsynced { Self.keepSome(of: change, in: &file, &random) }
        }
        return file
    }

    private static func keepSome(
        of change: Change, in file: inout [UInt8], _ random: inout SeededRandom
    ) {
        guard case .write(let bytes, let position) = change else {
            if Bool.random(using: &random) { apply(change, to: &file) }
            return
        }
        let sector = MemoryStorage.sectorBytes
        let chance = Int.random(in: 0...4, using: &random)
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + sector - (position + start) % sector)
            if Int.random(in: 0..<4, using: &random) < chance {
                apply(.write(Array(bytes[start..<end]), at: position + start), to: &file)
            }
            start = end
        }
        let length = position + bytes.count
        if file.count < length, Bool.random(using: &random) {
            file.append(contentsOf: repeatElement(0, count: length - file.count))
        }
    }
}

/// SplitMix64: the same numbers for the same seed, on every machine.
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
