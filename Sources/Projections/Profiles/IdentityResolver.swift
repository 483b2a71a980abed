import CustomerModel

/// The identity rules of one policy version, against the tables of one fold.
struct CompiledIdentity {
    /// One entry a type, strongest first.
    var types: [UInt16] = []
    var limits: [Int?] = []
    var windows: [Int64?] = []
    var normalisations: [Normalisation] = []
    var paths: [[FieldPath]] = []
    var names: [String] = []
    var blocked: [BlockedValue] = []
    /// A link past so many identifiers is refused and waits for a person (I4).
    var reviewAbove = Int.max
    private var rankOfName: [String: Int] = [:]

    init(_ rules: IdentityRules, types table: inout NameTable) {
        blocked = rules.blocked
        reviewAbove = rules.reviewAbove
        for type in rules.types {
            // A policy has few types; the table holds 65,535.
            guard let number = table.intern(type.name) else { continue }
            rankOfName[type.name] = types.count
            types.append(number)
            limits.append(type.limit)
            windows.append(type.windowMicroseconds)
            normalisations.append(type.normalisation)
            paths.append(type.paths)
            names.append(type.name)
        }
    }

    func rank(of name: String) -> Int? { rankOfName[name] }
}

/// One identifier of the event being resolved.
struct Candidate {
    var identifier: UInt32
    /// Place of its type in the policy; smaller is stronger.
    var rank: Int
}

/// What identity made of one event.
struct Resolution {
    /// The strongest identifier that was accepted; what the event's facts hang on.
    var anchor = IdentityTable.none
    /// The person's carrying node.
    var root = IdentityTable.none
    /// Whether links or people changed.
    var didChange = false
    /// Nodes that went under another.
    var gone: [UInt32] = []
    /// Identifiers of the event that identity accepted, strongest first.
    var accepted: [Candidate] = []
}

extension IdentityTable {
    /// Decides who did one event (I1–I3).
    ///
    /// The identifiers' people are joined unless that would give someone more values of a type than its
    /// limit allows; then the event's weakest identifier is dropped, the refusal is kept, and the rest is
    /// tried again. One identifier alone always stands: it meets nobody new.
    ///
    /// - Parameters:
    ///   - candidates: strongest first, no identifier twice.
    ///   - time: the event's `occurred`, clipped to `received`; what windows are measured from.
    mutating func resolve(
        _ candidates: [Candidate], rules: CompiledIdentity, offset: UInt64, time: Int64
    ) -> Resolution {
        var active = candidates
        var result = Resolution()
        while let strongest = active.first {
            var roots: [UInt32] = []
            var unlinked = 0
            for candidate in active {
                guard let root = root(ofIdentifier: candidate.identifier) else {
                    unlinked += 1
                    continue
                }
                if !roots.contains(root) { roots.append(root) }
            }
            if active.count > 1, roots.count + unlinked > 1,
                let broken = brokenLimit(roots: roots, active: active, rules: rules, time: time)
            {
                refuse(active.removeLast().identifier, limitType: broken, offset: offset)
                continue
            }
            result.anchor = strongest.identifier
            result.accepted = active
            join(roots: roots, offset: offset, time: time, into: &result)
            return result
        }
        return result
    }

    private mutating func join(
        roots: [UInt32], offset: UInt64, time: Int64, into result: inout Resolution
    ) {
        var root: UInt32
        var rest: ArraySlice<Candidate> = result.accepted[...]
        if let first = roots.first {
            root = first
            for other in roots.dropFirst() {
                let (kept, gone) = merge(root, other, offset: offset)
                root = kept
                result.gone.append(gone)
                result.didChange = true
            }
        } else {
            root = makeNode(with: result.anchor, offset: offset, time: time)
            rest = rest.dropFirst()
            result.didChange = true
        }
        for candidate in rest where nodes[Int(candidate.identifier)] == Self.none {
            link(candidate.identifier, toRoot: root, offset: offset, time: time)
            result.didChange = true
        }
        result.root = root
    }

    /// The first type, in order of rank, that would have too many values; nil when all limits hold.
    private func brokenLimit(
        roots: [UInt32], active: [Candidate], rules: CompiledIdentity, time: Int64
    ) -> UInt16? {
        for (rank, limit) in rules.limits.enumerated() {
            guard let limit else { continue }
            let type = rules.types[rank]
            var count = 0
            for candidate in active
            where candidate.rank == rank && nodes[Int(candidate.identifier)] == Self.none {
                count += 1
            }
            for root in roots {
                forEachMember(ofRoot: root) { member in
                    guard self.type(member) == type else { return }
                    guard let window = rules.windows[rank] else {
                        count += 1
                        return
                    }
                    // Links older than the window no longer count.
                    let age = time.subtractingReportingOverflow(linkTimes[Int(member)])
                    if age.overflow || age.partialValue < window { count += 1 }
                }
            }
            if count > limit { return type }
        }
        let size = roots.reduce(0) { $0 + Int(memberCounts[Int($1)]) }
        let unlinked = active.count { nodes[Int($0.identifier)] == Self.none }
        return size + unlinked > rules.reviewAbove ? Self.sizeLimit : nil
    }

    /// Stands for the limit on a profile's size where a type's number would.
    static let sizeLimit = UInt16.max
}
