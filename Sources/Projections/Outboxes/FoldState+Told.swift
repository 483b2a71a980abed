import CustomerModel
import EventLog

/// What destinations were told of who is in an audience (E2).
///
/// It is kept by identifier and not by person: a body names the identifiers that its person had at the
/// change, and only those are known to the recipient. So people who are joined or divided afterwards carry
/// along exactly what was told of each part of them.
extension FoldState {
    enum Told { case nothing, entered, maybeEntered }

    /// What a lane was told of a person in an audience, under whatever identifier it was told.
    func told(lane: Int, audience: UInt16, root: UInt32) -> Told {
        guard !lanes[lane].told.isEmpty else { return .nothing }
        var members: [UInt32] = []
        identity.appendMembers(ofRoot: root, upTo: nil, to: &members)
        return told(lane: lane, audience: audience, of: members)
    }

    func told(lane: Int, audience: UInt16, of subject: [UInt32]) -> Told {
        var result = Told.nothing
        for identifier in subject {
            switch lanes[lane].told[.init(audience: audience, identifier: identifier)] {
            case 1: return .entered
            case 3: result = .maybeEntered
            default: break
            }
        }
        return result
    }

    /// Whom a membership effect tells of: the identifiers that the person had at the change and has still,
    /// or had when the record at `offset` had been applied.
    func subject(of key: LaneState.MembershipEffect.Key, asOf offset: UInt64?) -> [UInt32] {
        guard let identifier = identity.identifier(born: key.profile),
            let then = identity.root(ofIdentifier: identifier, asOf: key.at)
        else { return [] }
        func root(_ identifier: UInt32) -> UInt32? {
            offset.map { identity.root(ofIdentifier: identifier, asOf: $0) }
                ?? identity.root(ofIdentifier: identifier)
        }
        let now = root(identifier)
        var found: [UInt32] = []
        identity.forEachMember(ofRoot: then, asOf: key.at) {
            if identity.moves.isEmpty || root($0) == now { found.append($0) }
        }
        return found
    }

    /// Notes what an attempt's receipt, the record at `offset`, says of a membership that it told of.
    mutating func noteTold(
        _ key: LaneState.MembershipEffect.Key, change: MembershipChange, status: EffectStatus,
        attempt: UInt64, lane: Int, at offset: UInt64
    ) {
        let value: UInt8
        switch (status, change) {
        case (.delivered, _): value = change.code
        case (.unknown, .entered), (.parked, .entered): value = 3
        default: return
        }
        let look = attempts.index(of: attempt).map { attempts.looks[$0] } ?? 0
        for identifier in subject(of: key, asOf: look > 0 ? look - 1 : nil) {
            lanes[lane].setTold(.init(audience: key.audience, identifier: identifier), value)
        }
        // What ended while the request was on its way.
        if change == .entered, let identifier = identity.identifier(born: key.profile),
            let root = identity.root(ofIdentifier: identifier)
        {
            withdrawMemberships(of: root, at: offset)
        }
    }

    /// An entry that may have been told was not.
    mutating func noteNotTold(_ key: LaneState.MembershipEffect.Key, lane: Int) {
        for identifier in subject(of: key, asOf: nil) {
            let told = LaneState.ToldKey(audience: key.audience, identifier: identifier)
            if lanes[lane].told[told] == 3 { lanes[lane].setTold(told, 2) }
        }
    }

    /// An entry that may have been told counts as told, so that its exit is (E2).
    mutating func noteMaybeTold(_ key: LaneState.MembershipEffect.Key, lane: Int) {
        for identifier in subject(of: key, asOf: nil) {
            let told = LaneState.ToldKey(audience: key.audience, identifier: identifier)
            if lanes[lane].told[told] != 1 { lanes[lane].setTold(told, 3) }
        }
    }

    /// Of whom a membership that may leave says something new beside what leaves in the same look, and notes
    /// that; false where it says nothing new. Who went and came again in between is told of once.
    func isNews(
        _ outgoing: Outgoing, lane: Lane, beside leaving: inout Set<LaneState.ToldKey>
    ) -> Bool {
        guard let name = outgoing.audience, let profile = outgoing.profile,
            let number = laneNumbers[lane],
            let audience = memberships.audiences.number(of: name),
            let identifier = identity.identifier(born: profile),
            let root = identity.root(ofIdentifier: identifier)
        else { return true }
        let key = LaneState.MembershipEffect.Key(
            audience: audience, profile: profile, at: outgoing.at.value)
        var subject = subject(of: key, asOf: nil)
        var concerned = subject
        switch outgoing.action {
        case .exited:
            concerned.removeAll { told(lane: number, audience: audience, of: [$0]) == .nothing }
            guard
                !concerned.allSatisfy({
                    leaving.contains(.init(audience: audience, identifier: $0))
                })
            else { return false }
        default:
            subject = []
            identity.appendMembers(ofRoot: root, upTo: nil, to: &subject)
            guard
                !subject.contains(where: {
                    leaving.contains(.init(audience: audience, identifier: $0))
                })
            else { return false }
        }
        leaving.formUnion(concerned.map { .init(audience: audience, identifier: $0) })
        return true
    }
}
