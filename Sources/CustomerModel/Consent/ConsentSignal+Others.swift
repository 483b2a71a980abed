import JSONText

/// The readers of mParticle's object, of consent strings and of a GPC field.
extension ConsentSignal {
    /// Only `true`, `1` and `"1"` raise it, and `false`, `0` and `"0"` say that it is not raised.
    mutating func readGPC(_ body: EventBody, _ reading: ConsentReading) {
        guard let value = reading.value(body, at: reading.places.gpc) else { return }
        if value.bool == true || value.int == 1 || value.equals("1") {
            deniedByGPC |= reading.gpcMask
        } else if value.bool != false, value.int != 0, !value.equals("0") {
            isUnreadable = true
        }
    }

    // MARK: mParticle

    mutating func readMParticle(
        _ body: EventBody, _ reading: ConsentReading, received: Timestamp
    ) {
        guard let view = reading.value(body, at: reading.places.mparticle) else { return }
        let state: MParticleConsent
        do {
            state = try MParticleConsent(view)
        } catch {
            isUnreadable = true
            return
        }
        let skew = Self.skew(body, received: received)
        let (signal, times) = state.signal(for: reading.purposes)
        missing |= signal.missing
        for index in reading.purposes.indices {
            let bit = UInt64(1) << UInt64(index)
            guard (signal.granted | signal.denied) & bit != 0 else { continue }
            take(
                ConsentStatement(
                    reader: .mparticle, granted: signal.granted & bit, denied: signal.denied & bit,
                    time: times[index].map { Self.corrected($0, by: skew) }))
        }
        guard let sale = state.saleOptOut else { return }
        var statement = ConsentStatement(
            reader: .ccpa, time: sale.time.map { Self.corrected($0, by: skew) })
        for (index, purpose) in reading.purposes.enumerated() where purpose.signals.isCCPASale {
            let bit = UInt64(1) << UInt64(index)
            if sale.isConsented { statement.denied |= bit } else { statement.granted |= bit }
        }
        take(statement)
    }

    /// How much the client's clock is behind, as far as the request says (T1).
    private static func skew(_ body: EventBody, received: Timestamp) -> Int64 {
        guard let sent = EventClock.time(body.sentAt) else { return 0 }
        let (skew, overflowed) = received.microseconds.subtractingReportingOverflow(
            sent.microseconds)
        return overflowed ? 0 : skew
    }

    private static func corrected(_ time: Timestamp, by skew: Int64) -> Int64 {
        let (moment, overflowed) = time.microseconds.addingReportingOverflow(skew)
        return overflowed ? time.microseconds : moment
    }

    /// Joins what has one reader and one time.
    mutating func take(_ statement: ConsentStatement) {
        guard statement.granted | statement.denied != 0 else { return }
        let same = others.firstIndex {
            $0.reader == statement.reader && $0.time == statement.time
        }
        guard let same else {
            others.append(statement)
            return
        }
        others[same].granted |= statement.granted
        others[same].denied |= statement.denied
    }

    // MARK: Strings

    mutating func readStrings(_ body: EventBody, _ reading: ConsentReading) {
        var carried: [CarriedTCString] = []
        if reading.readsTCF, let text = text(body, reading, reading.places.tcf) {
            do throws(ConsentTextError) {
                carried.append(CarriedTCString(text: text, string: try TCString(text)))
            } catch {
                isUnreadable = true
            }
        }
        if reading.readsGPP, let text = text(body, reading, reading.places.gpp) {
            do throws(ConsentTextError) {
                let string = try GPPString(text)
                takeGPP(string, reading)
                if reading.readsTCF, let tcf = string.carriedTCString(in: text) {
                    carried.append(tcf)
                }
            } catch {
                isUnreadable = true
            }
        }
        if reading.readsUSPrivacy, let text = text(body, reading, reading.places.usPrivacy) {
            do throws(ConsentTextError) {
                let string = try USPrivacyString(text)
                // "Does not apply" says nothing of a person who may be elsewhere.
                if string.optedOutOfSale != .notApplicable {
                    takeOptOuts(string.optOuts, .usPrivacy, reading) { $0.usPrivacy }
                }
            } catch {
                isUnreadable = true
            }
        }
        guard let first = carried.first else { return }
        guard carried.allSatisfy({ $0.string == first.string }) else {
            // Nobody can tell which of two different strings is the person's word.
            isUnreadable = true
            return
        }
        tcString = first
        takeTCF(first.string, reading)
    }

