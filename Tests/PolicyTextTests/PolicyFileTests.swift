import CustomerModel
import PolicyText
import Testing

@Suite struct `A policy file` {
    @Test(arguments: PolicySamples.examples)
    func `of the package is read without a problem`(_ name: String) throws {
        let text = try PolicySamples.text(name)
        #expect(PolicySamples.problems(text) == [])
        let policy = try PolicyFile.read(text, name: name)
        #expect(!policy.destinations.isEmpty)
        #expect(try PolicyFile.read(text, name: "other") == policy)
    }
}
