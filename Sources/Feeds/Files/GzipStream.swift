private import CZlib

/// Why gzip data cannot be unpacked.
struct GzipProblem: Error {
    var reason: String

    /// Something other than a member or padding stands behind the last member.
    static let trailingBytes = GzipProblem(reason: "other bytes follow it")
}

/// zlib's inflater for gzip data of one or more members behind each other (RFC 1952), with zero
/// bytes after the last one, as tapes leave them.
///
/// | state | input | then |
/// |---|---|---|
/// | inside | bytes of a member | inside; at its checked end: between |
/// | between | `1f` | inside, of the next member |
/// | between, padding | `00` | padding |
/// | between, padding | anything else | an error |
struct GzipStream: ~Copyable {
    private enum State { case inside, between, padding }

    /// On the heap: zlib refuses a stream that was moved.
    private let stream: UnsafeMutablePointer<z_stream>
    private var state = State.inside

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 15 bits of window, the largest; 16 more for "gzip only".
        let code = inflateInit2_(
            stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(code == Z_OK, "zlib cannot be set up: code \(code)")
    }

    deinit {
        inflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// Whether the data may end here.
    var isWhole: Bool { state != .inside }

    /// Unpacks what it can. Fewer bytes than `output` holds come back when the input is used up or
    /// a member ended.
    mutating func inflate(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(GzipProblem) -> (consumed: Int, produced: Int) {
        let padding = try skipPadding(input)
        guard state == .inside else { return (padding, 0) }
        let rest = UnsafeRawBufferPointer(rebasing: input[padding...])
        // zlib does not write to its input; its type only lacks the const.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: rest.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(rest.count)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(output.count)
        let code = CZlib.inflate(stream, Z_NO_FLUSH)
        let consumed = padding + rest.count - Int(stream.pointee.avail_in)
        let produced = output.count - Int(stream.pointee.avail_out)
        switch code {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END: state = .between
        default:
            let message = stream.pointee.msg.map { String(cString: $0) }
            throw GzipProblem(reason: message ?? "zlib code \(code)")
        }
        return (consumed, produced)
    }

    private mutating func skipPadding(
        _ input: UnsafeRawBufferPointer
    ) throws(GzipProblem) -> Int {
        guard state != .inside else { return 0 }
        let zeroes = input.prefix { $0 == 0 }.count
        if zeroes > 0 { state = .padding }
        guard zeroes < input.count else { return zeroes }
        guard state == .between, input[0] == 0x1F else { throw .trailingBytes }
        let code = inflateReset(stream)
        precondition(code == Z_OK, "zlib cannot be reset: code \(code)")
        state = .inside
        return 0
    }
}
