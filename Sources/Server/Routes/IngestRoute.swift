internal import CustomerModel
internal import HTTPTypes
internal import Hashing
internal import Hummingbird
internal import JSONText
internal import NIOCore
internal import Platform

/// `POST /api/ingest?source=S`: messages from a file, one a line, for operators.
///
/// | parameter | means |
/// |---|---|
/// | `source` | whose events they are |
/// | `asIfLive=1` | each event counts as arriving at its own time (T2) |
/// | `dialect=mparticle` | a line is a batch of mParticle's |
/// | `numbered=1` | a line is `N <message>`, or `N !<reason><TAB><base64>` for a record that gave none |
/// | `finish=1` | the file has ended: the last tick of an as-if-live ingest is written |
struct IngestRoute: Sendable {
    let workspace: Workspace
    private var collector: Collector { workspace.collector }

    func respond(
        _ request: Request, target: RequestTarget, principal: Principal
    ) async -> Answer {
        guard principal.role == .operator else {
            return .failure(.forbidden, "forbidden", "only operators may ingest files")
        }
        guard request.method == .post else { return .methodNotAllowed("POST") }
        guard let source = target["source"], AccessList.isName(source) else {
            return .failure(
                .badRequest, "bad_source", "`source` must name a source: lower-case letters, digits"
            )
        }
        let body: ByteBuffer
        do throws(BodyReader.Failure) {
            body = try await BodyReader(limitBytes: ServerConfiguration.largestBodyBytes)
                .read(request)
        } catch {
            return error.answer
        }
        let context = CollectContext(
            source: source, received: .now(),
            pace: target["asIfLive"] == "1" ? .asIfLive : .imported,
            dialect: target["dialect"] == "mparticle" ? .mparticle : .segment,
            truncatesIP: workspace.access.settings(of: source).truncatesIP,
            // The operator's own files, each line of which is accounted for.
            listedRefusals: .max)
        do {
            guard let items = Self.items(body, areNumbered: target["numbered"] == "1") else {
                return .failure(.badRequest, "bad_line", "a line does not begin with its number")
            }
            var outcome = CollectOutcome()
            if !items.isEmpty { outcome = try await collector.collect(items, context) }
            if target["finish"] == "1" { try await collector.finishAsIfLive() }
            return Answer(outcome.json(includesSuppressed: true))
        } catch let refusal as CollectRefusal {
            return refusal.answer
        } catch {
            return .failure(.internalServerError, "failed", "the items cannot be collected")
        }
    }

    /// One item a line, the lines counted from 1; nil when one should bring its number and does not.
    private static func items(_ body: ByteBuffer, areNumbered: Bool) -> [CollectItem]? {
        var items: [CollectItem] = []
        var number: UInt64 = 0
        for line in body.readableBytesView.split(separator: 0x0A, omittingEmptySubsequences: false)
        {
            number += 1
            guard !line.isEmpty else { continue }
            if areNumbered {
                guard let item = numbered(line) else { return nil }
                items.append(item)
            } else {
                items.append(CollectItem(bytes: Array(line), recordNumber: number))
            }
        }
        return items
    }

    private static func numbered(_ line: ByteBufferView) -> CollectItem? {
        guard let space = line.firstIndex(of: 0x20),
            let number = UInt64(String(decoding: line[..<space], as: UTF8.self))
        else { return nil }
        let rest = line[(space + 1)...]
        guard rest.first == UInt8(ascii: "!") else {
            return CollectItem(bytes: Array(rest), recordNumber: number)
        }
        guard let tab = rest.firstIndex(of: 0x09),
            let bytes = Base64.decode(String(decoding: rest[(tab + 1)...], as: UTF8.self))
        else { return nil }
        let reason = String(decoding: rest[(rest.startIndex + 1)..<tab], as: UTF8.self)
        return CollectItem(bytes: bytes, recordNumber: number, problem: reason)
    }
}
