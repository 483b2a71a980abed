import Testing

/// Identity by recomputation: components of the links accepted so far without those that were retracted,
/// worked out anew for every question. Plain on purpose; it shares nothing with the fold.
struct PlainIdentity {
    typealias Pair = Set<String>

    let reviewAbove: Int
    private(set) var links: [Pair] = []
    private(set) var bars: [Pair] = []
    private(set) var waiting: [Pair] = []
    private var linked: Set<String> = []
    private var births: [String] = []

    init(reviewAbove: Int) { self.reviewAbove = reviewAbove }

    /// The people, each as its identifiers.
    func people() -> Set<Set<String>> {
        var left = linked
        var found: Set<Set<String>> = []
        while let start = left.first {
            let person = person(of: start)
            left.subtract(person)
            found.insert(person)
        }
        return found
    }

    /// Everybody whom standing links lead to.
    private func person(of identifier: String) -> Set<String> {
        var found: Set<String> = [identifier]
        while true {
            let before = found.count
            for link in links where !link.isDisjoint(with: found) { found.formUnion(link) }
            if found.count == before { return found }
        }
    }

    /// The identifier whose birth is the id of the person.
    func oldest(of person: Set<String>) -> String? { births.first { person.contains($0) } }

    mutating func bear(_ identifier: String) {
        if !births.contains(identifier) { births.append(identifier) }
    }

    /// Takes an event's identifiers, strongest first.
    @discardableResult
    mutating func event(_ identifiers: [String], ignoringSize: Bool = false) -> Bool {
        var active = identifiers
        while active.count > 1 {
            let people = active.map { person(of: $0) }
            guard Set(people).count > 1 else { break }
            let all = people.reduce(into: Set<String>()) { $0.formUnion($1) }
            if let pair = bars.first(where: { $0.isSubset(of: all) && !isOne($0) }) {
                // The weaker of the two sides loses its weakest identifier.
                let places = pair.map { side in
                    people.indices.filter { people[$0].contains(side) }
                }
                let weaker = places[0][0] < places[1][0] ? places[1] : places[0]
                active.remove(at: weaker[weaker.count - 1])
            } else if all.count(where: { $0.hasPrefix("user_id:") }) > 1 {
                active.removeLast()
            } else if all.count > reviewAbove, !ignoringSize {
                let pair: Pair = [active[0], active.removeLast()]
                if !waiting.contains(pair) { waiting.append(pair) }
            } else {
                break
            }
        }
        linked.formUnion(active)
        for other in active.dropFirst() where !bars.contains([active[0], other]) {
            links.append([active[0], other])
        }
        return active.count == identifiers.count
    }

    private func isOne(_ pair: Pair) -> Bool {
        pair.first.map { pair.isSubset(of: person(of: $0)) } ?? true
    }

    mutating func retract(_ first: String, _ second: String) {
        bear(first)
        bear(second)
        let pair: Pair = [first, second]
        links.removeAll { $0 == pair }
        if !bars.contains(pair) { bars.append(pair) }
    }

    mutating func lift(_ first: String, _ second: String) {
        bars.removeAll { $0 == [first, second] }
    }

    mutating func approve(_ first: String, _ second: String) {
        guard waiting.contains([first, second]) else { return }
        if event([first, second], ignoringSize: true) {
            waiting.removeAll { $0 == [first, second] }
        }
    }

    mutating func reject(_ first: String, _ second: String) {
        guard waiting.contains([first, second]) else { return }
        waiting.removeAll { $0 == [first, second] }
        retract(first, second)
    }
}
