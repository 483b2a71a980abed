internal import CustomerModel
internal import HTTPTypes
internal import Hashing
internal import Hummingbird
internal import JSONText
internal import NIOCore
internal import Platform

/// `GET /v1/pixel/track?…`: one message from where only a picture can be asked for, such as an opened mail.
///
/// The message is `?data=<base64 of its JSON>`, or the query itself: `userId=…&event=…&properties.plan=pro`,
/// dots nest, values are texts. Whatever happens the answer is 200 with a transparent picture of one pixel, as
/// Segment has it: nobody is there to read an error, so refusals stand in `sluice rejects`.
struct PixelRoute: Sendable {
    let workspace: Workspace
    let configuration: ServerConfiguration
    let intake: Intake.Entrance

    /// The type of a pixel's path, Segment's or RudderStack's; nil for any other path.
    static func type(path: String) -> EventType? {
        for prefix in ["/v1/pixel/", "/pixel/v1/"] where path.hasPrefix(prefix) {
            return EventType(name: String(path.dropFirst(prefix.count)))
        }
        return nil
    }

    func respond(_ request: Request, target: RequestTarget, type: EventType) async -> Answer {
        guard request.method == .get || request.method == .head else {
            return .methodNotAllowed("GET")
        }
        if request.method == .get { await collect(request, target, type) }
        return Self.picture
    }

    private func collect(_ request: Request, _ target: RequestTarget, _ type: EventType) async {
        guard let body = Self.body(target) else { return }
        let key: JSONValue?
        do {
            key = try JSONValue(parsing: body)["writeKey"]
        } catch {
            return
        }
        guard let key = key?.string ?? target["writeKey"],
            let source = workspace.access.source(forKey: key)
        else { return }
        let settings = workspace.access.settings(of: source)
        guard !settings.requiresOAuth else { return }
        let route = CollectRoute(
            workspace: workspace, configuration: configuration, intake: intake)
        let share = intake.share()
        defer { share.end() }
        let context = CollectContext(
            source: source, typeFromPath: type, hasGPC: CollectRoute.hasGPC(request),
            received: Timestamp.now(),
            itemBytes: settings.itemBytes(default: workspace.collector.limits.itemBytes),
            truncatesIP: settings.truncatesIP)
        _ = await route.collect(ByteBuffer(bytes: body), context, .single(type), settings, share)
    }

    /// The message's JSON; nil when the query holds none.
    private static func body(_ target: RequestTarget) -> [UInt8]? {
        if let data = target["data"] {
            // A plus in a query is a space to whoever unescapes it.
            let text = data.replacing(" ", with: "+")
            return Base64.decode(text) ?? Base64.decodeURL(text[...])
        }
        var message = Branch()
        for (name, value) in target.query where name != "gpc" {
            message.set(name.split(separator: ".", omittingEmptySubsequences: false)[...], value)
        }
        guard !message.members.isEmpty else { return nil }
        return Array(message.value.text.utf8)
    }

    /// A message while its flat names are put together. A name that stands twice keeps its first value.
    private struct Branch {
        var members: [(name: String, value: Node)] = []
        private static let deepest = 8

        enum Node {
            case leaf(String)
            indirect case branch(Branch)
        }

        mutating func set(_ path: ArraySlice<Substring>, _ value: String) {
            guard let first = path.first, !first.isEmpty, path.count <= Self.deepest else { return }
            let name = String(first)
            let index = members.firstIndex { $0.name == name }
            guard path.count > 1 else {
                if index == nil { members.append((name, .leaf(value))) }
                return
            }
            var inner = Branch()
            if let index {
                guard case .branch(let there) = members[index].value else { return }
                inner = there
            }
            inner.set(path.dropFirst(), value)
            guard !inner.members.isEmpty else { return }
            if let index {
                members[index].value = .branch(inner)
            } else {
                members.append((name, .branch(inner)))
            }
        }

        var value: JSONValue {
            var object = JSONObject()
            for (name, node) in members {
                switch node {
                case .leaf(let text): object[name] = .string(text)
                case .branch(let inner): object[name] = inner.value
                }
            }
            return .object(object)
        }
    }

    /// A transparent GIF of one pixel, never from a cache: each view counts.
    private static let picture: Answer = {
        var answer = Answer(
            body: Base64.decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7") ?? [])
        answer.headers = [.contentType: "image/gif", .cacheControl: "no-store"]
        return answer
    }()
}
