internal import EventLog
internal import HTTPTypes
package import JSONText
package import Platform

extension CollectOutcome {
    /// What became of each item: `{"success":true,"accepted":2,"duplicates":0,"rejected":[{"index":1,…}]}`;
    /// `rejectedCount` too where more were refused than are named.
    ///
    /// - Parameter includesSuppressed: only operators learn how many were dropped as suppressed (X1).
    package func json(includesSuppressed: Bool) -> JSONValue {
        var members: [(key: String, value: JSONValue)] = [
            ("success", true), ("accepted", .int(Int64(accepted))),
            ("duplicates", .int(Int64(duplicates))),
        ]
        if includesSuppressed {
            members.append(("suppressed", .int(Int64(suppressed))))
            if let lastOffset { members.append(("lastOffset", .int(Int64(lastOffset.value)))) }
        }
        if !conflicts.isEmpty {
            let refusal = ItemRefusal.messageIDConflict
            let rows = conflicts.map { index -> JSONValue in
                [
                    "index": .int(Int64(index)), "code": .string(refusal.code),
                    "message": .string(refusal.message),
                ]
            }
            members.append(("conflicts", .array(rows)))
        }
        let rows = rejected.map { item -> JSONValue in
            var row: [(key: String, value: JSONValue)] = [("index", .int(Int64(item.index)))]
            if let number = item.recordNumber { row.append(("record", .int(Int64(number)))) }
            row.append(("code", .string(item.refusal.code)))
            row.append(("message", .string(item.refusal.message)))
            return .object(JSONObject(row))
        }
        members.append(("rejected", .array(rows)))
        // Not all of them are named then.
        if rejectedCount > rejected.count {
            members.append(("rejectedCount", .int(Int64(rejectedCount))))
        }
        return .object(JSONObject(members))
    }
}

extension CollectRefusal {
    /// The HTTP answer; pressure and failure ask the client to come back.
    var answer: Answer {
        switch self {
        case .busy(let seconds):
            .busy(.serviceUnavailable, "busy", description, retryAfterSeconds: seconds)
        case .logFailed:
            // The reason is for the operator's log, not for clients.
            .busy(
                .serviceUnavailable, "log_failed", "the log cannot be written now",
                retryAfterSeconds: 30)
        case .tooLarge:
            .failure(.badRequest, "too_large", description)
        case .workspaceNotEmpty:
            .failure(.conflict, "workspace_not_empty", description)
        }
    }
}
