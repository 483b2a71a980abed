import ArgumentParser

/// The benchmarks, one subcommand a subject.
@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures goals, limits and peers side by side in one run.",
        subcommands: [LogBench.self, LogChild.self, ReplayBench.self, CollectBench.self])
}
