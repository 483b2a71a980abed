import CustomerModel

/// Filters that are other than those that judged.
extension ColumnSimulation {
    /// Asks what no version asked, of the events that reach it, and tells moments apart by the answers.
    mutating func ask(_ recorded: [UInt32: Recorded], _ reading: FilterReading) throws(NeedsFold) {
        var asked: [(destination: Int, condition: Condition)] = []
        for (number, destination) in candidate.destinations.enumerated() {
            guard let filter = destination.filter,
                recorded.values.contains(where: { $0.asks[number] })
            else { continue }
            asked.append((number, filter))
        }
        guard !asked.isEmpty else { return }
        guard asked.count <= FilterQuestions.limit else {
            throw NeedsFold(reason: "more than \(FilterQuestions.limit) filters are others")
        }
        // What an earlier gate withholds is withheld for that reason, whatever the filter says.
        let earlier = Gate.filter.bit - 1
        let needs = origins.indices.map { moment -> UInt32 in
            let row = Int(basis.columns.row(ofMoment: origins[moment]))
            guard let recorded = recorded[basis.columns.rowVersions[row]] else { return 0 }
            var mask: UInt32 = 0
            for (question, (destination, _)) in asked.enumerated()
            where recorded.asks[destination] && new[moment * width + destination] & earlier == 0 {
                mask |= 1 << UInt32(question)
            }
            return mask
        }
        var questions = FilterQuestions(basis, moments, asked: asked, needs: needs, reading)
        try questions.answer(split..<range.upperBound, reading)
        let refined = questions.refined(split..<range.upperBound)
        take(refined.moments, refined.pairs, failing: asked.map(\.destination))
    }
}

extension SimulationBasis {
    /// Refuses a filter that nobody asked before and that neither lines nor columns answer.
    func check(_ filter: Condition, of destination: Destination, isReadable: Bool)
        throws(NeedsFold)
    {
        guard isReadable else {
            throw NeedsFold(reason: "the filter of \(destination.name) is another")
        }
        for path in filter.paths where path.isOfProfile {
            guard path.names != ["profile", "audiences"] else {
                throw NeedsFold(
                    reason: "the filter of \(destination.name) asks for audiences and is another")
            }
            guard profiles?.fields.contains(path) == true else {
                throw NeedsFold(reason: "\(path) was not read of every event")
            }
        }
    }
}
