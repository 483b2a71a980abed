/// The peak of resident memory of processes that do nothing but write a log, or read one.
enum MemorySection {
    private static let goal = Goal.atMost(64)

    static func perform(_ run: LogRun) throws {
        run.report.begin("memory", "how much do a writer and a reader take at most?")
        for records in [run.sizes.small, run.sizes.large] {
            let made = try run.log(records)
            let label = Report.number(Double(records)) + " events"
            let writer = made.writer
            // What the process held before it opened the log are the bench's own payloads.
            run.report.add(
                "\(label): writer and sealer, 8 threads of 100, added",
                Double(writer.peakKiB - writer.startKiB) / 1024, "MiB", goal: goal)
            run.report.add(
                "\(label):    peak of the process", Double(writer.peakKiB) / 1024, "MiB")
            run.report.add(
                "\(label):    events a second, sealing as it goes",
                Double(records) / writer.appendSeconds, "events/s")
            run.report.add("\(label):    then, until all is sealed", writer.sealSeconds, "s")
            let reader = try run.child(
                LogChild.ReaderReport.self, ["read", "--log", made.path, "--records", "\(records)"])
            guard reader.digest == writer.digest else {
                throw BenchError("the reader read other lines than were written")
            }
            run.report.add(
                "\(label): reader of lines, columns, 1000 keys, added",
                Double(reader.peakKiB - reader.startKiB) / 1024, "MiB", goal: goal)
            run.report.add(
                "\(label):    peak of the process", Double(reader.peakKiB) / 1024, "MiB")
        }
    }
}
