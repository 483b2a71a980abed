private import CZlib

extension Gzip {
    /// `bytes` as one gzip member (RFC 1952), packed as small as zlib can.
    ///
    /// For what is packed once and kept: it is the slowest level.
    public static func deflate(_ bytes: [UInt8]) -> [UInt8] {
        // On the heap: zlib refuses a stream that was moved.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        defer {
            deflateEnd(stream)
            stream.deinitialize(count: 1)
            stream.deallocate()
        }
        // 15 bits of window, the largest; 16 more for a gzip header; 8 is zlib's own share of memory.
        let code = deflateInit2_(
            stream, Z_BEST_COMPRESSION, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(code == Z_OK, "zlib cannot be set up: code \(code)")
        let bound = Int(deflateBound(stream, UInt(bytes.count)))
        return [UInt8](unsafeUninitializedCapacity: bound) { target, count in
            bytes.withUnsafeBufferPointer { source in
                // zlib's header takes the input without const; it does not write there.
                stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                stream.pointee.avail_in = UInt32(source.count)
                stream.pointee.next_out = target.baseAddress
                stream.pointee.avail_out = UInt32(bound)
                let code = CZlib.deflate(stream, Z_FINISH)
                precondition(code == Z_STREAM_END, "zlib did not finish: code \(code)")
            }
            count = bound - Int(stream.pointee.avail_out)
        }
    }
}
