internal import Glibc

/// Reads the files that people name on the command line.
enum TextFile {
    static func read(_ path: String, limitBytes: Int = 4 << 20) throws(CommandFailure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let exit: Exit = errno == ENOENT ? .notFound : .failed
            throw CommandFailure(exit, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var out: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let got = Glibc.read(descriptor, &chunk, chunk.count)
            guard got >= 0 else {
                throw CommandFailure(
                    .failed, "cannot read \(path): \(String(cString: strerror(errno)))")
            }
            if got == 0 { return out }
            out.append(contentsOf: chunk[..<got])
            guard out.count <= limitBytes else {
                throw CommandFailure(.refused, "\(path) is larger than \(limitBytes) bytes")
            }
        }
    }
}
