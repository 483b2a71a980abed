import Glibc

/// An IPv4 or IPv6 address, and whether it belongs to somebody else on the Internet.
package struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    /// 4 or 16, in network order.
    package let bytes: [UInt8]

    /// - Precondition: 4 or 16 bytes.
    package init(bytes: [UInt8]) {
        precondition(bytes.count == 4 || bytes.count == 16, "an address has 4 or 16 bytes")
        self.bytes = bytes
    }

    /// A literal IPv6 address without brackets or zone.
    package init?(v6 text: String) {
        var address = in6_addr()
        guard inet_pton(AF_INET6, text, &address) == 1 else { return nil }
        bytes = withUnsafeBytes(of: &address) { Array($0) }
    }

    /// A dotted quad of four decimal numbers, and nothing else.
    package init?(v4 text: String) {
        var address = in_addr()
        guard inet_pton(AF_INET, text, &address) == 1 else { return nil }
        bytes = withUnsafeBytes(of: &address) { Array($0) }
    }

    package var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        let written = bytes.withUnsafeBytes {
            inet_ntop(family, $0.baseAddress, &text, socklen_t(text.count))
        }
        precondition(written != nil, "an address of 4 or 16 bytes always has a text")
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Whether it is a public unicast address. Loopback, private, link-local, shared, multicast, unspecified,
    /// documentation, benchmark and reserved ranges are not; nor is an IPv6 address that carries such an
    /// IPv4 one (IANA's special-purpose registries).
    package var isPublic: Bool {
        bytes.count == 4 ? Self.isPublic(v4: bytes[...]) : Self.isPublic(v6: bytes)
    }

    private static func isPublic(v4 bytes: ArraySlice<UInt8>) -> Bool {
        let address = bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return !refusedV4.contains { address >> (32 - $0.length) == $0.prefix >> (32 - $0.length) }
    }

    private static let refusedV4: [(prefix: UInt32, length: UInt32)] = [
        (0x0000_0000, 8),  // this network
        (0x0A00_0000, 8),  // private
        (0x6440_0000, 10),  // shared with the carrier
        (0x7F00_0000, 8),  // loopback
        (0xA9FE_0000, 16),  // link-local, with the clouds' metadata services
        (0xAC10_0000, 12),  // private
        (0xC000_0000, 24),  // protocol assignments
        (0xC000_0200, 24),  // documentation
        (0xC058_6300, 24),  // 6to4 relays
        (0xC0A8_0000, 16),  // private
        (0xC612_0000, 15),  // benchmarks
        (0xC633_6400, 24),  // documentation
        (0xCB00_7100, 24),  // documentation
        (0xE000_0000, 4),  // multicast
        (0xF000_0000, 4),  // reserved, broadcast
    ]

    private static func isPublic(v6 bytes: [UInt8]) -> Bool {
        let groups = stride(from: 0, to: 16, by: 2).map {
            UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])
        }
        let startsWithZeroes = groups[0..<5].allSatisfy { $0 == 0 }
        if startsWithZeroes, groups[5] == 0xFFFF { return isPublic(v4: bytes[12...]) }
        // NAT64's well-known prefix: what it leads to is the IPv4 address.
        if groups[0] == 0x64, groups[1] == 0xFF9B, groups[2..<6].allSatisfy({ $0 == 0 }) {
            return isPublic(v4: bytes[12...])
        }
        // Global unicast is 2000::/3; all else is local, multicast or unassigned.
        guard groups[0] & 0xE000 == 0x2000 else { return false }
        switch (groups[0], groups[1]) {
        case (0x2001, 0x0000...0x01FF): return false  // protocol assignments, Teredo
        case (0x2001, 0x0DB8): return false  // documentation
        case (0x2002, _): return isPublic(v4: bytes[2..<6])  // 6to4
        case (0x3FFF, 0x0000...0x0FFF): return false  // documentation
        default: return true
        }
    }
}
