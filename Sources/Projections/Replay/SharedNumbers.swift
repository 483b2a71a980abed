import EventLog

/// Numbers that several threads give to the same values together.
///
/// Each thread keeps the numbers of what it met, so it waits for others only where a value is new to it. Which
/// number a value gets depends on who was first: nothing that anybody sees may depend on it.
struct SharedNumbers<Element: InternKey> {
    /// All values, by number.
    final class Pool: Sendable {
        private let table = Monitor(InternTable<Element>())

        func number(of element: Element) -> UInt32 { table.withLock { $0.intern(element).number } }

        var elements: [Element] { table.withLock { $0.elements } }
    }

    private let pool: Pool
    private var own = InternTable<Element>()
    private var numbers: [UInt32] = []

    init(_ pool: Pool) { self.pool = pool }

    mutating func number(of element: Element) -> UInt32 {
        let (place, isNew) = own.intern(element)
        if isNew { numbers.append(pool.number(of: element)) }
        return numbers[Int(place)]
    }
}
