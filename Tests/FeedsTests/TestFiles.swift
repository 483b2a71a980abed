import Feeds
import Foundation
import JSONText

/// A file that is gone when the value is.
final class TemporaryFile {
    let path: String

    init(_ bytes: [UInt8], name: String = "feed") throws {
        path =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("\(name)-\(UUID().uuidString)").path
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    convenience init(_ text: String) throws { try self.init(Array(text.utf8)) }

    deinit { unlink(path) }
}

/// Gzip members made by hand, of stored blocks.
enum GzipBytes {
    static func member(_ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
        var rest = text[...]
        repeat {
            let block = rest.prefix(0xFFFF)
            rest = rest.dropFirst(block.count)
            out.append(rest.isEmpty ? 1 : 0)
            out += littleEndian(UInt16(block.count)) + littleEndian(~UInt16(block.count))
            out += block
        } while !rest.isEmpty
        return out + littleEndian(crc32(text)) + littleEndian(UInt32(text.count))
    }

    static func member(_ text: String) -> [UInt8] { member(Array(text.utf8)) }

    private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        var sum = ~UInt32(0)
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        return ~sum
    }
}

/// All that a feed gives.
struct FeedOutput {
    var messages: [String] = []
    var positions: [FeedPosition] = []
    var rejects: [FeedReject] = []
    var error: FeedError?

    init(_ bytes: [UInt8], mapping: FeedMapping? = nil) throws {
        let file = try TemporaryFile(bytes)
        var feed = try Feed(path: file.path, mapping: mapping)
        var record = 0
        do throws(FeedError) {
            while let item = try feed.next() {
                record += 1
                switch item {
                case .message(let bytes, let number, let position):
                    precondition(number == record)
                    messages.append(String(decoding: bytes, as: UTF8.self))
                    positions.append(position)
                case .reject(let reject):
                    precondition(reject.record == record)
                    rejects.append(reject)
                }
            }
        } catch {
            self.error = error
        }
    }

    init(_ text: String, mapping: FeedMapping? = nil) throws {
        try self.init(Array(text.utf8), mapping: mapping)
    }
}

/// SplitMix64: small, and the same everywhere for one seed.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// The package's own directory.
let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path
