import Delivery
import Testing

@Suite struct `An address` {
    @Test(arguments: [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255",
        "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255",
        "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255",
        "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255",
    ])
    func `of IPv4 is refused when it is private, local, shared, multicast or reserved`(
        _ text: String
    ) throws {
        #expect(try !#require(NetworkAddress(v4: text)).isPublic)
        let mapped = try #require(NetworkAddress(v6: "::ffff:\(text)"))
        #expect(!mapped.isPublic, "mapped into IPv6")
        let translated = try #require(NetworkAddress(v6: "64:ff9b::\(text)"))
        #expect(!translated.isPublic, "behind NAT64")
    }

    @Test(arguments: [
        "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "128.0.0.1", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
        "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
    ])
    func `of IPv4 is public next to those ranges`(_ text: String) throws {
        #expect(try #require(NetworkAddress(v4: text)).isPublic)
        #expect(try #require(NetworkAddress(v6: "::ffff:\(text)")).isPublic)
    }

    @Test(arguments: [
        "::", "::1", "::1.2.3.4", "fe80::1", "febf::1", "fec0::1", "fc00::1", "fdff::1", "ff02::1",
        "2001::1", "2001:1ff::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::", "3fff::1",
        "100::1", "64:ff9b:1::1", "4000::1",
    ])
    func `of IPv6 is refused when it is not global unicast of somebody`(_ text: String) throws {
        #expect(try !#require(NetworkAddress(v6: text)).isPublic)
    }

    @Test(arguments: [
        "2001:200::1", "2606:4700:4700::1111", "2a00:1450:4001::1", "2002:101:101::",
        "64:ff9b::1.1.1.1",
    ])
    func `of IPv6 is public otherwise`(_ text: String) throws {
        #expect(try #require(NetworkAddress(v6: text)).isPublic)
    }

    @Test func `has the text it was read from`() throws {
        #expect(try #require(NetworkAddress(v4: "10.1.2.3")).description == "10.1.2.3")
        #expect(try #require(NetworkAddress(v6: "2001:DB8::0:1")).description == "2001:db8::1")
        #expect(NetworkAddress(v4: "127.1") == nil)
        #expect(NetworkAddress(v4: "2130706433") == nil)
        #expect(NetworkAddress(v6: "fe80::1%eth0") == nil)
    }
}

@Suite struct `A webhook's URL` {
    @Test(arguments: [
        ("https://hooks.example.com/in?x=1", "hooks.example.com"),
        ("HTTP://Example.com", "Example.com"),
        ("http://127.0.0.1:8080/", "127.0.0.1"), ("https://[2606:4700::1]:443/x", "2606:4700::1"),
        ("https://a-b.example:65535", "a-b.example"),
    ])
    func `names its host`(_ text: String, _ host: String) throws {
        #expect(try WebhookURL(text).host == host)
    }

    @Test(arguments: [
        ("", "empty"), ("example.com/in", "no scheme"), ("ftp://example.com", "another scheme"),
        ("file:///etc/passwd", "a file"), ("https://", "no host"), ("https:///in", "no host"),
        ("https://user@example.com/", "a user"), ("https://a:b@example.com/", "a password"),
        ("https://example.com@127.0.0.1/", "a host as a user"),
        ("https://example.com\\@127.0.0.1/", "a backslash"),
        ("https://example.com/#x", "a fragment"),
        ("https://example.com#@127.0.0.1/", "a fragment in the host"),
        ("https://exa mple.com/", "a space"), ("https://ex\u{E4}mple.com/", "not ASCII"),
        ("https://example.com:0/", "port 0"), ("https://example.com:65536/", "a port too large"),
        ("https://example.com:+80/", "a signed port"), ("https://example.com:/", "no port"),
        ("https://[::1", "an open bracket"), ("https://[fe80::1%25eth0]/", "a zone"),
        ("https://[::1]x/", "text after the bracket"), ("https://ex%61mple.com/", "an escape"),
        ("https://example.com/\r\nx: y", "a line break"),
    ])
    func `is refused when two readers could disagree about it`(_ text: String, _ fault: String) {
        #expect(throws: LaneHold.self, "\(fault)") { try WebhookURL(text) }
    }
}
