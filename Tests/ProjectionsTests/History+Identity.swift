import CustomerModel
import JSONText
import Projections

extension History {
    typealias Pair = (type: String, value: String)

    @discardableResult
    mutating func decide(_ act: IdentityRecord.Act, _ first: String, _ second: String) -> UInt64 {
        func named(_ text: String) -> IdentityRecord.Identifier {
            let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
            return .init(type: parts[0], value: parts[1])
        }
        return append(
            IdentityRecord(
                act: act, first: named(first), second: named(second), by: "test", reason: "test"))
    }

    func areOne(_ first: String, _ second: String, asOf offset: UInt64? = nil) -> Bool {
        let person = profile(first, asOf: offset)
        return person != nil && person?.id == profile(second, asOf: offset)?.id
    }
}