    private mutating func text(
        _ body: EventBody, _ reading: ConsentReading, _ paths: [FieldPath]
    ) -> String? {
        guard let value = reading.value(body, at: paths) else { return nil }
        guard let text = value.string else {
            isUnreadable = true
            return nil
        }
        return text
    }

    /// A purpose whose bits are all set is granted, if the string counts today; one that lacks a bit is
    /// denied either way.
    private mutating func takeTCF(_ string: TCString, _ reading: ConsentReading) {
        var statement = ConsentStatement(reader: .tcf)
        for (index, purpose) in reading.purposes.enumerated() {
            guard let meaning = purpose.signals.tcf else { continue }
            let bit = UInt64(1) << UInt64(index)
            switch string.answer(to: meaning) {
            case .agreed: statement.granted |= bit
            case .refused: statement.denied |= bit
            case .notAsked: missing |= bit
            }
        }
        take(statement)
    }

    private mutating func takeGPP(_ string: GPPString, _ reading: ConsentReading) {
        if string.isGPCRaised { deniedByGPC |= reading.gpcMask }
        guard string.speaksOfUnitedStates else { return }
        takeOptOuts(string.optOuts, .gpp, reading) { $0.gpp }
    }

    private mutating func takeOptOuts(
        _ optOuts: OptOuts, _ reader: ConsentReader, _ reading: ConsentReading,
        _ kinds: (PurposeSignals) -> OptOutKinds
    ) {
        var statement = ConsentStatement(reader: reader)
        for (index, purpose) in reading.purposes.enumerated() {
            let wanted = kinds(purpose.signals)
            guard !wanted.isEmpty else { continue }
            let bit = UInt64(1) << UInt64(index)
            let answers = optOuts.answers(to: wanted)
            if answers.contains(.optedOut) {
                statement.denied |= bit
            } else if answers.contains(.unreadable) {
                isUnreadable = true
            } else if answers.contains(.notStated) {
                missing |= bit
            } else {
                statement.granted |= bit
            }
        }
        take(statement)
    }
}

extension OptOuts {
    /// One answer for each kind asked for.
    func answers(to kinds: OptOutKinds) -> [OptOut] {
        var answers: [OptOut] = []
        if kinds.contains(.sale) { answers.append(sale) }
        if kinds.contains(.sharing) { answers.append(sharing) }
        if kinds.contains(.targetedAdvertising) { answers.append(targetedAdvertising) }
        return answers
    }
}

extension GPPString {
    /// Whether a section of the United States, known or not, is there.
    var speaksOfUnitedStates: Bool {
        sections.contains { section in
            switch section {
            case .usPrivacy(let string): string.optedOutOfSale != .notApplicable
            case .us: true
            case .other(let id): id > 23
            case .tcf: false
            }
        }
    }

    /// Whether one of those sections passes a GPC signal on.
    var isGPCRaised: Bool {
        sections.contains { section in
            if case .us(let section) = section { return section.gpc == true }
            return false
        }
    }

    /// The TC string within, cut out of the string's own text.
    func carriedTCString(in text: String) -> CarriedTCString? {
        let pieces = text.split(separator: "~", omittingEmptySubsequences: false).dropFirst()
        for (section, piece) in zip(sections, pieces) {
            if case .tcf(let string) = section {
                return CarriedTCString(text: String(piece), string: string)
            }
        }
        return nil
    }
}
