/// What the receiver does wrong on purpose.
struct Fault: Sendable {
    enum Kind: Sendable, Equatable {
        /// Answers with this status and takes nothing.
        case status(Int)
        /// Takes it and resets the connection: the sender cannot know.
        case reset
        /// Takes it and answers late.
        case slow(milliseconds: Int64)
    }

    /// Requests to this path.
    var path: String
    var kind: Kind
    /// How many more requests.
    var times: Int

    /// Reads `path=/ads&how=503&times=3`.
    init?(query: String) {
        var values: [String: String] = [:]
        for part in query.split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2 else { return nil }
            values[pair[0]] = pair[1]
        }
        guard let path = values["path"], let how = values["how"],
            let times = Int(values["times"] ?? "1"), times > 0
        else { return nil }
        switch how {
        case "reset": kind = .reset
        case "slow":
            guard let milliseconds = Int64(values["milliseconds"] ?? "1000") else { return nil }
            kind = .slow(milliseconds: milliseconds)
        default:
            guard let status = Int(how), (300...599).contains(status) else { return nil }
            kind = .status(status)
        }
        self.path = path
        self.times = times
    }
}
