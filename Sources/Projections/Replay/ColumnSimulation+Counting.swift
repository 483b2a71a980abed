import CustomerModel

/// Counts events by what their moments mean under the candidate.
extension ColumnSimulation {
    func report(samples: Int) -> SimulationReport {
        var results = basis.names.map { SimulationReport.DestinationDifference(name: $0) }
        let before = range.lowerBound..<split
        let after = split..<range.upperBound
        let classes = MomentClasses(
            moments: origins.count, width: width, old: old, new: new,
            leavingOut: perEvent.map { !$0.isEmpty })
        let counted = count(after, moments, classes, &results, samples: samples)
        // What the candidate does not judge stays as it was.
        var standing: (classes: MomentClasses, days: [(day: Int64, counts: [Int])])?
        if !before.isEmpty {
            let classes = MomentClasses(
                moments: basis.columns.momentKeys.count, width: width, old: stood, new: stood,
                leavingOut: perEvent.map { _ in false })
            standing = (
                classes, count(before, basis.columns.moments, classes, &results, samples: 0)
            )
        }
        for number in 0..<width {
            var days = standing.map { $0.classes.pairs(of: number, $0.days) } ?? []
            if perEvent[number].isEmpty {
                days += classes.pairs(of: number, counted)
            } else {
                days += countEach(number, after, &results[number], samples: samples)
            }
            ReasonPairs.sum(Self.merged(days), into: &results[number])
            results[number].overShared =
                overShared(number, before, isAsBefore: true)
                + overShared(number, after, isAsBefore: false)
        }
        return SimulationReport(
            from: range.lowerBound, to: range.upperBound,
            events: basis.columns.eventCount(in: range), destinations: results,
            peopleBefore: basis.people, peopleAfter: basis.people)
    }

    private static func merged(_ days: [(day: Int64, counts: [Int])]) -> [(
        day: Int64, counts: [Int]
    )] {
        var all: [Int64: [Int]] = [:]
        for (day, counts) in days {
            guard let known = all[day] else {
                all[day] = counts
                continue
            }
            all[day] = zip(known, counts).map { $0 + $1 }
        }
        return all.keys.sorted().map { ($0, all[$0] ?? []) }
    }

    /// Counts events by class and day, and keeps samples.
    private func count(
        _ range: Range<UInt64>, _ moments: EventColumn<UInt32>, _ classes: MomentClasses,
        _ results: inout [SimulationReport.DestinationDifference], samples: Int
    ) -> [(day: Int64, counts: [Int])] {
        var tally = DayTally(width: classes.count)
        var wanted = samples > 0 ? classes.changing : classes.changing.map { _ in false }
        let columns = basis.columns
        for stretch in columns.stretches(in: range) {
            moments.forEachPart(of: stretch.rows) { place, moments in
                let first = place & (EventColumn<Int64>.chunkSize - 1)
                let times = columns.received.chunks[place >> 16][first..<first + moments.count]
                var done = 0
                while done < moments.count {
                    // Up to an event that may be a sample, which is looked at on its own.
                    done += tally.note(
                        moments.dropFirst(done), times.dropFirst(done), classes.classes,
                        until: wanted)
                    guard done < moments.count else { break }
                    let moment = moments[moments.startIndex + done]
                    let number = Int(classes.classes[Int(moment)])
                    let offset =
                        stretch.offsets.lowerBound
                        + UInt64(place + done - stretch.rows.lowerBound)
                    wanted[number] = sample(offset, moment, classes, &results, limit: samples)
                    tally.note(times[times.startIndex + done], number)
                    done += 1
                }
            }
        }
        return tally.finish()
    }

    /// - Returns: whether another event of the class may still be wanted.
    private func sample(
        _ offset: UInt64, _ moment: UInt32, _ classes: MomentClasses,
        _ results: inout [SimulationReport.DestinationDifference], limit: Int
    ) -> Bool {
        var isWanted = false
        for number in 0..<width where !classes.leavesOut[number] {
            let place = Int(moment) * width + number
            guard (old[place] == 0) != (new[place] == 0) else { continue }
            results[number].sample(offset, old[place], new[place], limit: limit)
            let kept =
                new[place] == 0
                ? results[number].allowedSamples.count : results[number].withheldSamples.count
            if kept < limit { isWanted = true }
        }
        return isWanted
    }

    // MARK: Event by event

    private func after(_ place: Int, _ moment: UInt32, _ number: Int) -> UInt16 {
        var decision = Decision(bits: new[Int(moment) * width + number])
        guard decision.bits != 0xFFFF else { return decision.bits }
        let gates = perEvent[number]
        if let limit = gates.maximumAge,
            Judge.isTooOld(
                received: basis.columns.received[place], occurred: basis.columns.occurred[place],
                limit: limit)
        {
            decision.fail(.tooOld)
        }
        if let share = gates.share {
            let person = basis.columns.people[place]
            let profile = person == DecisionColumns.none ? nil : basis.births[person]
            if !Judge.isSampled(profile, share: share, key: basis.key) {
                decision.fail(.sampledOut)
            }
        }
        return decision.bits
    }

    private func countEach(
        _ number: Int, _ range: Range<UInt64>,
        _ result: inout SimulationReport.DestinationDifference, samples: Int
    ) -> [(day: Int64, counts: [Int])] {
        var tally = DayTally(width: ReasonPairs.width)
        for stretch in basis.columns.stretches(in: range) {
            for (place, offset) in zip(stretch.rows, stretch.offsets) {
                let moment = moments[place]
                guard moment != DecisionColumns.none else { continue }
                let before = old[Int(moment) * width + number]
                let after = after(place, moment, number)
                tally.note(basis.columns.received[place], ReasonPairs.pair(before, after))
                result.sample(offset, before, after, limit: samples)
            }
        }
        return tally.finish()
    }

    /// Counts what the destination was told and the judgement withholds.
    private func overShared(_ number: Int, _ range: Range<UInt64>, isAsBefore: Bool) -> Int {
        var found = 0
        let moments = isAsBefore ? basis.columns.moments : moments
        for stretch in basis.columns.stretches(in: range) {
            OffsetSet.forEachRow(of: basis.told[number], in: stretch.rows) { place in
                let moment = moments[place]
                guard moment != DecisionColumns.none else { return }
                let bits =
                    isAsBefore ? stood[Int(moment) * width + number] : after(place, moment, number)
                if bits != 0 { found += 1 }
            }
        }
        return found
    }
}
