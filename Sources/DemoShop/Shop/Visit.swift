import JSONText

/// Plays one visit: page, products looked at, perhaps a login, perhaps an order.
struct Visit {
    var visitor: Visitor
    var random: SplitMix64
    private var browser: Browser
    private var clock: Int64
    private(set) var messages: [Message] = []

    private static let hour: Int64 = 3_600_000_000

    /// - Parameters:
    ///   - device: which of the visitor's browsers.
    ///   - start: true time, microseconds.
    init(_ visitor: Visitor, device: Int, start: Int64, random: SplitMix64) {
        self.visitor = visitor
        self.random = random
        clock = start
        let anonymousID = visitor.anonymousIDs[device % visitor.anonymousIDs.count]
        browser = Browser(anonymousID: anonymousID, choice: visitor.choice)
        switch visitor.role {
        case .slowClock: browser.skewMicroseconds = -5 * Self.hour
        case .sendsLate: browser.delayMicroseconds = 6 * Self.hour
        case .junkIdentifiers: browser.anonymousID = "00000000-0000-0000-0000-000000000000"
        default: break
        }
    }

    /// A first visit answers the banner; a customer who is back is logged in again.
    mutating func play(isFirst: Bool, buys: Bool) {
        page(path: "/", title: "Home")
        if isFirst, visitor.choice != nil { answerBanner() }
        var seen: [Product] = []
        let views = visitor.role == .bigSpender ? 4 : 1 + random.below(3)
        for _ in 0..<views { seen.append(look()) }
        guard buys, visitor.isCustomer else { return }
        let bought = visitor.role == .bigSpender ? Product.all[4] : random.pick(seen)
        track("Product Added", path: bought.path, bought.properties)
        logIn()
        order([bought])
    }

    /// What the visitor answered before no longer holds.
    mutating func withdrawAdvertising() {
        visitor.choice?.advertising = false
        browser.choice = visitor.choice
        answerBanner()
    }

    private mutating func answerBanner() {
        track("Segment Consent Preference Updated", path: "/privacy", [:])
    }

    private mutating func page(path: String, title: String) {
        send(
            "page", path: path,
            fields: [("properties", ["path": .string(path), "title": .string(title)])])
    }

    private mutating func look() -> Product {
        let product = random.pick(Product.all)
        page(path: product.path, title: product.name)
        track("Product Viewed", path: product.path, product.properties)
        return product
    }

    private mutating func logIn() {
        browser.userID =
            visitor.role == .junkIdentifiers && !visitor.isKnown ? "null" : visitor.userID
        visitor.isKnown = true
        send(
            "identify", path: "/login",
            fields: [
                (
                    "traits",
                    [
                        "email": .string(visitor.email), "first_name": .string(visitor.firstName),
                        "plan": .string(visitor.plan),
                    ]
                )
            ])
    }

    private mutating func order(_ products: [Product]) {
        let cents = products.reduce(0) { $0 + $1.cents }
        let shipping = 490
        track(
            "Order Completed", path: "/thanks",
            [
                "order_id": .string("o-\(visitor.number)-\(visitor.messageCount)"),
                "revenue": Money.json(cents), "shipping": Money.json(shipping),
                "total": Money.json(cents + shipping), "currency": "EUR",
                "products": .array(products.map(\.properties)),
            ])
    }

    private mutating func track(_ event: String, path: String, _ properties: JSONValue) {
        send("track", path: path, fields: [("event", .string(event)), ("properties", properties)])
    }

    private mutating func send(
        _ type: String, path: String, fields: [(key: String, value: JSONValue)]
    ) {
        let id = "shop-\(visitor.number)-\(visitor.messageCount)"
        visitor.messageCount += 1
        messages.append(browser.message(type, id: id, at: clock, path: path, fields: fields))
        clock += Int64(2_000_000 + random.below(40_000_000))
    }
}
