import CustomerModel
import JSONText
import Testing

/// Damaged strings. A string has no checksum, so a flipped bit may well be another valid string; what is
/// held against it is a second reading of the same damaged text, as slow and plain as can be, that shares
/// nothing with the decoder: nothing is granted that it does not grant.
@Suite struct `A damaged consent string` {
    static let seed: UInt64 = 2_026_11_25

    static let tcStrings = [
        "CQhDnIAQhDnIAEsAEBENCWFsAP_gAEPAAAqIF5wAwABQAGAAkBeYAGIAQAgkAKABgAMAAeHAAQF5gAAA"
            + ".IF5wAoAAgAYAvMAA",
        "CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA.YAAAAAAAAAAA",
        TCFPermissionBase.text,
    ]

    static let gppStrings = [
        "DBACNY~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YYN",
        "DBABLA~BVVVkkkkkpFY.YA", "DBABLA~BVQqAAAAAgA.QA",
        GPPContent(sections: [(6, "1YYN"), (8, "BVWSSSVY.YA"), (9, "BVWSSVY"), (26, "BA")]).text(),
    ]

    @Test func `grants nothing that a plain second reading does not (60,000 TC strings)`() {
        var random = SeededBits(seed: Self.seed)
        var read = 0
        var granted = 0
        for round in 0..<60_000 {
            let text = random.damage(Self.tcStrings[round % Self.tcStrings.count])
            guard let string = decoded({ try TCString(text) }) else { continue }
            read += 1
            let plain = PlainTC(text)
            for vendor in [1, 2, 6, 7, 8, 12, 755] as [UInt16] {
                for basis in [TCFBasis.consent, .legitimateInterest] {
                    let ours = string.permitted(vendor, on: basis).ids
                    let theirs = plain.permitted(Int(vendor), onConsent: basis == .consent)
                    granted += ours.count
                    if ours != theirs {
                        let place = "seed \(Self.seed), round \(round), vendor \(vendor)"
                        Issue.record("\(place): \(ours), not \(theirs) in \(text)")
                    }
                }
            }
        }
        #expect(read > 15_000, "\(read) strings were read")
        #expect(granted > 100_000, "\(granted) purposes were granted")
    }

    @Test func `takes away no less than a plain second reading does (40,000 GPP strings)`() {
        var random = SeededBits(seed: Self.seed + 1)
        var read = 0
        var optedOut = 0
        for round in 0..<40_000 {
            let text = random.damage(Self.gppStrings[round % Self.gppStrings.count])
            guard let string = decoded({ try GPPString(text) }) else { continue }
            read += 1
            let sale = string.optOuts.sale
            if sale == .optedOut { optedOut += 1 }
            let isTold = PlainGPP.optedOutOfSale(text, ids: string.sectionIDs)
            if isTold != (sale == .optedOut) {
                Issue.record("seed \(Self.seed + 1), round \(round): \(sale) in \(text)")
            }
        }
        #expect(read > 4_000, "\(read) strings were read")
        #expect(optedOut > 3_000, "\(optedOut) opted out")
    }

    @Test func `that was cut anywhere grants no more than the whole`() throws {
        var random = SeededBits(seed: Self.seed + 2)
        var texts = Self.tcStrings
        for _ in 0..<200 {
            var content = TCContent.random(&random)
            // Strings that must say who was disclosed; without that segment they permit nothing.
            content.policy = 5
            content.disclosed = .random(&random)
            texts.append(content.text())
        }
        for text in texts {
            let whole = try TCString(text)
            for length in 0..<text.utf8.count {
                guard let cut = decoded({ try TCString(String(text.prefix(length))) }) else {
                    continue
                }
                for vendor in 1...40 as ClosedRange<UInt16> {
                    for basis in [TCFBasis.consent, .legitimateInterest] {
                        #expect(
                            whole.permitted(vendor, on: basis)
                                .isSuperset(of: cut.permitted(vendor, on: basis)),
                            "the first \(length) of \(text)")
                    }
                }
            }
        }
    }

    @Test func `that lost the end of a US section is refused, or takes away the same`() throws {
        for text in Self.gppStrings[1...2] {
            let core = String(text.prefix { $0 != "." })
            let whole = try GPPString(core).optOuts
            for length in 0..<core.utf8.count {
                // A national section cut by one or two characters is one of the older form.
                guard let cut = decoded({ try GPPString(String(core.prefix(length))) }) else {
                    continue
                }
                #expect(
                    cut.optOuts == whole && length >= core.utf8.count - 2, "\(length) of \(core)")
            }
        }
    }

    @Test func `holding any byte at any place is read or refused`() throws {
        // The last GPP string has a section that nobody reads, which may hold anything.
        for text in Self.tcStrings + Self.gppStrings.dropLast() + ["1YNN"] {
            let bytes = Array(text.utf8)
            for place in bytes.indices {
                for byte in UInt8.min...UInt8.max {
                    var changed = bytes
                    changed[place] = byte
                    let isInAlphabet = byte.isConsentCharacter
                    let wasRead = changed.withUnsafeBytes { bytes in
                        decoded { try PrivacyString(decoding: bytes) } != nil
                    }
                    #expect(isInAlphabet || !wasRead, "byte \(byte) at \(place) of \(text)")
                }
            }
        }
    }

    private func decoded<R>(_ read: () throws -> R) -> R? {
        do {
            return try read()
        } catch {
            return nil
        }
    }
}

enum TCFPermissionBase {
    /// A string with something of everything.
    static let text: String = {
        var content = TCContent()
        content.consents = [1, 2, 3, 4, 7, 8]
        content.interests = [2, 7, 8, 9, 10]
        content.vendors = .init(
            ids: [1, 2, 7, 8, 12], maximum: 12, ranges: [1...2, 7...8, 12...12])
        content.vendorInterests = .init(ids: [1, 7, 12], maximum: 12)
        content.disclosed = .init(ids: [1, 2, 7, 8], maximum: 9)
        content.restrictions = [
            .init(purpose: 2, kind: 1, ranges: [1...1]),
            .init(purpose: 7, kind: 0, ranges: [7...9]),
            .init(purpose: 8, kind: 2, ranges: [2...2, 8...8]),
        ]
        return content.text()
    }()
}

extension UInt8 {
    /// Whether a consent string may hold it anywhere; some only at its end.
    fileprivate var isConsentCharacter: Bool {
        (0x30...0x39).contains(self) || (0x41...0x5A).contains(self)
            || (0x61...0x7A).contains(self) || [0x2D, 0x5F, 0x2E, 0x7E, 0x3D].contains(self)
    }
}

extension SeededBits {
    private static let letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_..~=")

    /// One to three small changes.
    fileprivate mutating func damage(_ text: String) -> String {
        var letters = Array(text)
        for _ in 0...below(3) {
            guard !letters.isEmpty else { break }
            let place = below(letters.count)
            switch below(12) {
            case 0...7: letters[place] = Self.letters[below(Self.letters.count)]
            case 8: letters.remove(at: place)
            case 9: letters.insert(Self.letters[below(Self.letters.count)], at: place)
            case 10: letters.removeSubrange(place...)
            default:
                // A segment or section once more, or left out.
                var parts = String(letters).split(
                    separator: ".", omittingEmptySubsequences: false)
                let part = below(parts.count)
                if onceIn(2) { parts.append(parts[part]) } else { parts.remove(at: part) }
                letters = Array(parts.joined(separator: "."))
            }
        }
        return String(letters)
    }
}
