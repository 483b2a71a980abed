internal import JSONText

extension Client {
    /// What most commands are: one operation, its result shown.
    static func ask(
        _ place: Place, _ operation: String, _ parameters: JSONObject,
        whenAbsent absence: Absence = .refuse, view: (JSONValue) -> String = Renderer.text
    ) async throws {
        let result = try await with(place, whenAbsent: absence) { client in
            try await client.perform(operation, .object(parameters))
        }
        Terminal.out(place.json ? result.prettyText : view(result))
    }
}

extension JSONObject {
    /// The members whose values are there.
    static func of(_ members: (String, JSONValue?)...) -> JSONObject {
        var object = JSONObject()
        for (name, value) in members { object[name] = value }
        return object
    }
}

extension JSONValue {
    static func text(_ text: String?) -> JSONValue? { text.map { .string($0) } }
    static func whole(_ number: Int?) -> JSONValue? { number.map { .int(Int64($0)) } }
}
