import Glibc
public import JSONText

/// One answer, read byte by byte.
public struct RawAnswer: Sendable {
    public var status: Int
    /// Names in lower case.
    public var headers: [String: String]
    public var body: [UInt8]

    public var text: String { String(decoding: body, as: UTF8.self) }
    /// nil where the body is no JSON.
    public var json: JSONValue? {
        do { return try JSONValue(parsing: body) } catch { return nil }
    }
}

/// A TCP connection to 127.0.0.1 that says what no client library would. Used by one task at a time.
public final class RawConnection: Sendable {
    /// No connection came about.
    public struct Failed: Error { public var call: String, number: Int32 }

    private let descriptor: Int32

    /// - Parameter receiveBuffer: how much the system may hold of what nobody reads, in bytes.
    public init(port: Int, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failed(call: "socket", number: errno) }
        if var size = receiveBuffer {
            setsockopt(
                descriptor, SOL_SOCKET, SO_RCVBUF, &size,
                socklen_t(MemoryLayout.size(ofValue: size)))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else {
            let number = errno
            Glibc.close(descriptor)
            throw Failed(call: "connect", number: number)
        }
    }

    deinit { Glibc.close(descriptor) }

    /// Sends all of it; false when the other side has closed, or does not take it in time.
    @discardableResult
    public func send(_ bytes: [UInt8], within limit: Duration = .seconds(20)) async throws -> Bool {
        let deadline = ContinuousClock.now + limit
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress.unsafelyUnwrapped + sent, bytes.count - sent,
                    Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if errno != EAGAIN || ContinuousClock.now > deadline {
                return false
            } else {
                try await Task.sleep(for: .milliseconds(1))
            }
        }
        return true
    }

    @discardableResult
    public func send(_ text: String) async throws -> Bool { try await send(Array(text.utf8)) }

    /// Says that nothing more is sent.
    public func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    private enum Piece {
        case bytes([UInt8])
        case end, nothing
    }

    private func receive() -> Piece {
        var room = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &room, room.count, 0)
        if count > 0 { return .bytes(Array(room[..<count])) }
        return count < 0 && errno == EAGAIN ? .nothing : .end
    }

    /// The next answer; nil when the connection ends before it is whole, or at the deadline.
    public func answer(within limit: Duration = .seconds(20)) async throws -> RawAnswer? {
        let deadline = ContinuousClock.now + limit
        var bytes: [UInt8] = []
        while ContinuousClock.now < deadline {
            if let answer = Self.answer(in: bytes) { return answer }
            switch receive() {
            case .bytes(let more): bytes += more
            case .end: return nil
            case .nothing: try await Task.sleep(for: .milliseconds(1))
            }
        }
        return nil
    }

    /// Everything that comes until the other side ends, or until the deadline.
    public func everything(within limit: Duration = .seconds(20)) async throws -> String {
        let deadline = ContinuousClock.now + limit
        var bytes: [UInt8] = []
        while ContinuousClock.now < deadline {
            switch receive() {
            case .bytes(let more): bytes += more
            case .end: return String(decoding: bytes, as: UTF8.self)
            case .nothing: try await Task.sleep(for: .milliseconds(1))
            }
        }
        return String(decoding: bytes, as: UTF8.self) + "<still open>"
    }

    /// Reads whatever comes until the other side ends; how long that took, or nil at the deadline.
    public func untilClosed(within limit: Duration) async throws -> Duration? {
        let start = ContinuousClock.now
        while ContinuousClock.now < start + limit {
            switch receive() {
            case .bytes: continue
            case .end: return ContinuousClock.now - start
            case .nothing: try await Task.sleep(for: .milliseconds(5))
            }
        }
        return nil
    }

    /// The answer that stands at the beginning of `bytes`, once it is whole.
    private static func answer(in bytes: [UInt8]) -> RawAnswer? {
        let blank = Array("\r\n\r\n".utf8)
        guard bytes.count >= 16,
            let end = bytes.indices.dropLast(3).first(where: {
                bytes[$0..<$0 + 4].elementsEqual(blank)
            })
        else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first,
            let status = Int(status)
        else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let sides = line.split(separator: ":", maxSplits: 1)
            headers[sides[0].lowercased()] = sides.last.map {
                String($0.drop { $0 == " " })
            }
        }
        let length = Int(headers["content-length"] ?? "0") ?? 0
        guard bytes.count >= end + 4 + length else { return nil }
        return RawAnswer(
            status: status, headers: headers, body: Array(bytes[(end + 4)..<(end + 4 + length)]))
    }
}
