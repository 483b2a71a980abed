private import CGzip

/// Zips bodies as clients do, at zlib's own level.
enum Gzip {
    static func deflated(_ bytes: ArraySlice<UInt8>) throws -> [UInt8] {
        var stream = z_stream()
        // 16 above the window's bits asks for gzip's frame.
        guard
            deflateInit2_(
                &stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw BenchError("zlib does not start") }
        defer { deflateEnd(&stream) }
        var input = Array(bytes)
        var code = Z_OK
        let output = [UInt8](
            unsafeUninitializedCapacity: Int(deflateBound(&stream, UInt(input.count)))
        ) { room, count in
            input.withUnsafeMutableBufferPointer { input in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = room.baseAddress
                stream.avail_out = UInt32(room.count)
                code = deflate(&stream, Z_FINISH)
            }
            count = Int(stream.total_out)
        }
        guard code == Z_STREAM_END else { throw BenchError("zlib ends with \(code)") }
        return output
    }
}
