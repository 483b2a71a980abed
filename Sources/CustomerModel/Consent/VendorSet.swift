/// A set of vendor ids as a TC string states it. What lies outside its maximum is not in it.
public struct VendorSet: Equatable, Sendable {
    /// How the string spells the set.
    public enum Coding: Equatable, Sendable { case bitField, ranges }

    /// The largest id that the section speaks of.
    public let maximum: UInt16
    public let coding: Coding
    /// For a bit field: id 1 is the top bit of the first byte.
    private let bits: [UInt8]
    private let ranges: [ClosedRange<UInt16>]

    /// `MaxVendorId 16 | IsRangeEncoding 1 | the bits, or entries`.
    init(reading source: inout ConsentBits) throws(ConsentTextError) {
        maximum = UInt16(try source.read(16))
        if try source.flag() {
            coding = .ranges
            ranges = try source.ranges(upTo: maximum)
            bits = []
        } else {
            coding = .bitField
            bits = try source.bitField(Int(maximum))
            ranges = []
        }
    }

    public func contains(_ id: UInt16) -> Bool {
        guard id > 0, id <= maximum else { return false }
        switch coding {
        case .bitField:
            let place = Int(id) - 1
            return bits[place >> 3] & (0x80 >> UInt8(place & 7)) != 0
        case .ranges:
            return ranges.contains { $0.contains(id) }
        }
    }

    /// The ids, ascending, each once. For people and tests; asking ``contains(_:)`` costs less.
    public var ids: [UInt16] {
        switch coding {
        case .bitField:
            return maximum == 0 ? [] : (1...maximum).filter(contains)
        case .ranges:
            var isMember = [Bool](repeating: false, count: Int(maximum) + 1)
            for range in ranges {
                for id in range { isMember[Int(id)] = true }
            }
            return isMember.indices.filter { isMember[$0] }.map { UInt16($0) }
        }
    }
}
