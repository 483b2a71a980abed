/// What differs in how consent is read.
extension PolicyDiff {
    mutating func compareSignals(_ what: String, _ old: PurposeSignals, _ new: PurposeSignals) {
        if old.tcf != new.tcf {
            note(
                .consent,
                "\(what): meant by TCF \(TCFMeaning.text(new.tcf)) instead of"
                    + " \(TCFMeaning.text(old.tcf))")
        }
        if old.gpp != new.gpp {
            note(
                .consent,
                "\(what): taken away by GPP \(new.gpp.names.text) instead of \(old.gpp.names.text)")
        }
        if old.usPrivacy != new.usPrivacy {
            note(
                .consent,
                "\(what): taken away by US Privacy \(new.usPrivacy.names.text) instead of"
                    + " \(old.usPrivacy.names.text)")
        }
        if old.isCCPASale != new.isCCPASale {
            note(
                .consent,
                "\(what): mParticle's CCPA opt-out \(new.isCCPASale ? "now" : "no longer") denies it"
            )
        }
        if old.defaultCountries != new.defaultCountries {
            note(
                .consent,
                "\(what): granted by default in \(new.defaultCountries.map(\.description).text)"
                    + " instead of \(old.defaultCountries.map(\.description).text)")
        }
    }

    mutating func comparePlaces(_ old: ConsentRules, _ new: ConsentRules) {
        let lists: [(String, KeyPath<ConsentPlaces, [FieldPath]>)] = [
            ("TC strings are", \.tcf), ("GPP strings are", \.gpp),
            ("US Privacy strings are", \.usPrivacy), ("mParticle's consent is", \.mparticle),
            ("a GPC field is", \.gpc),
        ]
        for (what, list) in lists where old.places[keyPath: list] != new.places[keyPath: list] {
            note(
                .consent,
                "\(what) read from \(new.places[keyPath: list].text) instead of"
                    + " \(old.places[keyPath: list].text)")
        }
        if old.countryFields != new.countryFields {
            note(
                .consent,
                "a country is believed from \(new.countryFields.map(\.text).text) instead of"
                    + " \(old.countryFields.map(\.text).text)")
        }
    }
}

extension TrustedField {
    var text: String { "\(path) of \(sources.joined(separator: " and "))" }
}

extension TCFMeaning {
    static func text(_ meaning: TCFMeaning?) -> String {
        guard let meaning else { return "nothing" }
        return TCFPurposes.text(
            meaning.onConsent, meaning.onLegitimateInterest, meaning.specialFeatures)
    }
}

extension TCFUse {
    static func text(_ use: TCFUse?) -> String {
        guard let use else { return "nothing" }
        return "vendor \(use.vendor), "
            + TCFPurposes.text(use.onConsent, use.onLegitimateInterest, use.specialFeatures)
    }
}

extension TCFPurposes {
    fileprivate static func text(
        _ consent: TCFPurposes, _ interest: TCFPurposes, _ features: TCFPurposes
    ) -> String {
        var parts: [String] = []
        let lists = [
            ("purposes", consent), ("legitimate interest", interest),
            ("special features", features),
        ]
        for (name, ids) in lists where !ids.isEmpty {
            parts.append("\(name) \(ids.ids.map(String.init).joined(separator: " "))")
        }
        return parts.text
    }
}
