import CustomerModel
import Hashing
import Testing

@Suite struct `An identifier's value` {
    private func normalised(_ value: String, _ rule: Normalisation, country: String? = nil)
        -> String?
    {
        var out: [UInt8] = []
        let isOne = Array(value.utf8).withUnsafeBytes {
            IdentifierValue.normalise($0, rule, country: country, into: &out)
        }
        return isOne ? String(decoding: out, as: UTF8.self) : nil
    }

    @Test(arguments: [
        ("+49 (0)30 123 456", "49", "+4930123456"), ("030/123-456", "49", "+4930123456"),
        ("0049 30 123456", "49", "+4930123456"), ("00 49 30 123456", "49", "+4930123456"),
        ("(030) 123456", "49", "+4930123456"), ("0171.1234567", "49", "+491711234567"),
        // Another country's number keeps its own code.
        ("+1 415 555 2671", "49", "+14155552671"), ("1 415 555 2671", "1", "+14155552671"),
        ("(415) 555-2671", "1", "+14155552671"), ("8 912 345-67-89", "7", "+79123456789"),
        // Italy's zero is a part of the number.
        ("06 698 12345", "39", "+390669812345"),
        ("+123456", "49", nil), ("+1234567", "49", "+1234567"),
        ("+123456789012345", "49", "+123456789012345"), ("+1234567890123456", "49", nil),
        ("+0123456789", "49", nil), ("0 0 0", "49", nil), ("030 123456 ext 7", "49", nil),
        ("call me", "49", nil), ("+49+30123456", "49", nil), ("00+4930123456", "49", nil),
        ("", "49", nil), ("(0)30 123456", "49", "+4930123456"),
    ])
    func `I1: a phone number comes to E.164, or is none`(
        _ value: String, _ country: String, _ expected: String?
    ) {
        #expect(normalised(value, .phone, country: country) == expected)
        if let expected {
            #expect(normalised(expected, .phone, country: country) == expected, "twice is once")
        }
    }

    @Test func `I1: without a country only a number with its own code is one`() {
        #expect(normalised("+49 30 123456", .phone) == "+4930123456")
        #expect(normalised("030 123456", .phone) == nil)
        #expect(normalised(" Ada@Example.COM\n", .email) == "ada@example.com")
        #expect(normalised("ada@@example.com", .email) == nil)
        #expect(normalised(" AbC ", .lowercase) == "abc")
    }

    @Test(arguments: [
        ("00000000-0000-0000-0000-000000000000", true), ("", true), ("0", true), ("1-0", false),
    ])
    func `I4: a pattern blocks what it matches, as Segment's of zeroes and dashes`(
        _ value: String, _ isBlocked: Bool
    ) throws {
        let rules = [
            BlockedValue(type: "anonymous_id", match: .pattern(try BlockedPattern("^[0-]*$")))
        ]
        Array(value.utf8).withUnsafeBytes { bytes in
            #expect(
                IdentifierValue.isBlocked(type: "anonymous_id", value: bytes, by: rules)
                    == isBlocked)
            #expect(!IdentifierValue.isBlocked(type: "email", value: bytes, by: rules))
        }
    }

    @Test(
        arguments: [
            (.exactly("NULL"), "null", true), (.exactly("null"), "Null", true),
            (.exactly("null"), "nulls", false), (.prefix("test-"), "test-7", true),
            (.prefix("test-"), "a-test-7", false), (.suffix("@example.com"), "a@example.com", true),
            (.suffix("@example.com"), "a@example.com.org", false), (.allOf("0-"), "00-0", true),
            (.allOf("0-"), "00-1", false),
        ] as [(BlockedValue.Match, String, Bool)])
    func `I4: a value is blocked in any case, from its beginning, to its end, or of characters`(
        _ match: BlockedValue.Match, _ value: String, _ isBlocked: Bool
    ) {
        Array(value.utf8).withUnsafeBytes { bytes in
            #expect(
                IdentifierValue.isBlocked(
                    type: "user_id", value: bytes, by: [BlockedValue(type: nil, match: match)])
                    == isBlocked)
        }
    }
}

@Suite struct `An mpid` {
    private let key = SipKey(low: 1, high: 2)

    @Test func `I6: leads back to its profile, and no two are the same`() throws {
        var seen: Set<MPID> = []
        var ids = (0..<2000).flatMap { offset in
            (0..<3).map { ProfileID(offset: UInt64(offset), ordinal: UInt16($0 * 7)) }
        }
        ids.append(ProfileID(offset: 1 << 58 - 1, ordinal: 63))
        ids.append(ProfileID(offset: 3 << 44, ordinal: 0))
        for id in ids {
            let mpid = try #require(MPID(id, key: key))
            #expect(mpid.profile(key: key) == id)
            #expect(seen.insert(mpid).inserted)
        }
    }

    @Test func `I6: every number is somebody's, so that it is a permutation`() throws {
        for value in [Int64.min, -1, 0, 1, 4711, .max] {
            let profile = MPID(value).profile(key: key)
            #expect(MPID(profile, key: key)?.value == value)
        }
    }

    @Test func `I6: depends on the key, and has bounds`() {
        let id = ProfileID(offset: 1, ordinal: 1)
        #expect(MPID(id, key: key) != MPID(id, key: SipKey(low: 1, high: 3)))
        #expect(MPID(ProfileID(offset: 1 << 58, ordinal: 0), key: key) == nil)
        #expect(MPID(ProfileID(offset: 0, ordinal: 64), key: key) == nil)
    }
}
