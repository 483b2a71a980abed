import CustomerModel
import EventLog
import Hashing
import JSONText
import PolicyText
import Projections

/// Policies: checked, compared, activated through the log.
extension Workspace {
    /// Reads a candidate, or says with line and column why it is refused whole (P3).
    func readPolicy(_ parameters: Parameters) throws(OperationError) -> (
        policy: Policy, text: String
    ) {
        let text = try parameters.text("text")
        let name = try parameters.optionalText("name") ?? "policy"
        let policy: Policy
        do {
            policy = try PolicyFile.read(text, name: name)
        } catch {
            throw .refused("\(error)")
        }
        guard projection.read({ $0.hasRoom(for: policy) }) else {
            throw .refused(
                "\(name): with the purposes of earlier versions these are more than \(FoldState.maximumPurposes); reuse names"
            )
        }
        return (policy, text)
    }

    func checkPolicy(_ parameters: Parameters) throws(OperationError) -> JSONValue {
        let policy = try readPolicy(parameters).policy
        return [
            "policy": .string(policy.name),
            "destinations": .texts(policy.destinations.map(\.name)),
            "purposes": .texts(policy.purposes.map(\.name)),
            "attributes": .texts(policy.attributes.map(\.name)),
            "audiences": .texts(policy.audiences.map(\.name)),
            "plans": .texts(policy.plans.map(\.name)),
            "valid": true,
        ]
    }

    func diffPolicy(_ parameters: Parameters) throws(OperationError) -> JSONValue {
        let candidate = try readPolicy(parameters).policy
        return difference(to: candidate)
    }

    private func difference(to candidate: Policy) -> JSONValue {
        let current = projection.read { $0.policy }
        let old = current?.policy ?? .initial
        let changes = PolicyDiff.describe(old: old, new: candidate)
        return [
            "policy": .string(candidate.name), "against": .count(current?.version ?? 0),
            "stages": .texts(PolicyDiff.stages(of: changes).names),
            "changes": .texts(changes.map(\.sentence)),
            "refusals": .texts(
                PolicyDiff.epochErrors(old: old, new: candidate).map(\.description)),
        ]
    }

    func applyPolicy(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        try await policyChanges.run { try await activate(parameters, by: principal) }
    }

    private func activate(_ parameters: Parameters, by principal: Principal) async throws
        -> JSONValue
    {
        let (policy, text) = try readPolicy(parameters)
        let current = projection.read { $0.policy }
        if let current, let error = PolicyDiff.epochErrors(old: current.policy, new: policy).first {
            throw OperationError.refused("\(error)")
        }
        if current?.text == text {
            throw OperationError.conflict(
                "this text is already in force as version \(current?.version ?? 0); nothing was changed"
            )
        }
        let difference = difference(to: policy)
        let record = PolicyRecord(
            version: (current?.version ?? 0) + 1, text: text, sha256: SHA256.of(text),
            approver: try parameters.optionalText("approver") ?? principal.name,
            note: try parameters.optionalText("note"))
        let offset = try await append([ControlDraft.make(record)])
        guard projection.read({ $0.policy?.activatedAt }) == offset.value else {
            throw OperationError.failed(
                "the policy was recorded and could not be put in force; `sluice status` says why")
        }
        return difference.adding([
            ("version", .count(record.version)), ("offset", .offset(offset.value)),
            ("sha256", .string(record.sha256.hex)),
        ])
    }

    /// Every version, or the one that `version` names, with its text.
    func policyHistory(_ parameters: Parameters) async throws -> JSONValue {
        let wanted =
            try parameters.has("version")
            ? parameters.integer("version", default: 1, in: 1...Int(Int32.max)) : nil
        let versions = projection.read { state in
            state.policies.filter { wanted == nil || $0.version == wanted }
                .map { ($0.version, $0.activatedAt, $0.policy.name, $0.text) }
        }
        if let wanted, versions.isEmpty {
            throw OperationError.notFound(
                "no policy version \(wanted) was ever in force; `sluice policy history` lists them")
        }
        var rows: [JSONValue] = []
        for (version, offset, name, text) in versions {
            let stored = try await record(at: offset)
            let (approver, recorded) =
                try stored.map { record in
                    try record.parse { line in
                        let body = line["body"]
                        return (body?["approver"]?.string, record.recorded)
                    }
                } ?? (nil, Int64.min)
            rows.append([
                "version": .count(version), "policy": .string(name), "offset": .offset(offset),
                "activated": .time(recorded), "approver": .text(approver),
                "sha256": .string(SHA256.of(text).hex),
            ])
        }
        if wanted != nil, let row = rows.first, let text = versions.first?.3 {
            return row.adding([("text", .string(text))])
        }
        return ["versions": .array(rows)]
    }
}
