import Foundation

/// Makes a corpus from the real data sets and captured requests where they are there, else from word
/// lists. The same inputs make the same corpus.
struct CorpusBuilder {
    private static let templateCount = 4096

    /// A thing of the shop.
    struct Product {
        var sku: String
        var name: String
        var price: String
        var quantity: String
        var country: String
    }

    private var random = SplitMix(state: 20_260_314)
    private var templates: [Corpus.Template] = []

    static func build(from inputs: String) throws -> Corpus {
        var builder = CorpusBuilder()
        let files = FileManager.default
        let shop = inputs + "/data/online_retail.csv.gz"
        let edits = inputs + "/data/wiki_edits_2015-09-12.ndjson.gz"
        let captures = inputs + "/captures/segment"
        guard files.fileExists(atPath: shop), files.fileExists(atPath: edits),
            files.fileExists(atPath: captures)
        else {
            try builder.add(products: Self.madeUpProducts(), count: templateCount)
            return Corpus(
                templates: builder.templates,
                origin: "SYNTHETIC events from word lists, since the real inputs are not there")
        }
        try builder.addCaptured(captures)
        let captured = builder.templates.count
        try builder.addEdits(edits, count: templateCount / 3)
        try builder.add(
            products: try Self.products(shop), count: templateCount - builder.templates.count)
        return Corpus(
            templates: builder.templates,
            origin: "real order lines, real page edits and \(captured) captured SDK messages, "
                + "with ids, addresses and times made anew for each event")
    }

    // MARK: A shop's events

    private mutating func add(products: [Product], count: Int) throws {
        for number in 0..<count {
            if number % 3 == 0 {
                try addOrder(products)
            } else {
                try addView(products[random.below(products.count)])
            }
        }
    }

    private mutating func addOrder(_ products: [Product]) throws {
        let first = random.below(products.count - 4)
        let lines = products[first..<first + 1 + random.below(3)]
        let list = lines.map { product in
            "{\"product_id\":\(quoted(product.sku)),\"sku\":\(quoted(product.sku)),"
                + "\"name\":\(quoted(product.name)),\"price\":\(product.price),"
                + "\"quantity\":\(product.quantity),\"category\":\"Gifts\"}"
        }
        let total = 1 + random.below(30_000)
        let order = 536_365 + random.below(45_000)
        try add(
            source: "web", name: "Order Completed",
            body: "\"integrations\":{},\"anonymousId\":\"\(Corpus.Hole.anonymousID.text)\","
                + "\"properties\":{\"checkout_id\":\"chk-\(order)\",\"order_id\":\"\(order)\","
                + "\"affiliation\":\"Store\",\"total\":\(Double(total) / 100),"
                + "\"revenue\":\(Double(total * 5 / 6) / 100),\"shipping\":3,\"currency\":\"GBP\","
                + "\"products\":[\(list.joined(separator: ","))]},"
                + "\"timestamp\":\"\(Corpus.Hole.timestamp.text)\",\"context\":{\"library\":"
                + "{\"name\":\"analytics-python\",\"version\":\"2.4.0\"},\"traits\":{\"email\":"
                + "\"\(Corpus.Hole.mailbox.text)@example.com\"},\"location\":{\"country\":"
                + "\(quoted(lines.first?.country ?? ""))}},\"userId\":\"\(Corpus.Hole.userID.text)\","
                + "\"type\":\"track\",\"event\":\"Order Completed\"")
    }

