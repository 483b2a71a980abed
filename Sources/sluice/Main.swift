internal import ArgumentParser
internal import Glibc

@main
enum Main {
    static func main() async {
        let code = await run()
        exit(code.rawValue)
    }

    /// Runs the command and turns whatever comes of it into text and an exit code.
    private static func run() async -> Exit {
        do {
            var command = try Sluice.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return .done
        } catch let failure as CommandFailure {
            Terminal.error(failure.message)
            return failure.exit
        } catch {
            let code = Sluice.exitCode(for: error)
            if code.isSuccess {
                Terminal.out(Sluice.fullMessage(for: error))
                return .done
            }
            Terminal.error(Sluice.fullMessage(for: error))
            return code == .validationFailure ? .usage : .failed
        }
    }
}
