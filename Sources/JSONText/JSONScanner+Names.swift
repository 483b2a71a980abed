/// Whether an object says one name twice (L2).
extension JSONScanner {
    /// Objects up to this size are compared name by name. So many names cost at most 15.5 times their
    /// bytes; a table, with a hash that nobody can aim at, costs more than that for ordinary names.
    private static var fewMembers: Int { 32 }

    /// - Throws: ``JSONError/Problem/duplicateKey`` at the first name that repeats an earlier one.
    @inline(__always)
    func checkNames(of object: Int, table: inout [UInt64]) throws(JSONError) {
        let token = tape[object]
        guard token.count > 1 else { return }
        if token.count <= Self.fewMembers, !token.hasEscapes {
            try compareFewNames(of: object)
        } else {
            try compareManyNames(of: object, table: &table)
        }
    }

    /// A set of 64 bits says for most names that no earlier one can be equal.
    private func compareFewNames(of object: Int) throws(JSONError) {
        let last = Int(tape[object].next)
        var seen: UInt64 = 0
        var name = object &+ 1
        while name < last {
            let bit: UInt64 = 1 &<< (fingerprint(name) &>> 58)
            if seen & bit != 0 {
                var earlier = object &+ 1
                while earlier < name {
                    if equalNames(earlier, name) { throw duplicate(name) }
                    earlier = Int(tape[earlier &+ 1].next)
                }
            }
            seen |= bit
            name = Int(tape[name &+ 1].next)
        }
    }

    /// A mix of a name's length, first and last bytes. Not a hash to rely on: an attacker can make
    /// all names of an object alike, which costs 496 comparisons.
    @inline(__always)
    private func fingerprint(_ name: Int) -> UInt64 {
        let start = Int(tape[name].start) &+ 1
        let length = Int(tape[name].end) &- start &- 1
        var mix = UInt64(truncatingIfNeeded: length)
        if length >= 8 {
            mix ^= text.loadUnaligned(fromByteOffset: start, as: UInt64.self)
            let tail = text.loadUnaligned(fromByteOffset: start &+ length &- 8, as: UInt64.self)
            mix ^= (tail &<< 29) | (tail &>> 35)
        } else if length >= 4 {
            let head = text.loadUnaligned(fromByteOffset: start, as: UInt32.self)
            let tail = text.loadUnaligned(fromByteOffset: start &+ length &- 4, as: UInt32.self)
            mix ^= UInt64(head) &<< 29 ^ UInt64(tail)
        } else if length > 0 {
            mix ^= UInt64(self[start]) &<< 24
            mix ^= UInt64(self[start &+ length / 2]) &<< 16
            mix ^= UInt64(self[start &+ length &- 1]) &<< 8
        }
        mix = (mix ^ (mix &>> 32)) &* 0x9E37_79B9_7F4A_7C15
        return mix ^ (mix &<< 32)
    }

    @inline(__always)
    private func equalNames(_ a: Int, _ b: Int) -> Bool {
        let length = tape[a].end &- tape[a].start
        guard length == tape[b].end &- tape[b].start else { return false }
        return Bytes.equal(
            text + Int(tape[a].start), text + Int(tape[b].start), count: Int(length))
    }

    /// An open-addressed table of (32 bits of hash, place on the tape). The hash is the standard
    /// library's, keyed anew in every process, so nobody outside can aim at it; the answer does not
    /// depend on it.
    @inline(never)
    private func compareManyNames(of object: Int, table: inout [UInt64]) throws(JSONError) {
        let token = tape[object]
        let size = 1 << (Int.bitWidth - (token.count * 2).leadingZeroBitCount)
        let mask = size - 1
        if table.count < size {
            table = Array(repeating: 0, count: size)
        } else {
            for slot in 0..<size { table[slot] = 0 }
        }
        let last = Int(token.next)
        var name = object + 1
        while name < last {
            let view = JSONView(text: text, tape: tape, index: UInt32(name))
            var hasher = Hasher()
            view.hashText(into: &hasher)
            let hash = UInt64(bitPattern: Int64(hasher.finalize()))
            var slot = Int(truncatingIfNeeded: hash) & mask
            while table[slot] != 0 {
                if table[slot] >> 32 == hash >> 32 {
                    let other = UInt32(truncatingIfNeeded: table[slot])
                    if view.equals(JSONView(text: text, tape: tape, index: other)) {
                        throw duplicate(name)
                    }
                }
                slot = (slot + 1) & mask
            }
            // A name's place is never 0, so an occupied slot is never 0.
            table[slot] = (hash & ~0xFFFF_FFFF) | UInt64(name)
            name = Int(tape[name + 1].next)
        }
    }

    private func duplicate(_ name: Int) -> JSONError {
        JSONError(position: Int(tape[name].start), problem: .duplicateKey)
    }
}
