import Foundation
import Glibc

/// nginx with two workers, which reads and throws away a body and answers what our server answers: the limit
/// of the HTTP side.
struct NginxServer {
    let process: ServerProcess
    let address: LoadAddress

    init(_ scratch: Scratch) throws {
        let port = try ServerProcess.freePort()
        let place = scratch.path + "/nginx"
        try FileManager.default.createDirectory(
            atPath: place, withIntermediateDirectories: true)
        let text = """
            daemon off;
            \(getuid() == 0 ? "user root;" : "")
            worker_processes 2;
            pid \(place)/pid;
            events { worker_connections 1024; }
            http {
              access_log off;
              client_max_body_size 4m;
              client_body_temp_path \(place)/body;
              proxy_temp_path \(place)/proxy;
              fastcgi_temp_path \(place)/fastcgi;
              uwsgi_temp_path \(place)/uwsgi;
              scgi_temp_path \(place)/scgi;
              keepalive_requests 1000000000;
              keepalive_timeout 300;
              server {
                listen 127.0.0.1:\(port);
                default_type application/json;
                location / { return 200 '\(LoadGenerator.taken)'; }
              }
            }
            """
        try text.write(toFile: place + "/nginx.conf", atomically: true, encoding: .utf8)
        process = try ServerProcess(
            "nginx", "/usr/sbin/nginx",
            ["-c", place + "/nginx.conf", "-e", place + "/errors"], log: scratch.path + "/nginx.log"
        )
        let address = LoadAddress.loopback(port: port)
        self.address = address
        try CollectBench.waitUntilUp(process, stopping: SIGTERM) {
            _ = try LoadConnection(address, .http)
        }
    }
}

/// A throw-away PostgreSQL with one table, every commit durable.
struct PostgresServer {
    static let user = "bench"
    private static let table = """
        CREATE TABLE events (message_id text PRIMARY KEY, source text NOT NULL, \
        received timestamptz NOT NULL, body jsonb NOT NULL)
        """

    let process: ServerProcess
    let address: LoadAddress
    /// Where its socket is.
    let directory: String

    init(_ scratch: Scratch) throws {
        let programs = try Self.programs()
        let place = scratch.path + "/pg"
        directory = place
        try FileManager.default.createDirectory(
            atPath: place, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        // It refuses to run as root.
        var prefix: [String] = []
        if getuid() == 0 {
            // Becomes the server itself, so that its process id is the server's.
            prefix = ["/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            // Past the bench's own directory, and into its own.
            chmod(scratch.path, 0o711)
            _ = try Programs.output(of: "chown", ["postgres", place])
        }
        let make =
            prefix + [
                programs + "/initdb", "-D", place + "/data", "-A", "trust", "-U", Self.user,
                "--locale=C", "-E", "UTF8", "--no-sync",
            ]
        _ = try Programs.output(of: make[0], Array(make.dropFirst()))
        var settings: [String] = []
        for setting in [
            "listen_addresses=", "unix_socket_directories=\(place)", "fsync=on",
            "synchronous_commit=on", "shared_buffers=1GB", "max_wal_size=8GB",
        ] {
            settings += ["-c", setting]
        }
        let serve = prefix + [programs + "/postgres", "-D", place + "/data"] + settings
        process = try ServerProcess(
            "PostgreSQL", serve[0], Array(serve.dropFirst()), log: scratch.path + "/pg.log")
        let address = LoadAddress.unix(path: place + "/.s.PGSQL.5432")
        self.address = address
        try CollectBench.waitUntilUp(process, stopping: SIGINT) {
            _ = try LoadConnection(
                address, .postgres,
                greeting: [PostgresWire.startup(user: Self.user), PostgresWire.query(Self.table)])
        }
    }

    /// Forgets all events.
    func empty() throws {
        _ = try LoadConnection(
            address, .postgres,
            greeting: [
                PostgresWire.startup(user: Self.user), PostgresWire.query("TRUNCATE events"),
            ])
    }

    private static func programs() throws -> String {
        let places = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql"))
        let newest = (places ?? []).compactMap { Int($0) }.max()
        guard let newest else { throw BenchError("PostgreSQL is not installed") }
        return "/usr/lib/postgresql/\(newest)/bin"
    }
}

/// A service in front of it that takes `/v1/batch` over HTTP, with two workers: what people build themselves.
struct PostgresService {
    static let key = "wk_any"

    let process: ServerProcess
    let address: LoadAddress

    init(
        _ python: String, _ program: String, inFrontOf database: PostgresServer, _ scratch: Scratch
    ) throws {
        let port = try ServerProcess.freePort()
        process = try ServerProcess(
            "service", python,
            [program, "\(port)", database.directory, PostgresServer.user, "2"],
            log: scratch.path + "/service.log")
        let address = LoadAddress.loopback(port: port)
        self.address = address
        try CollectBench.waitUntilUp(process, stopping: SIGTERM) {
            _ = try LoadConnection(address, .http)
        }
    }
}
