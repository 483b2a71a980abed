extension Policy {
    /// What holds before anybody wrote a policy: people are resolved under Segment's default rules and no
    /// destination exists, so nothing leaves (P4).
    public static let initial = Policy(
        name: "initial",
        identity: IdentityRules(
            types: [
                IdentifierType(
                    name: "user_id", limit: 1, windowMicroseconds: nil, normalisation: .none),
                IdentifierType(
                    name: "email", limit: 5, windowMicroseconds: nil, normalisation: .email),
                IdentifierType(
                    name: "anonymous_id", limit: 5, windowMicroseconds: nil, normalisation: .none),
            ],
            blocked: [
                BlockedValue(type: nil, match: .allOf("0-")),
                BlockedValue(type: nil, match: .exactly("-1")),
                BlockedValue(type: nil, match: .exactly("null")),
                BlockedValue(type: nil, match: .exactly("anonymous")),
            ]),
        purposes: [], consent: ConsentRules(resolution: .strictest), destinations: [],
        audiences: [])
}
