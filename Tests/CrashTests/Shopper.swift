import JSONText

/// What may become of an event at the destinations.
enum Fate {
    /// Allowed, and nothing takes it back.
    case arrives
    /// Allowed when it came; a withdrawal that came later may have cancelled it (E6).
    case mayArrive
    /// Withheld: denied, never asked, or withdrawn before.
    case never
}

/// One event and what must become of it.
struct Planned {
    var id: String
    var fate: Fate
    var json: JSONValue
}

/// Makes the events of one client's people, in order. Everything follows from the client's number.
///
/// Per client: one who agrees, one who refuses, one who was never asked, and one after the other
/// who agree, order twelve times, take it back, and order twelve times more without saying anything
/// about consent.
struct Shopper {
    private let client: Int
    private var count = 0
    private var withdrawing = 0

    private static let ordersBeforeWithdrawal = 12

    init(client: Int) { self.client = client }

    mutating func next() -> Planned {
        defer { count += 1 }
        switch count % 4 {
        case 0: return order(of: "agrees", .arrives, advertising: true)
        case 1: return order(of: "refuses", .never, advertising: false)
        case 2: return order(of: "unasked", .never, advertising: nil)
        default: return withdrawal()
        }
    }

    private mutating func withdrawal() -> Planned {
        let step = withdrawing % (2 * Self.ordersBeforeWithdrawal + 1)
        let person = "withdraws-\(withdrawing / (2 * Self.ordersBeforeWithdrawal + 1))"
        withdrawing += 1
        if step < Self.ordersBeforeWithdrawal {
            return order(of: person, .mayArrive, advertising: true)
        }
        if step > Self.ordersBeforeWithdrawal {
            return order(of: person, .never, advertising: nil)
        }
        return make(
            "Segment Consent Preference Updated", of: person, .never, advertising: false)
    }

    private func order(of person: String, _ fate: Fate, advertising: Bool?) -> Planned {
        make("Order Completed", of: person, fate, advertising: advertising)
    }

    private func make(
        _ event: String, of person: String, _ fate: Fate, advertising: Bool?
    ) -> Planned {
        let id = "m-\(client)-\(count)"
        var members: [(key: String, value: JSONValue)] = [
            ("type", "track"), ("messageId", .string(id)),
            ("userId", .string("\(person)-of-\(client)")), ("event", .string(event)),
            ("properties", ["order_id": .string("o-" + id), "note": "stays here"]),
        ]
        if let advertising {
            members.append(
                (
                    "context",
                    ["consent": ["categoryPreferences": ["Advertising": .bool(advertising)]]]
                )
            )
        }
        return Planned(id: id, fate: fate, json: .object(JSONObject(members)))
    }
}
