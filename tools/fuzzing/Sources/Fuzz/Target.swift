import Foundation

/// A decoder, what it is fed at first, and what it has promised.
struct Target: Sendable {
    var name: String
    /// Bytes of a small real log, from which mutation begins.
    var seeds: @Sendable () throws -> [[UInt8]]
    /// Mutates what is inside a frame that blind mutation would only break; nil where there is none.
    var mutate: (@Sendable (inout [UInt8], inout Random) -> Void)?
    /// Makes checksums right, innermost first; leaves some wrong so that these paths are walked too.
    var repair: @Sendable (inout [UInt8], inout Random) -> Void = { _, _ in }
    /// Decodes any bytes, and traps when a promise is broken.
    var run: @Sendable ([UInt8]) -> Void

    static let all: [Target] = decoders + segments + logs + states
}

/// A promise was broken: libFuzzer keeps the input.
func broken(_ promise: @autoclosure () -> String) -> Never { fatalError(promise()) }

func require(_ holds: Bool, _ promise: @autoclosure () -> String) {
    if !holds { broken(promise()) }
}

/// SplitMix64, so that a mutation follows from the seed that libFuzzer gives.
struct Random {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x2545_F491_4F6C_DD1D &+ 1 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// 0..<`bound`.
    mutating func below(_ bound: Int) -> Int { bound > 1 ? Int(next() % UInt64(bound)) : 0 }
}

/// Puts into some place of some width an integer that tends to hurt.
enum FieldMutation {
    static func apply(to bytes: inout [UInt8], _ random: inout Random) {
        let width = [1, 2, 4, 8][random.below(4)]
        guard bytes.count >= width else { return }
        var place = random.below(bytes.count - width + 1)
        // Headers stand in front and trailers behind.
        switch random.below(4) {
        case 0: place = min(place, random.below(min(bytes.count - width + 1, 320)))
        case 1: place = bytes.count - width - random.below(min(bytes.count - width + 1, 640))
        default: break
        }
        let value = self.value(at: place, of: bytes, width, &random)
        for index in 0..<width {
            bytes[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
        }
    }

    private static func value(
        at place: Int, of bytes: [UInt8], _ width: Int, _ random: inout Random
    ) -> UInt64 {
        var old: UInt64 = 0
        for index in 0..<width { old |= UInt64(bytes[place + index]) << UInt64(index * 8) }
        switch random.below(10) {
        case 0: return 0
        case 1: return .max
        case 2: return UInt64.max >> 1  // the largest Int64
        case 3: return 1 << 63  // the smallest
        case 4: return old &+ 1
        case 5: return old &- 1
        case 6: return UInt64(bytes.count) &+ UInt64(random.below(33)) &- 16
        case 7: return 1 << UInt64(random.below(64))
        case 8: return UInt64(random.below(300))
        default: return 0 &- UInt64(random.below(300))
        }
    }
}

/// Memory behind which nothing may be read: the page after its end cannot be touched.
final class GuardedBytes {
    private let start: UnsafeMutableRawPointer
    private let length: Int
    /// The bytes, with `slack` readable ones (of another value each time) after them.
    let bytes: UnsafeMutableRawBufferPointer

    init(_ content: [UInt8], slack: Int = 0) {
        let page = 4096
        let room = (content.count + slack + page - 1) / page * page
        length = room + page
        guard
            let start = mmap(
                nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            start != MAP_FAILED, mprotect(start + room, page, PROT_NONE) == 0
        else { stop("no guarded memory") }
        self.start = start
        memset(start, 0xA5, room)
        bytes = UnsafeMutableRawBufferPointer(
            start: start + room - content.count - slack, count: content.count)
        bytes.copyBytes(from: content)
    }

    deinit { munmap(start, length) }

    var readable: UnsafeRawBufferPointer { UnsafeRawBufferPointer(bytes) }
}
