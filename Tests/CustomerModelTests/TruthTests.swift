import CustomerModel
import Testing

@Suite struct `What is known of a condition` {
    private let parts: [AudienceCondition] = ["a", "b"].map { .member(of: $0) }

    private func join(
        _ condition: AudienceCondition, _ a: Truth, _ b: Truth
    ) -> Truth {
        condition.evaluate { $0 == .member(of: "a") ? a : b }
    }

    private let all: [Truth] = [.no, .unknown, .yes]

    @Test func `D4: does not depend on the order of parts, whatever is unknown`() {
        for a in all {
            for b in all {
                #expect(join(.all(parts), a, b) == join(.all(parts), b, a))
                #expect(join(.any(parts), a, b) == join(.any(parts), b, a))
                let none = AudienceCondition.not(.any(parts))
                let bothNot = AudienceCondition.all(parts.map { .not($0) })
                #expect(join(none, a, b) == join(bothNot, a, b))
                var rest = [a, b][...]
                let whole = AudienceCondition.all(parts).evaluateParts {
                    rest.popFirst() ?? .unknown
                }
                #expect(whole == join(.all(parts), a, b))
            }
        }
        #expect(join(.all(parts), .unknown, .no) == .no)
        #expect(join(.all(parts), .unknown, .yes) == .unknown)
        #expect(join(.any(parts), .unknown, .yes) == .yes)
        #expect(join(.any(parts), .unknown, .no) == .unknown)
        #expect(join(.not(parts[0]), .unknown, .no) == .unknown)
    }

    @Test func `is asked only as far as it matters`() {
        var asked: [AudienceCondition] = []
        _ = AudienceCondition.all(parts).evaluate { leaf in
            asked.append(leaf)
            return .no
        }
        #expect(asked == [parts[0]])
    }
}
