import Foundation
import Glibc

/// Where a server listens.
enum LoadAddress {
    case loopback(port: Int)
    case unix(path: String)
}

/// What is spoken there.
enum LoadWire { case http, postgres }

/// One connection that carries a request at a time.
final class LoadConnection {
    let descriptor: Int32
    private let wire: LoadWire
    private var input = [UInt8](repeating: 0, count: 64 << 10)
    private var received = 0
    private var written = 0

    var request: PreparedRequest
    /// When what is under way was due.
    var began: UInt64 = 0
    var isBusy = false
    /// What the server said when it took something not, or not whole; the last time.
    private(set) var refusal: String?

    /// Opens it.
    ///
    /// - Parameter greeting: messages that are sent, and answered, one after the other before any load.
    init(
        _ address: LoadAddress, _ wire: LoadWire, greeting: [[UInt8]] = [],
        request: PreparedRequest = .none
    ) throws {
        self.wire = wire
        self.request = request
        descriptor = try Self.connected(address)
        for message in greeting { try converse(message) }
        guard fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else { throw BenchError("fcntl failed") }
    }

    deinit { close(descriptor) }

    private static func connected(_ address: LoadAddress) throws -> Int32 {
        let stream = Int32(SOCK_STREAM.rawValue)
        let descriptor: Int32
        var code: Int32
        switch address {
        case .loopback(let port):
            descriptor = socket(AF_INET, stream, 0)
            var one: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = in_port_t(port).bigEndian
            name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            code = withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        case .unix(let path):
            descriptor = socket(AF_UNIX, stream, 0)
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            guard path.utf8.count < MemoryLayout.size(ofValue: name.sun_path) else {
                throw BenchError("\(path) is too long for a socket: use another --dir")
            }
            withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
            code = withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
        guard code == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw BenchError("cannot connect to \(address): \(reason)")
        }
        // A batch goes out in one call.
        var room: Int32 = 1 << 20
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &room, 4)
        return descriptor
    }

    /// Sends and waits for the answer, before the load begins.
    private func converse(_ message: [UInt8]) throws {
        var left = message[...]
        while !left.isEmpty {
            let sent = left.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, 0) }
            guard sent > 0 else { throw BenchError("the connection broke") }
            left = left.dropFirst(sent)
        }
        while true {
            if let isGood = try receive() {
                guard isGood else { throw BenchError("the server refuses: \(refusal ?? "")") }
                return
            }
        }
    }

    private var answered: String {
        String(decoding: input.prefix(300).filter { $0 >= 0x20 }, as: UTF8.self)
    }

    // MARK: The load

    /// What `poll` is to wait for.
    var awaited: Int16 {
        guard isBusy else { return 0 }
        return Int16(written < request.bytes.count ? POLLIN | POLLOUT : POLLIN)
    }

    func begin(at due: UInt64) throws {
        began = due
        isBusy = true
        written = 0
        try write()
    }

    /// Writes as much as the socket takes.
    func write() throws {
        while written < request.bytes.count {
            let sent = request.bytes.withUnsafeBytes {
                send(
                    descriptor, $0.baseAddress! + written, $0.count - written,
                    Int32(MSG_NOSIGNAL))
            }
            if sent < 0, errno == EAGAIN { return }
            guard sent > 0 else { throw BenchError("the connection broke while sending") }
            written += sent
        }
    }

    /// Takes what came: whether the request was taken, or nil when its answer is not whole yet.
    func receive() throws -> Bool? {
        let count = input.withUnsafeMutableBytes {
            recv(descriptor, $0.baseAddress! + received, $0.count - received, 0)
        }
        if count < 0, errno == EAGAIN { return nil }
        guard count > 0 else { throw BenchError("the server closed a connection: \(answered)") }
        received += count
        return try input.withUnsafeBytes { bytes -> Bool? in
            let found = UnsafeRawBufferPointer(rebasing: bytes[..<received])
            let end: Int
            let isGood: Bool
            switch wire {
            case .postgres:
                guard let answer = PostgresWire.answer(in: found) else { return nil }
                (end, isGood) = (answer.end, !answer.isError)
            case .http:
                guard let answer = try Self.answer(in: found) else { return nil }
                (end, isGood) = answer
            }
            guard end == received else { throw BenchError("more was answered than asked") }
            if !isGood { refusal = String(decoding: found.prefix(500), as: UTF8.self) }
            received = 0
            return isGood
        }
    }

    /// Where an HTTP answer ends, and whether it says that everything was taken; nil while more is to come.
    private static func answer(in bytes: UnsafeRawBufferPointer) throws -> (Int, Bool)? {
        guard let head = end(of: "\r\n\r\n", in: bytes) else { return nil }
        let text = UnsafeRawBufferPointer(rebasing: bytes[..<head])
        guard
            let field = end(of: "ontent-length: ", in: text) ?? end(of: "ontent-Length: ", in: text)
        else { throw BenchError("an answer without Content-Length") }
        let length = text[field...].prefix { 0x30...0x39 ~= $0 }.reduce(0) {
            $0 * 10 + Int($1) - 48
        }
        guard head + length <= bytes.count else { return nil }
        let isOK = end(of: "HTTP/1.1 200", in: text) != nil
        // Anything longer names items that were refused.
        return (head + length, isOK && length == LoadGenerator.taken.utf8.count)
    }

    private static func end(of word: StaticString, in bytes: UnsafeRawBufferPointer) -> Int? {
        let count = word.utf8CodeUnitCount
        guard bytes.count >= count, let base = bytes.baseAddress else { return nil }
        return (0...(bytes.count - count)).first { memcmp(base + $0, word.utf8Start, count) == 0 }
            .map { $0 + count }
    }
}
