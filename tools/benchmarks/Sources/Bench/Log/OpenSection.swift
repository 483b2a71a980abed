/// Opening a log whose writer was killed.
enum OpenSection {
    static func perform(_ run: LogRun) throws {
        run.report.begin("open", "how long does opening take after kill -9?")
        let path = run.scratch.path + "/killed"
        try kill(run, path, records: run.sizes.small / 4)
        try open(run, path, "killed while appending, sealing on its way")
        run.scratch.remove("killed")
        let large = try run.log(run.sizes.large)
        try kill(run, large.path, records: nil)
        try open(
            run, large.path,
            "\(Report.number(Double(large.records))) events sealed, the active segment full")
    }

    /// Appends to a log in a child until so many records are there, or until the active segment is
    /// nearly full, and kills it.
    private static func kill(_ run: LogRun, _ path: String, records: Int?) throws {
        let arguments = ["tail", "--log", path] + (records.map { ["--records", "\($0)"] } ?? [])
        try Programs.killed(
            try Programs.own(), run.childArguments(arguments), after: LogChild.readySign)
    }

    private static func open(_ run: LogRun, _ path: String, _ name: String) throws {
        // The first one cuts the tear; all of them read the whole active segment.
        let reports = try (0..<5).map { _ in
            try run.child(LogChild.OpenReport.self, ["open", "--log", path])
        }
        run.report.add("\(name): first time", reports[0].milliseconds, "ms", goal: .atMost(300))
        run.report.add(
            "\(name): the middle of five", median(reports.map(\.milliseconds)), "ms",
            goal: .atMost(300))
        run.report.note(
            "\(reports[0].findings) findings of recovery; "
                + "\(Report.number(Double(reports[0].activeBytes) / 1e6)) MB of lines in the active segment"
        )
    }
}
