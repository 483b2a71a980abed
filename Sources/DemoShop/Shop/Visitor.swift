/// What somebody answered to the shop's consent banner.
struct Choice: Equatable {
    var analytics: Bool
    var advertising: Bool

    static let everything = Choice(analytics: true, advertising: true)
    static let analyticsOnly = Choice(analytics: true, advertising: false)
    static let nothing = Choice(analytics: false, advertising: false)
}

/// One person who comes to the shop.
struct Visitor {
    /// What there is to see in them.
    enum Role: Equatable {
        case ordinary
        /// Buys for more than the audience `big_spenders` asks for.
        case bigSpender
        /// Uses the same tablet as the visitor before.
        case sharesDevice
        /// Orders with the same e-mail address as the visitor before.
        case sharesEmail
        /// Their consent banner never showed: nothing is known.
        case neverAsked
        /// Takes consent to advertising back half way.
        case withdraws
        /// A broken script sends identifiers that are nobody's.
        case junkIdentifiers
        /// Their device's clock is hours behind.
        case slowClock
        /// Their phone sends hours later, from the train.
        case sendsLate
    }

    var number: Int
    var role: Role
    var userID: String
    var email: String
    var firstName: String
    var plan: String
    /// The browsers they use, one after the other.
    var anonymousIDs: [String]
    /// Nil when nobody has asked them yet.
    var choice: Choice?
    /// Whether they have an account. The others never log in.
    var isCustomer: Bool
    /// Whether they have logged in by now.
    var isKnown = false
    var messageCount = 0

    /// The first people have these roles, in order, so that every run shows every one of them.
    static let roles: [Role] = [
        .bigSpender, .ordinary, .sharesDevice, .ordinary, .sharesEmail, .neverAsked, .withdraws,
        .junkIdentifiers, .slowClock, .sendsLate,
    ]

    static func make(_ number: Int, after previous: Visitor?, random: inout SplitMix64) -> Visitor {
        let role = number < roles.count ? roles[number] : .ordinary
        let name = Names.first[number % Names.first.count]
        let email = "\(name.lowercased())\(number)@example.com"
        var visitor = Visitor(
            number: number, role: role, userID: "c-\(1000 + number)", email: email,
            firstName: name, plan: random.pick(Names.plans),
            anonymousIDs: [random.uuid(), random.uuid()], choice: choice(random: &random),
            isCustomer: role != .ordinary || random.chance(60))
        switch role {
        case .bigSpender, .withdraws: visitor.choice = .everything
        case .neverAsked: visitor.choice = nil
        case .sharesDevice:
            if let previous { visitor.anonymousIDs = previous.anonymousIDs }
        case .sharesEmail:
            if let previous { visitor.email = previous.email }
        case .ordinary, .junkIdentifiers, .slowClock, .sendsLate: break
        }
        // Somebody who shares something needs somebody to share it with.
        if number + 1 < roles.count, [.sharesDevice, .sharesEmail].contains(roles[number + 1]) {
            visitor.isCustomer = true
        }
        return visitor
    }

    private static func choice(random: inout SplitMix64) -> Choice? {
        switch random.below(10) {
        case 0...4: .everything
        case 5...6: .analyticsOnly
        case 7...8: .nothing
        default: nil
        }
    }
}
