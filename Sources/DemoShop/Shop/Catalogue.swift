import JSONText

/// What the shop sells.
struct Product {
    var id: String
    var name: String
    var category: String
    var cents: Int

    static let all = [
        Product(id: "p-101", name: "Oak Bookshelf", category: "Furniture", cents: 18_900),
        Product(id: "p-102", name: "Reading Lamp", category: "Lighting", cents: 4_950),
        Product(id: "p-103", name: "Wool Blanket", category: "Textiles", cents: 7_900),
        Product(id: "p-104", name: "Teapot", category: "Kitchen", cents: 2_450),
        Product(id: "p-105", name: "Walnut Desk", category: "Furniture", cents: 42_000),
        Product(id: "p-106", name: "Linen Curtain", category: "Textiles", cents: 3_990),
        Product(id: "p-107", name: "Paper Lantern", category: "Lighting", cents: 650),
        Product(id: "p-108", name: "Chopping Board", category: "Kitchen", cents: 1_890),
    ]

    /// As a track event's properties.
    var properties: JSONValue {
        [
            "product_id": .string(id), "name": .string(name), "category": .string(category),
            "price": Money.json(cents), "currency": "EUR",
        ]
    }

    var path: String { "/products/\(id)" }
}

/// Amounts are exact: cents here, two decimals on the wire.
enum Money {
    static func json(_ cents: Int) -> JSONValue {
        let rest = cents % 100
        return .number("\(cents / 100).\(rest < 10 ? "0" : "")\(rest)")
    }
}

/// Names for customers.
enum Names {
    static let first = [
        "Ada", "Ben", "Chiara", "Dmitri", "Elif", "Farah", "Goran", "Hanna", "Ines", "Jonas",
        "Kofi", "Lena", "Mateo", "Noor", "Olga", "Pavel", "Quinn", "Rosa", "Samir", "Tove",
    ]
    static let plans = ["basic", "basic", "basic", "silver", "gold"]
}
