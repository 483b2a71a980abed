internal import Glibc
internal import JSONText

/// Where commands write. Results go to standard output; everything else to standard error.
enum Terminal {
    static func out(_ text: String) { write(text, to: STDOUT_FILENO) }
    static func error(_ text: String) { write("sluice: " + text, to: STDERR_FILENO) }
    static func note(_ text: String) { write(text, to: STDERR_FILENO) }

    static var isErrorTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// One line of bytes, at once: a tail is read by pipes.
    static func line(_ bytes: [UInt8]) { write(bytes + [0x0A], to: STDOUT_FILENO) }

    static func bytes(_ bytes: [UInt8]) { write(bytes, to: STDOUT_FILENO) }

    /// Overwrites the current line of a terminal.
    static func progress(_ text: String) {
        write(Array("\r\u{1B}[K\(text)".utf8), to: STDERR_FILENO)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)
        if bytes.last != 0x0A { bytes.append(0x0A) }
        write(bytes, to: descriptor)
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var written = 0
        while written < bytes.count {
            let put = bytes.withUnsafeBytes {
                Glibc.write(
                    descriptor, $0.baseAddress.unsafelyUnwrapped + written, $0.count - written)
            }
            if put < 0 {
                if errno == EINTR { continue }
                // Nobody reads any more, and nobody is left to tell.
                exit(Exit.failed.rawValue)
            }
            written += put
        }
    }
}
