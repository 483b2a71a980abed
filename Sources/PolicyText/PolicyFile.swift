public import CustomerModel

/// Reads policies from YAML. What follows is the reference of the format.
///
/// ```yaml
/// policy: shop                    # the policy's own name
///
/// identity:
///   types:                        # the strongest first: the place in this list is the rank (I2)
///     - { type: user_id, limit: 1 }
///     - { type: email, limit: 5, window: 52w, normalise: email }
///     - { type: crm_id, paths: [traits.crmId, properties.crm_id] }
///     - { type: anonymous_id, limit: 5, window: 7d }
///   block:                        # values that are nobody (I4)
///     - { only: "0-" }            # nothing but these characters; also the empty value
///     - { value: "null" }
///     - { prefix: test-, type: user_id }
///     - { suffix: "@example.invalid", type: email }
///     - { pattern: "^(test|demo)[0-9]*$", type: crm_id }
///   reviewAbove: 100              # a link past so many identifiers waits for `sluice identity review`
///   burst: { knownProfiles: 3, within: 1d }   # met with more known people: links no more
///
/// consent:
///   resolve: strictest            # or latest (C4)
///   supersedes: weaker            # only if said (C4)
///   country: [{ field: context.location.country, sources: [server] }]   # believed of these (C6)
///   places: { tcf: [context.consent.tcf, properties.gdpr_consent], gpc: [context.gpc] }
///
/// purposes:
///   analytics:   { segment: [Analytics], mparticle: [analytics], expires: 390d }
///   advertising: { segment: [Advertising], deniedByGPC: true, retroactive: false }
///   service:     { basis: contract }
///   sale:
///     tcf: { purposes: [1, 4], legitimateInterest: [7], specialFeatures: [1] }
///     gpp: [saleOptOut, sharingOptOut, targetedAdvertisingOptOut]
///     usPrivacy: [saleOptOut]
///     ccpa: true
///     defaults: { granted: [US] }
///
/// attributes:
///   lifetime_value: { sum: { event: Order Completed, of: properties.revenue } }
///   categories:     { distinct: { event: Product Viewed, of: properties.category, within: 90d } }
///   last_plan:      { last: { identify: {}, of: traits.plan } }
///
/// audiences:
///   big_spenders:
///     all:
///       - sum: { event: Order Completed, of: properties.revenue, within: 30d, atLeast: 500 }
///       - count: { event: Product Viewed, moreThan: 3 }
///       - not: { trait: { name: plan, is: free } }
///   left_the_cart:
///     all:
///       - absence: { of: { event: Order Completed }, after: { event: Product Added }, within: 3d }
///       - consent: { advertising: granted }
///       - not: { audience: big_spenders }
///   quick_buyers:
///     sequence:
///       steps: [{ event: Product Viewed }, { event: Product Added }, { event: Order Completed }]
///       within: 1d
///       over: 30d
///
/// plans:
///   web_orders:
///     sources: [web, shop]
///     unplanned: allow            # withhold if not said, or quarantine
///     violation: withhold         # or strip, or quarantine
///     events:
///       - track: Order Completed
///         properties:             # a JSON Schema
///           type: object
///           required: [order_id, revenue]
///           properties:
///             order_id: { type: string, pattern: "^[A-Z0-9-]+$" }
///             revenue: { type: number, minimum: 0 }
///       - identify: {}
///         violation: strip
///         traits: { properties: { plan: { enum: [free, gold] } } }
///
/// destinations:
///   ads:
///     recipient: Example Ads Inc  # the legal name
///     webhook: { url: "https://ads.example.com/in", secret: ads_webhook }
///     purposes: [advertising]
///     tcf: { vendor: 755, purposes: [1, 2], legitimateInterest: [7], specialFeatures: [2] }
///     identifiers: [email]
///     requires: [email]
///     sources: [web, shop]
///     events:
///       - track: Order Completed
///         properties: [revenue, products]
///         context: [page.url]
///         transform:              # in this order, on what the lists chose
///           - { truncate: context.page.url, to: 200 }
///           - { rename: properties.revenue, to: value }
///           - { set: properties.channel, value: web }
///       - identify: {}
///         traits: [plan, email, name, phone]
///         transform:
///           - { hash: traits.email, normalise: email }
///           - { mask: traits.phone, keep: 2 }
///           - { drop: traits.name }
///       - page: "*"
///         properties: all
///     filter:
///       - any: [{ field: type, is: identify }, { field: properties.revenue, atLeast: 10 }]
///       - not: { field: profile.traits.plan, is: internal }
///     plans: follow               # or ignore
///     audiences: [big_spenders]
///     maximumAge: 7d
///     sample: 10%
///     integration: Example Ads
///     epoch: 1
///     enabled: true
///     batch: 100
///     attempts: 10
///     timeout: 15s
/// ```
///
/// **Needed**: `policy`, `identity.types`, and in a destination `recipient`, one of `file` and `webhook`,
/// `purposes`, and `events` or `audiences`. Everything else may be left out.
///
/// **Identifier types**: `limit` is how many values of the type one profile may have, in a sliding
/// `window` or else ever; none means no limit. `limit: 1` without a window makes a profile known (I3).
/// `normalise` is one of ``Normalisation``, or `{ phone: "49" }`: phone numbers in E.164, of which those
/// written without a country belong to the one with that calling code. `paths` are places in a message
/// besides the built-in ones (`EventIdentifiers`). `block` takes `value`, `only`, `prefix`, `suffix` or
/// `pattern` (a regular expression, searched for anywhere unless it has `^` and `$`), for one `type` or for
/// all. `burst` is off if not said: an identifier that meets more than `knownProfiles` known people `within`
/// a time keeps its links, gets no more, and opens a finding.
///
/// **Purposes**, at most 64. `segment` and `mparticle` list the category ids and purpose names that mean
/// this purpose; all that are present must be granted. `basis` is `consent` if not said; `contract`,
/// `legalObligation` and `legitimateInterest` need no grant, but a denial on record still holds back.
///
/// Other signals of a purpose: `tcf` lists purposes of the TCF by the basis they rest on, and special
/// features; all must be agreed to. `gpp` and `usPrivacy` list opt-outs of the United States: one taken
/// denies, and all stated as not taken, after notice, grant. `ccpa: true` reads mParticle's sale opt-out.
/// What one signal denies, no other one grants. `defaults` grants where nobody said anything, in these
/// countries, by an event whose trusted `country` field names one; never for a person without an event.
///
/// **Places**: `places` says where signals stand instead of the usual places: `tcf` in
/// `context.consent.tcf` or `context.consent.tcString`, `gpp` and `usPrivacy` in `context.consent`, too,
/// `mparticle` (the whole object) in `consent_state` or `context.consent_state`; a `gpc` field nowhere,
/// since GPC comes in a request's header. The first place that is there and not null counts.
///
/// **Destinations**, at most 256. All of `purposes` must be granted; written as `purposes: { all: […],
/// any: […] }`, all of the first and at least one of the second. With `tcf`, the person's most recent TC
/// string must permit the vendor all that is listed, too (C7); nobody's string is nobody's consent. An event that no rule of `events`
/// matches is withheld, the first match counts, and of a matching event only the listed fields leave
/// (P4): paths inside `properties` (track, page, screen, alias), `traits` (identify, group) and `context`,
/// each a list or `all`. A listed path takes what is under it along; a path through an array takes
/// nothing. `identifiers` are sent along; of `requires`, the person must have one. A `file` path stands under the
/// data directory's `outputs/`. A `webhook`'s `secret` is a name in `secrets.yaml`; `http:` is for loopback
/// and private addresses; its `unknown: none` says that the receiver takes a repeated id for something new, so
/// that what may have arrived waits for an operator (`idempotent` unless told). `sources` may be `all`; `timeout` is at most 120s, `attempts` 100, and
/// `batch` 1000; without one a file gets 500 effects in a write and a webhook one in a request.
///
/// **Transformations** (`transform` of an event rule) change what the lists chose, in their order; paths
/// begin with `properties.`, `traits.` or `context.`, and go through lists to every element. `drop`;
/// `rename` with `to`, one name in the same object; `hash`, SHA-256 in hexadecimal, after `normalise`
/// (`none`, `lowercase`, `email`, `phone`); `mask`, which leaves `***` and the last `keep` (0 to 8)
/// characters; `truncate` with `to`, in characters; `set` with a constant `value`. What cannot be hashed,
/// masked or cut short, being of another kind or having no normal form, does not leave.
///
/// **Tracking plans**: a source has at most one. An event's `properties` or `traits` must keep to its rule's
/// JSON Schema (draft 2020-12; keywords: `JSONSchema`); without one, anything does. `violation`, of a plan
/// or of one of its events: `withhold` keeps the event from every destination, `strip` takes out the fields
/// at fault and withholds only where that does not mend it, `quarantine` holds it for everybody until `sluice
/// policy release` under a policy that it does not break. `unplanned` says what becomes of an event that the
/// plan does not name. A destination with `plans: ignore` gets what is withheld, unstripped; what is in
/// quarantine nobody gets.
///
/// **Conditions** (`filter`, `where`): `all`, `any` and `not` of others, a list meaning `all`; or `field`,
/// a path from the message's root, with one or more of `is`, `isOneOf`, `atLeast`, `atMost`, `moreThan`,
/// `lessThan`, `startsWith`, `endsWith`, `contains` (a text, or a value of a list), `matches` (a pattern,
/// `PatternReader`), `before`, `after` (a time), `present: true|false`. A field that is absent or null
/// satisfies only `present: false`. Numbers are exact decimals (D4). A destination's `filter` may also ask
/// the profile, as known at the event: `profile.traits.NAME`, and `profile.audiences` with `contains`; and
/// `withinLast`, how long before its receipt a time of the event's may be.
///
/// **Measures** over a person's events: `count`, `sum`, `min`, `max`, `first`, `last` and `distinct` (how
/// many different texts, numbers and truth values) of an `event` (a track's name), `page`, `screen`,
/// `identify` or `group`, `of` a field, `where` a condition holds, `within` a time. `first` and `last` may
/// do without `of`: then only their moment is known. Counts and sums are exact for any number of events;
/// a number that does not fit makes the value unknown (D4), `distinct` tells 1000 values of at most 512
/// bytes apart, and the other measures with a window know the newest 10000 events of one identifier, and
/// with more in the window are unknown.
///
/// **Attributes**, at most 200, are measures with a name: every person has the value, in
/// `sluice profile`, the read model and streams.
///
/// **Audiences**: `all`, `any`, `not`, a list meaning `all`; `trait` with a `name` (a path inside the
/// traits) and a comparison as above; a measure, or an `attribute` by its `name`, with a comparison. Counts,
/// sums and `distinct` take the four bounds, `min` and `max` also `present`, `first` and `last` every
/// comparison and for their moment `before`, `since` (a time), `olderThan`, `newerThan` (a length of time
/// before now). `sequence`: 2 to 10 `steps` in order, `within` a time from first to last, all `over` the last
/// so long. `absence`: no event `of` one kind `within` a time `after` another, true once that time has
/// passed. `consent`: purposes and the state each must have. `audience`: being in another one. Sequences
/// and absences look at the newest 10000 events of each step and identifier.
///
/// "Now" is what the last tick said (T2), and `within` means less than: what happened exactly so long ago
/// is out, and what follows exactly so long after is too late. Events count where they `occurred`, however
/// late they come. On a value that is unknown nobody is in an audience.
///
/// **Values**: times are `90s`, `15m`, `24h`, `30d`, `52w`; `"*"` stands for every name. Text that YAML
/// readers could take for a number, a date or a truth value (`007`, `yes`) goes in quotes where a value
/// is compared. Anchors, aliases, tags and a second document are refused.
///
/// **Never in a policy** (P3), comments included, since policies are kept in the log for ever: e-mail
/// addresses, phone numbers with `+`, UUIDs, comparisons of an identifier with a value, signing secrets,
/// passwords and tokens in URLs, long random text.
public struct PolicyFile {
    /// Reads a policy, whole or not at all (P3).
    ///
    /// - Parameters:
    ///   - text: the file's text, at most 1 MiB.
    ///   - name: what problems call the file.
    /// - Throws: ``PolicyError`` with every problem found, in the order of the text.
    public static func read(_ text: String, name: String) throws(PolicyError) -> Policy {
        var problems: [PolicyProblem] = []
        var policy: Policy?
        switch PolicyNodeParser.parse(text) {
        case .failure(let problem):
            if text.utf8.count <= PolicyNodeParser.maximumBytes {
                problems = SecretScan.problems(in: text)
            }
            if !problems.contains(where: { $0.line == problem.line }) { problems.append(problem) }
        case .success(let root):
            var reader = PolicyReader()
            policy = reader.policy(root)
            let secrets = SecretScan.problems(in: text, tree: root)
            // What is said of a line with a secret could quote it.
            let lines = Set(secrets.map(\.line))
            problems = secrets + reader.problems.filter { !lines.contains($0.line) }
        }
        guard problems.isEmpty, let policy else {
            problems.sort { ($0.line, $0.column) < ($1.line, $1.column) }
            throw PolicyError(file: name, problems: problems)
        }
        return policy
    }
}
