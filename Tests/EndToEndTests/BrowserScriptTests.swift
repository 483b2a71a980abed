import Foundation
import JSONText
import TestSupport
import Testing

/// `/sluice.js` in a real browser against a running server.
@Suite(.serialized, .enabled(if: Chromium.isInstalled, "\(Chromium.reason)"))
struct `The browser script` {
    @Test func `sends every call with what the page knows, in order, each once`() async throws {
        try await Browsing.with { browsing in
            try browsing.setPage(
                "shop.html",
                calls: """
                    sluice.consent({Advertising: true, Analytics: false});
                    sluice.identify("ada", {email: "ada@example.com"});
                    sluice.page("Cart", {items: 2});
                    sluice.track("Order Completed", {order_id: "o-1", revenue: 19.9});
                    sluice.group("acme", {plan: "pro"});
                    sluice.reset();
                    sluice.track("Looked Around");
                    """)
            try await browsing.open("shop.html?utm_source=news&utm_campaign=may", events: 6)
            let events = try await browsing.events()
            #expect(
                events.map { $0["body"]?["type"]?.string }
                    == ["track", "identify", "page", "track", "group", "track"])
            let bodies = events.compactMap { $0["body"] }
            #expect(bodies[0]["event"]?.string == "Segment Consent Preference Updated")
            for body in bodies {
                #expect(
                    body["context"]?["consent"]?["categoryPreferences"]
                        == ["Advertising": true, "Analytics": false])
                #expect(body["context"]?["library"]?["name"]?.string == "sluice.js")
                #expect(
                    body["context"]?["campaign"] == ["source": "news", "name": "may"])
                #expect(body["context"]?["page"]?["title"]?.string == "Shop")
            }
            #expect(bodies[1]["traits"] == ["email": "ada@example.com"])
            #expect(bodies[2]["name"]?.string == "Cart")
            #expect(bodies[2]["properties"]?["path"]?.string == "/shop.html")
            #expect(bodies[3]["properties"] == ["order_id": "o-1", "revenue": .number("19.9")])
            #expect(bodies[3]["userId"]?.string == "ada")
            #expect(bodies[4]["groupId"]?.string == "acme")
            #expect(bodies[5]["userId"] == nil && bodies[5]["context"]?["groupId"] == nil)
            #expect(bodies[5]["anonymousId"] != bodies[4]["anonymousId"])
            #expect(Set(bodies[0...4].compactMap { $0["anonymousId"]?.string }).count == 1)
            #expect(events.allSatisfy { $0["gpc"] == nil && $0["envelope"]?["gpc"] == nil })
        }
    }

    @Test func `keeps what it could not send, and the next page sends it`() async throws {
        try await Browsing.with { browsing in
            // The first page brings the script into the browser's cache.
            try browsing.setPage("first.html", calls: #"sluice.track("First");"#)
            try await browsing.open("first.html", events: 1)
            try await browsing.server.stop()
            // Chromium writes what pages stored to the disk within five seconds.
            try browsing.setPage(
                "offline.html",
                calls: """
                    sluice.track("Offline"); sluice.identify("ben");
                    setTimeout(() => fetch("/stayed"), 7000);
                    """)
            try await browsing.browser.open("offline.html", until: "it is on the disk") {
                try browsing.browser.wasAsked("/stayed")
            }
            try await browsing.server.start()
            try browsing.setPage("later.html", calls: #"sluice.track("Later");"#)
            try await browsing.open("later.html", events: 4)
            let names = try await browsing.events().map { event in
                event["body"]?["event"]?.string ?? event["body"]?["type"]?.string
            }
            #expect(names == ["First", "Offline", "identify", "Later"])
        }
    }

    @Test func `a page that is left at once has said everything, and nothing twice`() async throws {
        try await Browsing.with { browsing in
            try browsing.setPage("next.html", calls: #"sluice.track("Arrived");"#)
            try browsing.setPage(
                "leaving.html",
                calls: #"sluice.track("Clicked Away"); location.href = "next.html";"#)
            try await browsing.open("leaving.html", events: 2)
            let names = try await browsing.events().compactMap { $0["body"]?["event"]?.string }
            #expect(names.sorted() == ["Arrived", "Clicked Away"])
        }
    }

    @Test func `says GPC, and collects nothing under Do Not Track`() async throws {
        try await Browsing.with { browsing in
            try browsing.setPage(
                "gpc.html", before: "globalPrivacyControl: true", calls: #"sluice.track("Seen");"#)
            try await browsing.open("gpc.html", events: 1)
            #expect(try await browsing.events()[0]["gpc"] == true)
            try browsing.setPage(
                "dnt.html", before: #"doNotTrack: "1""#,
                calls: #"sluice.track("Unseen"); sluice.flush();"#)
            try await browsing.browser.open("dnt.html", until: "the page has run") {
                try browsing.browser.wasAsked("/ran-dnt.html")
            }
            // Whatever it had kept would come with this page.
            try browsing.setPage("plain.html", calls: #"sluice.track("Seen Again");"#)
            try await browsing.open("plain.html", events: 2)
            let names = try await browsing.events().compactMap { $0["body"]?["event"]?.string }
            #expect(names == ["Seen", "Seen Again"])
        }
    }
}

@Suite struct `The served script` {
    @Test func `is under 6 kB packed, and comes unpacked to who cannot unpack`() async throws {
        let directory = try TemporaryDirectory()
        let server = try SluiceServer(in: directory)
        try await server.start()
        defer { server.kill() }
        // By curl, which unpacks nothing unless it is asked.
        func fetch(_ accepted: String) async throws -> [UInt8] {
            let curl = try ChildProcess(
                "/usr/bin/curl",
                [
                    "-sf", "-H", "Accept-Encoding: \(accepted)", "-o", directory(accepted),
                    "http://127.0.0.1:\(server.port)/sluice.js",
                ], outputPath: directory("curl.log"))
            #expect(try await curl.ended() == .code(0))
            return Array(try #require(FileManager.default.contents(atPath: directory(accepted))))
        }
        let plain = try await fetch("identity")
        let packed = try await fetch("br, gzip")
        #expect(String(decoding: plain, as: UTF8.self).contains("sendBeacon"))
        #expect(packed.starts(with: [0x1F, 0x8B]))
        #expect(packed.count < 6_000, "\(packed.count) bytes")
        #expect(try await fetch("gzip;q=0") == plain)
    }
}

/// A server, a browser and pages with the tag.
private struct Browsing {
    let server: SluiceServer
    let browser: Chromium
    let key: String

    static func with(_ body: (Browsing) async throws -> Void) async throws {
        let directory = try TemporaryDirectory()
        let server = try SluiceServer(in: directory)
        try await server.start()
        defer { server.kill() }
        let made = try await server.ask("key", "create", "web")
        let browser = try await Chromium(in: directory)
        defer { browser.stop() }
        try await body(
            Browsing(server: server, browser: browser, key: try #require(made["key"]?.string)))
    }

    /// Adds a page that makes these calls as soon as it is read, and then says so.
    ///
    /// - Parameter before: what the browser's `navigator` says of itself.
    func setPage(_ name: String, before: String = "", calls: String) throws {
        let name = String(name.prefix { $0 != "?" })
        try browser.setPage(
            name,
            """
            <!doctype html><title>Shop</title>
            <script>
            Object.entries({\(before)}).forEach(([name, value]) =>
              Object.defineProperty(navigator, name, {get: () => value}));
            </script>
            <script src="http://127.0.0.1:\(server.port)/sluice.js" data-write-key="\(key)"></script>
            <script>
            \(calls)
            fetch("/ran-\(name)");
            </script>
            """)
    }

    func events() async throws -> [JSONValue] {
        try await server.logLines().filter { $0["kind"]?.string == "event" }
    }

    /// Opens a page and stays until the log holds that many events, and a moment more for one too many.
    func open(_ page: String, events count: Int) async throws {
        try await browser.open(page, until: "\(count) events") {
            try await events().count >= count
        }
        #expect(try await events().count == count)
    }
}
