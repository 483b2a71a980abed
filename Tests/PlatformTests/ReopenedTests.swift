import EventLog
import Foundation
import JSONText
import Platform
import Projections
import Testing

@Suite struct `A workspace that is opened again` {
    /// A directory in which one order was collected.
    private func used() async throws -> String {
        let directory = try temporaryDirectory()
        try await withWorkspace(in: directory) { workspace, _ in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([Shop.order("o1", user: "ada", revenue: "1")])
        }
        return directory
    }

    @Test func `T2: moves time by itself, though nothing comes`() async throws {
        let directory = try await used()
        defer { remove(directory) }
        try await withWorkspace(in: directory) { workspace, _ in
            let start = Timestamp.now().microseconds - 60_000_000
            let deadline = ContinuousClock.now + .seconds(20)
            while workspace.projection.read({ $0.projectionTime }) < start {
                try #require(ContinuousClock.now < deadline, "time stands still")
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    @Test func `P2: finds its checkpoint under the code version that made it`() async throws {
        let directory = try await used()
        defer { remove(directory) }
        let folder = directory + "/checkpoints"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            .filter { $0.hasSuffix(".fold") }
        let name = try #require(names.max())
        let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
        #expect(bytes.prefix(4) == Data("SLCP".utf8))
        let version = bytes[6..<10].reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect(version == FoldState.codeVersion)
    }
}
