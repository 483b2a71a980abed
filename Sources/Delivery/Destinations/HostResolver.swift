import Glibc
import NIOPosix

/// Turns host names into addresses, on NIO's threads for blocking work: the system's resolver blocks.
public struct HostResolver: Sendable {
    private let answer: @Sendable (String) -> [NetworkAddress]

    /// Asks the system's resolver.
    public init() { self.init(answer: HostResolver.system) }

    /// - Parameter answer: the addresses of a host, in order of preference; none when it has none.
    package init(answer: @escaping @Sendable (String) -> [NetworkAddress]) { self.answer = answer }

    /// The addresses of `host`, which may be a literal one, in order of preference; none when it cannot
    /// be resolved now.
    func addresses(of host: String) async throws -> [NetworkAddress] {
        let answer = answer
        return try await NIOThreadPool.singleton.runIfActive { answer(host) }
    }

    private static func system(_ host: String) -> [NetworkAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [NetworkAddress] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ai_next
            guard let raw = UnsafeRawPointer(entry.pointee.ai_addr) else { continue }
            switch entry.pointee.ai_family {
            case AF_INET:
                var address = raw.loadUnaligned(as: sockaddr_in.self).sin_addr
                found.append(NetworkAddress(bytes: withUnsafeBytes(of: &address) { Array($0) }))
            case AF_INET6:
                var address = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
                found.append(NetworkAddress(bytes: withUnsafeBytes(of: &address) { Array($0) }))
            default: continue
            }
        }
        return found
    }
}