    private mutating func addView(_ product: Product) throws {
        let path = "/products/" + product.name.lowercased().map { $0.isLetter ? $0 : "-" }
        let isApp = random.below(4) == 0
        let agent = Self.agents[random.below(Self.agents.count)]
        let locale = Self.locales[random.below(Self.locales.count)]
        let campaign = Self.campaigns[random.below(Self.campaigns.count)]
        let isPage = random.below(2) == 0
        // Half of the visitors are logged in.
        let user = random.below(2) == 0 ? ",\"userId\":\"\(Corpus.Hole.userID.text)\"" : ""
        try add(
            source: isApp ? "app" : "web", name: isPage ? "Product" : "Product Viewed",
            body: "\"anonymousId\":\"\(Corpus.Hole.anonymousID.text)\",\"channel\":\"browser\","
                + "\"context\":{\"ip\":\"203.0.113.\(random.below(256))\",\"userAgent\":\(quoted(agent)),"
                + "\"locale\":\"\(locale)\",\"campaign\":\(campaign),\"page\":{\"path\":\(quoted(path)),"
                + "\"referrer\":\"https://shop.example.com/\",\"search\":\"\",\"title\":"
                + "\(quoted(product.name)),\"url\":\(quoted("https://shop.example.com" + path))},"
                + "\"library\":{\"name\":\"analytics.js\",\"version\":\"next-1.81.0\"}},"
                + (isPage ? "\"name\":\"Product\"," : "\"event\":\"Product Viewed\",")
                + "\"properties\":{\"sku\":\(quoted(product.sku)),\"name\":\(quoted(product.name)),"
                + "\"price\":\(product.price),\"currency\":\"GBP\"},"
                + "\"timestamp\":\"\(Corpus.Hole.timestamp.text)\","
                + "\"type\":\"\(isPage ? "page" : "track")\"\(user)")
    }

    private static func products(_ path: String) throws -> [Product] {
        let data = try Programs.output(of: "gzip", ["-dc", path])
        let step = 97
        return data.split(separator: 0x0A).dropFirst().enumerated().compactMap { number, line in
            // Lines with quotes hold commas; the rest is plenty.
            guard number % step < 4, !line.contains(UInt8(ascii: "\"")) else { return nil }
            let fields = line.split(separator: 0x2C, omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
            guard fields.count == 8, !fields[2].isEmpty, Int(fields[3]) != nil else { return nil }
            return Product(
                sku: fields[1], name: fields[2].trimmingCharacters(in: .whitespaces),
                price: fields[5], quantity: fields[3], country: fields[7])
        }
    }

    private static func madeUpProducts() -> [Product] {
        var random = SplitMix(state: 7)
        return (0..<4000).map { number in
            let words = (0..<4).map { _ in Self.words[random.below(Self.words.count)] }
            return Product(
                sku: "\(20_000 + number)", name: words.joined(separator: " "),
                price: "\(random.below(40)).\(10 + random.below(90))",
                quantity: "\(1 + random.below(12))", country: "United Kingdom")
        }
    }

    // MARK: Edits

    private mutating func addEdits(_ path: String, count: Int) throws {
        let rows = try Programs.output(of: "gzip", ["-dc", path]).split(separator: 0x0A)
        let step = max(1, rows.count / count)
        for place in stride(from: 0, to: step * count, by: step) where place < rows.count {
            let row = String(decoding: rows[place], as: UTF8.self)
            guard let page = row.range(of: "\"page\":"),
                let ids = row.range(of: ",\"anonymousId\""),
                let flags = row.range(of: "\"isAnonymous\""),
                let channel = row.range(of: "\"channel\":")
            else { throw BenchError("a row of the edits is not as expected") }
            // A row has one of the two.
            let isAnonymous = row.contains("\"isAnonymous\":true")
            let (anonymous, user) =
                isAnonymous
                ? ("\"\(Corpus.Hole.anonymousID.text)\"", "null")
                : ("null", "\"\(Corpus.Hole.userID.text)\"")
            try add(
                source: "wiki", name: "Page Edited",
                body: "\"integrations\":{},\"anonymousId\":\(anonymous),"
                    + "\"properties\":{\(row[channel.lowerBound..<page.lowerBound])"
                    + "\(row[page.lowerBound..<ids.lowerBound]),\(row[flags.lowerBound...].dropLast())},"
                    + "\"timestamp\":\"\(Corpus.Hole.timestamp.text)\",\"context\":{\"library\":"
                    + "{\"name\":\"analytics-python\",\"version\":\"2.4.0\"}},"
                    + "\"userId\":\(user),\"type\":\"track\","
                    + "\"event\":\"Page Edited\"")
        }
    }

    // MARK: Captured messages

    private mutating func addCaptured(_ folder: String) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        for name in names where name.hasSuffix(".json") {
            let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
            guard let file = try JSONSerialization.jsonObject(with: data) as? [String: Any],
                let body = file["body"] as? [String: Any],
                let items = body["batch"] as? [[String: Any]]
            else { continue }
            // The large ones are padding.
            for item in items.prefix(8) {
                var item = item
                item["messageId"] = nil
                if item["anonymousId"] is String {
                    item["anonymousId"] = Corpus.Hole.anonymousID.text
                }
                if item["userId"] is String { item["userId"] = Corpus.Hole.userID.text }
                item["timestamp"] = Corpus.Hole.timestamp.text
                let text = try JSONSerialization.data(
                    withJSONObject: item, options: [.sortedKeys, .withoutEscapingSlashes])
                guard text.count < 2000 else { continue }
                var body = String(decoding: text.dropFirst().dropLast(), as: UTF8.self)
                // The serializer escapes the holes; put them back.
                for hole in Corpus.Hole.allCases {
                    let escaped = String(format: "\\u%04x", Int(hole.rawValue))
                    body = body.replacingOccurrences(
                        of: String(repeating: escaped, count: hole.width), with: hole.text)
                }
                let name = item["event"] as? String ?? item["name"] as? String ?? "<identify>"
                try add(source: "server", name: name, body: body)
            }
        }
    }

