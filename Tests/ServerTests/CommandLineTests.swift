import ArgumentParser
import JSONText
import Testing
import sluice

@Suite struct `The command line` {
    @Test(arguments: [
        "serve --port 0", "serve --data d --host ::1 --batch-kib 4096 --item-kib 64",
        "ingest a.csv.gz b.ndjson --source shop --map m.yaml --as-if-live --from-record 7",
        "policy check p.yaml", "policy diff p.yaml --json",
        "policy apply p.yaml --approver ada --note why",
        "policy history", "policy history 3", "policy violations --json",
        "policy quarantine --from 1 --to 9 --limit 5", "policy release",
        "policy release crm --apply",
        "replay simulate p.yaml --from 10 --to 2026-01-01T00:00:00Z --samples 5",
        "replay rebuild", "replay verify", "replay backfill crm",
        "replay backfill crm --apply --approver ada --rate 5", "replay plans", "replay findings",
        "explain 12", "explain web/m-1 crm --json",
        "audit disclosures email:ada@example.com",
        "audit disclosures --person user_id:1 --limit 5", "profile p12.0",
        "replay backfill crm --apply", "profile user_id:1 --as-of 12",
        "consent user_id:1", "audience", "audience buyers", "suppress user_id:1 --by ada",
        "destination pause crm", "destination resume crm --by ada", "destination redrive crm",
        "destination settle crm --attempt 12 --as delivered --by ada",
        "key create web --name web-2", "key revoke web", "key list", "token create auditor dpo",
        "token revoke dpo", "token list", "tail events --from 12", "log stat", "log verify",
        "log cat", "log cat 5 --limit 3", "status --data d --json", "rejects --limit 3", "log seal",
        "sql select", "suppress --reapply suppressions.ndjson",
        "log accept-loss --from 3 --to 9 --reason broken --by ada",
        "identity review", "identity review --all", "identity review --approve 1 email:a@x.org",
        "identity review --reject 2 --reason no --by ada", "identity refusals --limit 3",
        "identity refusals user_id:1", "identity retractions",
        "identity retract user_id:1 email:a@x.org --reason wrong",
        "identity lift user_id:1 email:a@x.org",
    ])
    func `takes`(_ line: String) throws {
        _ = try Sluice.parseAsRoot(line.split(separator: " ").map(String.init))
    }

    @Test(arguments: [
        "serve --port 70000", "serve --batch-kib 5000", "serve --log-level loud", "ingest a.csv",
        "ingest --source shop", "ingest a --source s --from-record 0", "policy", "policy check",
        "policy apply", "audit disclosures", "audit disclosures a:b --person c:d", "explain",
        "profile ada",
        "profile :1", "profile user_id:", "token create king ada", "nothing", "status --loud",
        "destination settle crm --attempt 12", "destination settle crm --attempt 12 --as lost",
        "suppress", "suppress user_id:1 --reapply f", "log accept-loss --from 3 --to 9",
        "log accept-loss --from -3 --to 9 --reason x", "identity retract user_id:1 --reason x",
        "identity retract user_id:1 email:e", "identity review --approve ada",
        "identity review --all --approve 1", "identity lift p1.0 email:e",
    ])
    func `refuses as wrong usage`(_ line: String) throws {
        let error = #expect(throws: (any Error).self) {
            var command = try Sluice.parseAsRoot(line.split(separator: " ").map(String.init))
            // A group without its subcommand only shows its help.
            try command.run()
        }
        let code = error.map { Sluice.exitCode(for: $0) }
        #expect(code == .validationFailure || line == "policy")
    }

    @Test func `ends with a code that scripts can trust`() {
        let rows: [(Int, Exit)] = [
            (200, .done), (404, .notFound), (400, .refused), (403, .refused), (409, .refused),
            (422, .refused), (429, .unavailable), (503, .unavailable), (500, .failed),
        ]
        for (status, exit) in rows { #expect(Exit(status: status) == exit, "\(status)") }
    }
}

@Suite struct `Text for people` {
    @Test func `puts names beside values and alike objects in a table`() {
        let value: JSONValue = [
            "health": "ok", "durableEnd": 1_234_567, "policy": nil, "audiences": [],
            "lanes": [
                ["destination": "crm", "pending": 3, "fields": ["a", "b"]],
                ["destination": "file-archive", "pending": 12_000],
            ],
        ]
        #expect(
            Renderer.text(value) == """
                health       ok
                durable end  1,234,567
                policy       -
                audiences  none
                lanes
                  destination   pending  fields
                  crm                 3  a, b
                  file-archive   12,000
                """)
    }

    @Test func `never passes on what a terminal would obey`() {
        #expect(Renderer.cell("a\u{1B}[31mb\nc\u{202E}d") == "a·[31mb·c·d")
        #expect(Renderer.words("consentOffset") == "consent offset")
        #expect(Renderer.words("truncateIP") == "truncate IP")
        #expect(Renderer.words("requireOAuth") == "require OAuth")
        #expect(Renderer.cell(.string(String(repeating: "x", count: 100))).count == 60)
    }
}
