internal import ArgumentParser
internal import Glibc

/// Where the data are and how the answer is shown: options of every command.
struct Place: ParsableArguments {
    @Option(
        name: .customLong("data"),
        help: ArgumentHelp(
            "The data directory. Default: $SLUICE_DATA, else ./sluice-data.", valueName: "dir"))
    var data: String?

    @Flag(help: "Print the result as JSON.")
    var json = false

    var directory: String {
        if let data { return data }
        if let variable = getenv("SLUICE_DATA") {
            let text = String(cString: variable)
            if !text.isEmpty { return text }
        }
        return "./sluice-data"
    }

    /// Whether the directory is there.
    var exists: Bool {
        guard let opened = opendir(directory) else { return false }
        closedir(opened)
        return true
    }
}
