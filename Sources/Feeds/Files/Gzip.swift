/// Unpacking gzip data that lies in memory, such as a request's body.
public enum Gzip {
    public enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        /// It would unpack to more than this many bytes. No more than that were made.
        case tooLong(limit: Int)
        /// It ends inside a member.
        case truncated
        case corrupt(String)

        public var description: String {
            switch self {
            case .tooLong(let limit): "the gzip data unpacks to more than \(limit) bytes"
            case .truncated: "the gzip data ends too early"
            case .corrupt(let reason): "the gzip data is damaged: \(reason)"
            }
        }
    }

    /// The bytes that `bytes` unpack to, of all members.
    ///
    /// What is allocated follows what has been unpacked, never what the data promise.
    /// - Parameter limit: the most bytes that may come out.
    public static func inflate(_ bytes: [UInt8], limit: Int) throws(Failure) -> [UInt8] {
        guard !bytes.isEmpty else { throw .truncated }
        var stream = GzipStream()
        var unpacked: [UInt8] = []
        var position = 0
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let step: (consumed: Int, produced: Int)
            do throws(GzipProblem) {
                step = try inflate(bytes, from: position, into: &chunk, with: &stream)
            } catch {
                throw .corrupt(error.reason)
            }
            position += step.consumed
            guard unpacked.count + step.produced <= limit else { throw .tooLong(limit: limit) }
            unpacked.append(contentsOf: chunk[..<step.produced])
            if step.produced == 0, position == bytes.count { break }
            if step == (0, 0) { break }
        }
        guard position == bytes.count, stream.isWhole else { throw .truncated }
        return unpacked
    }

    private static func inflate(
        _ bytes: [UInt8], from position: Int, into chunk: inout [UInt8],
        with stream: inout GzipStream
    ) throws(GzipProblem) -> (consumed: Int, produced: Int) {
        let input = bytes.span.bytes.extracting(position..<bytes.count)
        var output = chunk.mutableSpan
        var failure: GzipProblem?
        var step = (consumed: 0, produced: 0)
        input.withUnsafeBytes { source in
            output.withUnsafeMutableBytes { target in
                do throws(GzipProblem) {
                    step = try stream.inflate(source, into: target)
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
        return step
    }
}