    // MARK: The envelope

    /// The message id stands last, as the captured SDK writes it.
    private mutating func add(source: String, name: String, body: String) throws {
        let tail =
            "\"kind\":\"event\",\"source\":\"\(source)\",\"received\":\"\(Corpus.Hole.received.text)\","
            + "\"changed\":[],\"sentAt\":\"\(Corpus.Hole.sentAt.text)\",\"body\":{\(body),"
            + "\"messageId\":\"\(Corpus.Hole.messageID.text)\"}}"
        templates.append(
            try Corpus.Template(
                source: source, name: name.replacingOccurrences(of: "\t", with: " "),
                tail: Array(tail.utf8)))
    }

    private func quoted(_ text: String) -> String {
        let escaped = text.flatMap { character -> String in
            switch character {
            case "\"": "\\\""
            case "\\": "\\\\"
            case _ where character.asciiValue.map { $0 < 0x20 } ?? false: " "
            default: String(character)
            }
        }
        return "\"\(String(escaped))\""
    }

    private static let agents = [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            + "Chrome/126.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
            + "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
        "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) "
            + "Chrome/125.0.0.0 Mobile Safari/537.36",
    ]
    private static let locales = ["en-GB", "de-DE", "fr-FR", "en-US", "nl-NL"]
    private static let campaigns = [
        "{}", "{\"name\":\"spring\",\"source\":\"news\",\"medium\":\"email\"}",
        "{\"name\":\"brand\",\"source\":\"search\",\"medium\":\"cpc\",\"term\":\"gifts\"}",
    ]
    private static let words = [
        "WHITE", "HANGING", "HEART", "LANTERN", "METAL", "CREAM", "COAT", "HANGER", "KNITTED",
        "FLAG", "BOTTLE", "RED", "WOOLLY", "GLASS", "STAR", "FROSTED", "HAND", "WARMER", "JIGSAW",
        "BLOCKS", "VINTAGE", "PAISLEY", "RETRO", "SPOT", "BIRD", "BOX", "PANTRY", "CAKE", "TINS",
    ]
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mixed(state)
    }

    /// A number below `bound`.
    mutating func below(_ bound: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
