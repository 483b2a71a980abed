import Hashing

/// One message in a file of the queue: its checksum, a space, its JSON, a line feed.
///
/// ```
/// 0                8   9
/// | CRC-32C in hex |' '| JSON without a line feed | '\n' |
/// ```
package enum QueueLine {
    static func write(_ message: [UInt8], into out: inout [UInt8]) {
        let sum = message.withUnsafeBytes { CRC32C.of($0) }
        out.append(contentsOf: Hexadecimal.encode(sum.bigEndianBytes).utf8)
        out.append(0x20)
        out.append(contentsOf: message)
        out.append(0x0A)
    }

    /// Bytes beside the message.
    package static let overhead = 10

    /// The message of a line without its line feed; nil when the line does not bear its checksum.
    static func message(_ line: ArraySlice<UInt8>) -> [UInt8]? {
        guard line.count >= 9, line[line.startIndex + 8] == 0x20 else { return nil }
        let message = Array(line.dropFirst(9))
        let sum = message.withUnsafeBytes { CRC32C.of($0) }
        guard Hexadecimal.encode(sum.bigEndianBytes).utf8.elementsEqual(line.prefix(8)) else {
            return nil
        }
        return message
    }

    /// The ends of the whole lines in `bytes`, each behind its line feed.
    static func ends(in bytes: [UInt8]) -> [Int] {
        bytes.indices.filter { bytes[$0] == 0x0A }.map { $0 + 1 }
    }
}

extension UInt32 {
    var bigEndianBytes: [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: self >> $0) } }
}
