import EventLog
import Glibc

/// Makes event number `n` of a run of `people` persons: the same number, the same event.
///
/// Persons are drawn with a skew: the first has about 1,000 times the events of the middle one at a
/// million persons.
struct EventMaker: Sendable {
    static let eventKind: UInt8 = 1
    /// 2026-03-14T00:00:00Z in microseconds.
    static let day: Int64 = 1_773_446_400_000_000

    let corpus: Corpus
    let people: Int

    /// What each event adds to a digest that does not depend on the order.
    static func digest(ofLine line: UnsafeRawBufferPointer) -> UInt64 {
        // The last eight digits of the message id, in front of `"}}`.
        line.loadUnaligned(fromByteOffset: line.count - 11, as: UInt64.self)
    }

    func person(of number: Int) -> Int {
        let draw = Double(SplitMix.mixed(UInt64(number) ^ 0xA5A5) >> 11) / Double(1 << 53)
        return min(people - 1, Int(Double(people) * draw * draw))
    }

    /// The text of a person's user id.
    static func userID(_ person: Int) -> String {
        var digits = [UInt8](repeating: 0, count: 9)
        digits.withUnsafeMutableBytes { write(userID: person, at: $0.baseAddress!) }
        return String(decoding: digits, as: UTF8.self)
    }

    /// The drafts of the events of these numbers, as one request of a client brought them.
    func drafts(_ numbers: some Sequence<Int>, for log: EventLog) -> [RecordDraft] {
        numbers.map { draft($0, for: log) }
    }

    func draft(_ number: Int, for log: EventLog) -> RecordDraft {
        // In place: every thread reads the templates, and counting references to them would make the
        // threads wait for each other.
        corpus.templates.withUnsafeBufferPointer { templates in
            let choice = SplitMix.mixed(UInt64(number)) % UInt64(templates.count)
            return draft(number, from: templates.baseAddress! + Int(choice), for: log)
        }
    }

    private func draft(
        _ number: Int, from template: UnsafePointer<Corpus.Template>, for log: EventLog
    ) -> RecordDraft {
        let person = person(of: number)
        var keys: [UInt64] = []
        keys.reserveCapacity(4)
        let size = template.pointee.tail.count
        let tail = [UInt8](unsafeUninitializedCapacity: size) { room, count in
            let bytes = UnsafeMutableRawBufferPointer(room)
            template.pointee.tail.withUnsafeBytes { bytes.copyMemory(from: $0) }
            for place in template.pointee.holes.indices {
                let hole = template.pointee.holes[place]
                fill(hole.hole, at: bytes.baseAddress! + hole.place, number, person, log, &keys)
            }
            count = size
        }
        return RecordDraft(
            kind: Self.eventKind, source: template.pointee.source, name: template.pointee.name,
            occurred: Self.day + Int64(number) * 1000, keys: keys, tail: tail)
    }

    @inline(__always)
    private func fill(
        _ hole: Corpus.Hole, at place: UnsafeMutableRawPointer, _ number: Int, _ person: Int,
        _ log: EventLog, _ keys: inout [UInt64]
    ) {
        Self.fill(hole, at: place, number, person)
        guard let name = hole.keyName else { return }
        let filled = UnsafeRawBufferPointer(start: place, count: hole.width)
        keys.append(log.keyHash(name, filled))
    }

    /// Fills one hole of the event of this number, which is about this person.
    @inline(__always)
    static func fill(
        _ hole: Corpus.Hole, at place: UnsafeMutableRawPointer, _ number: Int, _ person: Int
    ) {
        switch hole {
        case .messageID: write(uuid: UInt64(number) &* 2 &+ 1, at: place)
        case .anonymousID: write(uuid: UInt64(person) | 1 << 60, at: place)
        case .userID: write(userID: person, at: place)
        case .mailbox: write(mailbox: person, at: place)
        case .timestamp: write(milliseconds: number, digits: 3, at: place)
        case .sentAt: write(milliseconds: number / 100 * 100 + 900, digits: 3, at: place)
        case .received: write(milliseconds: number / 100 * 100 + 937, digits: 6, at: place)
        }
    }

    // MARK: Filling holes

    /// Two hexadecimal digits by the byte that they spell, as they stand in memory.
    private static let digits: [UInt16] = {
        let hex = Array("0123456789abcdef".utf8)
        return (0..<256).map { UInt16(hex[$0 >> 4]) | UInt16(hex[$0 & 15]) << 8 }
    }()

    private static func write(uuid seed: UInt64, at place: UnsafeMutableRawPointer) {
        var words = (SplitMix.mixed(seed), SplitMix.mixed(seed ^ 0x5555_5555_5555_5555))
        words.0 = words.0 & ~0xF000 | 0x4000
        words.1 = words.1 & ~(3 << 62) | 2 << 62
        digits.withUnsafeBufferPointer { digits in
            var at = place
            for byte in 0..<16 {
                if byte == 4 || byte == 6 || byte == 8 || byte == 10 {
                    at.storeBytes(of: UInt8(ascii: "-"), as: UInt8.self)
                    at += 1
                }
                let word = byte < 8 ? words.0 : words.1
                let value = Int(truncatingIfNeeded: word &>> UInt64(56 - byte % 8 * 8)) & 255
                at.storeBytes(of: digits[value].littleEndian, as: UInt16.self)
                at += 2
            }
        }
    }

    private static func write(userID person: Int, at place: UnsafeMutableRawPointer) {
        place.storeBytes(of: UInt8(ascii: "c"), as: UInt8.self)
        place.storeBytes(of: UInt8(ascii: "-"), toByteOffset: 1, as: UInt8.self)
        write(decimal: 1_000_000 + person, width: 7, at: place + 2)
    }

    private static func write(mailbox person: Int, at place: UnsafeMutableRawPointer) {
        var mixed = SplitMix.mixed(UInt64(person) ^ 0xE0E0)
        for letter in 0..<8 {
            place.storeBytes(
                of: UInt8(ascii: "a") + UInt8(mixed % 26), toByteOffset: letter, as: UInt8.self)
            mixed /= 26
        }
        write(decimal: person % 10_000, width: 4, at: place + 8)
    }

    private static func write(
        milliseconds number: Int, digits: Int, at place: UnsafeMutableRawPointer
    ) {
        let date = "2026-03-14T00:00:00.000000Z" as StaticString
        place.copyMemory(from: date.utf8Start, byteCount: 20 + digits)
        let inDay = number % 86_400_000
        write(decimal: inDay / 3_600_000, width: 2, at: place + 11)
        write(decimal: inDay / 60_000 % 60, width: 2, at: place + 14)
        write(decimal: inDay / 1000 % 60, width: 2, at: place + 17)
        write(decimal: inDay % 1000, width: 3, at: place + 20)
        if digits == 6 { write(decimal: number * 7919 % 1000, width: 3, at: place + 23) }
        place.storeBytes(of: UInt8(ascii: "Z"), toByteOffset: 20 + digits, as: UInt8.self)
    }

    private static func write(decimal value: Int, width: Int, at place: UnsafeMutableRawPointer) {
        var left = value
        for digit in (0..<width).reversed() {
            place.storeBytes(
                of: UInt8(ascii: "0") + UInt8(left % 10), toByteOffset: digit, as: UInt8.self)
            left /= 10
        }
    }
}
