import Delivery
import Foundation
import Hashing
import Testing

@Suite struct `A webhook signature` {
    @Test func `is that of the published vector`() throws {
        let key = try #require(WebhookKey(secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        let signature = key.signature(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330,
            body: Array(#"{"test": 2432232314}"#.utf8))
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test(arguments: [
        ("", "nothing"),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "no prefix"),
        ("whsec_", "no key"),
        ("whsec_" + Base64.encode([UInt8](repeating: 1, count: 23)), "23 bytes"),
        ("whsec_" + Base64.encode([UInt8](repeating: 1, count: 65)), "65 bytes"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!!", "no Base64"),
    ])
    func `is not made with anything but 24 to 64 bytes`(_ secret: String, _ fault: String) {
        #expect(WebhookKey(secret: secret) == nil, "\(fault)")
    }

    @Test(arguments: [24, 64])
    func `is made with the shortest and the longest key`(_ count: Int) {
        let secret = "whsec_" + Base64.encode([UInt8](repeating: 7, count: count))
        #expect(WebhookKey(secret: secret) != nil)
    }

    @Test func `never shows its key`() throws {
        let key = try #require(WebhookKey(secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        #expect(!"\(key)".contains("MfKQ"))
    }
}

/// HMAC-SHA-256 put together by hand (RFC 2104), to check signatures with other means than made them.
enum IndependentSignature {
    static func of(id: String, timestamp: String, body: [UInt8], secret: String) throws -> String {
        let key = try #require(Data(base64Encoded: String(secret.dropFirst(6))))
        var block = Array(key)
        block += [UInt8](repeating: 0, count: 64 - block.count)
        let message = Array("\(id).\(timestamp).".utf8) + body
        let inner = Hashing.SHA256.of(block.map { $0 ^ 0x36 } + message).bytes
        let outer = Hashing.SHA256.of(block.map { $0 ^ 0x5C } + inner).bytes
        return "v1," + Data(outer).base64EncodedString()
    }
}
