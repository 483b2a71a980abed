import CustomerModel

/// What the newest policy's audiences and attributes depend on: which of them an event can change.
struct AudienceIndex {
    /// Every audience after those that it speaks of.
    private(set) var order: [Int] = []
    /// By audience: the fold's numbers of its metrics.
    private(set) var metrics: [[Int]] = []
    /// By attribute.
    private(set) var attributes: [Int] = []
    /// By the fold's number of a metric: the audiences to judge when its value changes.
    private var users: [[Int]] = []
    private(set) var traitUsers: [Int] = []
    private(set) var consentUsers: [Int] = []
    /// By the fold's number of a metric: whether an attribute with a window is that metric.
    private var movesAttribute: [Bool] = []
    /// By type: metrics of one name, and metrics of every name.
    private var named: [[String: [Int]]] = []
    private var unnamed: [[Int]] = []

    init() {}

    /// - Parameters:
    ///   - all: every metric of the fold; those of older policies are counted on.
    ///   - numbers: by audience, the numbers of its metrics among them; `attributes` the same.
    init(_ policy: Policy, all: [Metric], numbers: [[Int]], attributes: [Int]) {
        metrics = numbers
        self.attributes = attributes
        named = Array(repeating: [:], count: EventType.allCases.count + 1)
        unnamed = Array(repeating: [], count: EventType.allCases.count + 1)
        for (number, metric) in all.enumerated() {
            let type = Int(metric.selector.type.rawValue)
            if let name = metric.selector.name {
                named[type][name, default: []].append(number)
            } else {
                unnamed[type].append(number)
            }
        }
        movesAttribute = Array(repeating: false, count: all.count)
        for number in attributes where all[number].windowMicroseconds != nil {
            movesAttribute[number] = true
        }
        relate(policy.audiences, metricCount: all.count)
    }

    private mutating func relate(_ audiences: [Audience], metricCount: Int) {
        var places: [String: Int] = [:]
        for (place, audience) in audiences.enumerated() { places[audience.name] = place }
        let bases = audiences.map { audience in
            var found: [Int] = []
            audience.condition.forEachLeaf { leaf in
                if case .member(let name) = leaf, let place = places[name] { found.append(place) }
            }
            return found
        }
        // A policy without cycles always has one whose bases are all placed.
        var isPlaced = Array(repeating: false, count: audiences.count)
        while order.count < audiences.count {
            let before = order.count
            for place in audiences.indices
            where !isPlaced[place] && bases[place].allSatisfy({ isPlaced[$0] }) {
                isPlaced[place] = true
                order.append(place)
            }
            precondition(order.count > before, "a policy with cycles is refused when it is read")
        }
        var users = Array(repeating: Set<Int>(), count: metricCount)
        var traits: Set<Int> = []
        var consents: Set<Int> = []
        for (place, audience) in audiences.enumerated() {
            for number in metrics[place] { users[number].insert(place) }
            audience.condition.forEachLeaf { leaf in
                switch leaf {
                case .trait: traits.insert(place)
                case .consent: consents.insert(place)
                default: break
                }
            }
        }
        self.users = users.map { close($0, bases) }
        traitUsers = close(traits, bases)
        consentUsers = close(consents, bases)
    }

    /// All that speaks of any of them, and all that those speak of, in the order of judging.
    private func close(_ start: Set<Int>, _ bases: [[Int]]) -> [Int] {
        var found = start
        for place in order where !found.isDisjoint(with: bases[place]) { found.insert(place) }
        for place in order.reversed() where found.contains(place) {
            found.formUnion(bases[place])
        }
        return order.filter { found.contains($0) }
    }

    /// Calls `visit` with each metric that an event of this type and name could count for.
    @inline(__always)
    func forEachMetric(type: EventType, name: String, _ visit: (Int) -> Void) {
        let type = Int(type.rawValue)
        guard type < named.count else { return }
        if !named[type].isEmpty, let numbers = named[type][name] {
            for number in numbers { visit(number) }
        }
        for number in unnamed[type] { visit(number) }
    }

    func audiences(usingMetric number: Int) -> [Int] {
        number < users.count ? users[number] : []
    }

    func isMovingAttribute(_ number: Int) -> Bool {
        number < movesAttribute.count && movesAttribute[number]
    }
}
