public import Foundation

/// The programs under test: what stands beside the test bundle, or where `SLUICE_PROGRAMS` says.
public enum Programs {
    public static let sluice = directory + "/sluice"
    public static let demoShop = directory + "/demo-shop"

    /// The first python3 on the PATH; nil where there is none.
    public static let python: String? = {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
        return path.split(separator: ":").map { $0 + "/python3" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    private static let directory: String = {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment["SLUICE_PROGRAMS"] { return path }
        return URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().path
    }()
}

/// The package this test was built from, and what stands around it.
public enum Places {
    /// The directory of Package.swift.
    public static let package = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// A file under `tools/`.
    public static func tool(_ path: String) -> String {
        package.appendingPathComponent("tools").appendingPathComponent(path).path
    }

    /// A real data set; nil where the data does not stand beside the package.
    public static func data(_ name: String) -> String? {
        let file = package.deletingLastPathComponent()
            .appendingPathComponent("shared/data").appendingPathComponent(name)
        return FileManager.default.isReadableFile(atPath: file.path) ? file.path : nil
    }
}

/// A directory that goes away with the value.
public final class TemporaryDirectory: Sendable {
    public let path: String

    public init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("sluice-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    /// A path inside it.
    public func callAsFunction(_ name: String) -> String { path + "/" + name }

    /// Writes a file and returns its path.
    public func write(_ name: String, _ text: String) throws -> String {
        try text.write(toFile: self(name), atomically: true, encoding: .utf8)
        return self(name)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            print("left behind: \(path): \(error)")
        }
    }
}
