import Foundation

/// Headless Chromium with a profile of its own, and a server for the pages that it loads.
///
/// The pages come from another port than Sluice, so from another origin, as in life.
public final class Chromium: Sendable {
    public static let isInstalled = FileManager.default.isExecutableFile(atPath: program)
    public static let reason = "chromium is not installed: apt-get install chromium"
    private static let program = "/usr/bin/chromium"

    private let directory: TemporaryDirectory
    private let pages: ChildProcess
    private let port: Int

    public init(in directory: TemporaryDirectory) async throws {
        self.directory = directory
        port = FreePort.find()
        try FileManager.default.createDirectory(
            atPath: directory("pages"), withIntermediateDirectories: true)
        pages = try ChildProcess(
            "/usr/bin/python3",
            [
                "-m", "http.server", String(port), "--bind", "127.0.0.1", "--directory",
                directory("pages"),
            ],
            outputPath: directory("pages.log"))
        let http = HTTP(base: "http://127.0.0.1:\(port)")
        try await eventually("pages are served") {
            do { return try await http.get("/").status == 200 } catch { return false }
        }
    }

    public func stop() { pages.kill() }

    /// Adds a page.
    public func setPage(_ name: String, _ html: String) throws {
        try html.write(toFile: directory("pages/\(name)"), atomically: true, encoding: .utf8)
    }

    /// Whether a page asked for this path here: how it says that it came so far.
    public func wasAsked(_ path: String) throws -> Bool {
        try String(contentsOfFile: directory("pages.log"), encoding: .utf8)
            .contains("GET \(path) ")
    }

    /// Opens a page, waits until `isDone`, and closes the browser as a user does, so that it keeps what
    /// pages stored.
    public func open(
        _ page: String, until what: String, _ isDone: @Sendable () async throws -> Bool
    ) async throws {
        let browser = try ChildProcess(
            Self.program,
            [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-first-run", "--disable-extensions", "--disable-component-update",
                "--disable-background-networking", "--remote-debugging-port=0",
                "--user-data-dir=\(directory("profile"))", "http://127.0.0.1:\(port)/\(page)",
            ],
            outputPath: directory("chromium.log"))
        defer { browser.kill() }
        try await eventually("\(what): \(browser.lastWords)", within: .seconds(60), isDone)
        browser.terminate()
        _ = try await browser.ended(within: .seconds(20))
    }
}
