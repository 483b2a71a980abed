public import CustomerModel
import Glibc
import JSONText

/// Appends effects to a file under the output directory, one JSON object a line.
///
/// - Invariant: every line that ends with a line feed is whole. What a crash leaves of a line without one
///   is cut by the next ``prepare()``; an append that failed is cut back at once.
public final class FileConnector: DestinationTransport {
    private let path: OutputPath
    private let files: OutputFiles

    public let uncertainty = Uncertainty.lookup

    /// - Throws: ``LaneHold`` when `path` leads out of the output directory.
    public init(path: String, files: OutputFiles) throws(LaneHold) {
        self.path = try OutputPath(path)
        self.files = files
    }

    public func prepare() async throws(LaneHold) -> Readiness {
        try await holding {
            try await self.files.withFile(self.path, .write) { file throws(FileFault) in
                let size = try file.size()
                let whole = try file.endOfLastLine(size: size)
                if whole < size { try file.truncate(to: whole) }
                return Readiness(position: whole, tornBytes: size - whole)
            }
        }
    }

    public func compose(_ members: [RequestMember], requestID: String?) -> ComposedRequest {
        var body: [UInt8] = []
        body.reserveCapacity(members.reduce(0) { $0 + $1.body.count + 1 })
        for member in members {
            precondition(!member.body.contains(0x0A), "an effect's body is one line")
            body.append(contentsOf: member.body)
            body.append(0x0A)
        }
        return ComposedRequest(id: requestID ?? ComposedRequest.id(of: members), body: body)
    }

    public func send(_ request: ComposedRequest, handedOver: @Sendable () -> Void) async
        -> SendResult
    {
        let result: SendResult
        do {
            result = try await files.withFile(path, .write) { file throws(FileFault) in
                let before = try file.size()
                do throws(FileFault) {
                    try file.append(request.body)
                    return SendResult(.delivered, reason: "appended")
                } catch {
                    return Self.undo(error, in: file, to: before)
                }
            }
        } catch let fault as FileFault {
            return SendResult(.retry, reason: fault.reason)
        } catch {
            return SendResult(.retry, reason: "output files are closed")
        }
        handedOver()
        return result
    }

    /// Takes a failed append back. When that fails too, nobody knows what is in the file.
    private static func undo(_ fault: FileFault, in file: borrowing OutputFile, to size: Int)
        -> SendResult
    {
        do throws(FileFault) {
            try file.truncate(to: size)
            return SendResult(.retry, reason: fault.reason)
        } catch {
            return SendResult(.unknown, reason: fault.reason)
        }
    }

    public func find(
        _ keys: Set<EffectKey>, from position: Int?
    ) async throws(LaneHold) -> Set<EffectKey> {
        try await holding {
            let found = try await self.files.withFile(self.path, .read) { file throws(FileFault) in
                let size = try file.size()
                // A shorter file is another file: it cannot say what was in the one that was written to.
                let start = if let position { position } else { 0 }
                guard start <= size else { return Set<EffectKey>?.none }
                var search = LineSearch(for: keys)
                try search.run(file, from: start, to: size)
                return search.found
            }
            guard let found else {
                throw LaneHold(
                    "the output file is shorter than when it was last written: settle the unknown effects by hand"
                )
            }
            return found
        }
    }

    public func close() async {}

    /// Turns every failure into a hold with its reason.
    private func holding<Result: Sendable>(
        _ body: () async throws -> Result
    ) async throws(LaneHold) -> Result {
        do {
            return try await body()
        } catch let hold as LaneHold {
            throw hold
        } catch let fault as FileFault {
            throw LaneHold("the output file cannot be used: \(fault.reason)")
        } catch {
            throw LaneHold("output files are closed")
        }
    }
}

extension OutputFile {
    /// The place after the last line feed among the first `size` bytes.
    borrowing func endOfLastLine(size: Int) throws(FileFault) -> Int {
        var end = size
        while end > 0 {
            let start = max(0, end - 65_536)
            let bytes = try read(at: start, count: end - start)
            if let place = bytes.lastIndex(of: 0x0A) { return start + place + 1 }
            end = start
        }
        return 0
    }
}

/// Looks through whole lines for objects whose `id` is one of the keys.
private struct LineSearch {
    private var wanted: [String: EffectKey]
    private(set) var found: Set<EffectKey> = []
    private var parser = JSONParser(limits: JSONLimits(maximumBytes: 64 << 20))
    /// The beginning of a line whose end has not been read yet.
    private var rest: [UInt8] = []

    init(for keys: Set<EffectKey>) {
        wanted = Dictionary(uniqueKeysWithValues: keys.map { ($0.hex, $0) })
    }

    mutating func run(
        _ file: borrowing OutputFile, from start: Int, to end: Int
    ) throws(FileFault) {
        var position = start
        while position < end {
            let bytes = try file.read(at: position, count: min(1 << 20, end - position))
            guard !bytes.isEmpty else { return }
            position += bytes.count
            var lineStart = 0
            while let lineEnd = bytes[lineStart...].firstIndex(of: 0x0A) {
                rest.append(contentsOf: bytes[lineStart..<lineEnd])
                judge()
                rest.removeAll(keepingCapacity: true)
                lineStart = lineEnd + 1
            }
            rest.append(contentsOf: bytes[lineStart...])
        }
    }

    private mutating func judge() {
        do {
            // The member itself and not the text anywhere in the line: what a client sent must not pass
            // for a delivery.
            let id = try parser.parse(rest) { $0["id"]?.string }
            if let id, let key = wanted[id] { found.insert(key) }
        } catch {
            // Not one of our lines.
            return
        }
    }
}
