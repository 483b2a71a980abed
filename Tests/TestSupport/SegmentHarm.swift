import Foundation

/// Damage that a test does to a sealed segment's file, from outside.
public struct SegmentHarm: Sendable {
    /// The file's path.
    public let path: String

    public init(_ path: String) { self.path = path }

    /// Flips a bit in the lines of the frame that stands `share` of the way through the file's frames.
    public func flipLines(at share: Double) throws {
        try flip { bytes in
            // Each frame of lines begins with LZ4's magic number. The very first one is empty.
            let magic: [UInt8] = [0x04, 0x22, 0x4D, 0x18]
            var starts: [Int] = []
            for place in 12..<bytes.count - 4 where bytes[place] == magic[0] {
                if bytes[place..<place + 4].elementsEqual(magic) { starts.append(place) }
            }
            return starts[Int(Double(starts.count) * share)] + 32
        }
    }

    /// Flips a bit in the trailer, without which nothing in the file is found.
    public func flipTrailer() throws { try flip { $0.count - 40 } }

    public func remove() throws { try FileManager.default.removeItem(atPath: path) }

    private func flip(_ place: ([UInt8]) -> Int) throws {
        let url = URL(fileURLWithPath: path)
        var bytes = [UInt8](try Data(contentsOf: url))
        bytes[place(bytes)] ^= 0x20
        try Data(bytes).write(to: url)
    }
}
