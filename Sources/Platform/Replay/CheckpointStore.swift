import EventLog
import Foundation
import Hashing
import Logging
import Projections

/// Checkpoint files: the fold's canonical bytes with where they stand (P2).
///
/// ```
/// "SLCP" | version u16 | code version u32 | log id 16 | incarnation u64 | offset u64 | SHA-256 32 | bytes
/// ```
///
/// Written beside, synced and renamed, so that a crash leaves the old one. One that is damaged, of another
/// log or another code version is passed over: the log is folded from further back, and nothing is lost.
struct CheckpointStore: Sendable {
    let directory: String
    let identity: LogIdentity
    let logger: Logger

    private static let headerBytes = 4 + 2 + 4 + 16 + 8 + 8 + 32
    private static let kept = 2

    private func header(_ offset: Offset, digest: Digest256) -> [UInt8] {
        var out = Array("SLCP".utf8)
        func append(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { out.append(contentsOf: $0) }
        }
        append(UInt16(1))
        append(UInt32(FoldState.codeVersion))
        out.append(contentsOf: identity.id)
        append(identity.incarnation)
        append(offset.value)
        out.append(contentsOf: digest.bytes)
        return out
    }

    /// Blocking.
    func write(_ bytes: [UInt8], upTo offset: Offset) throws {
        let name = name(offset)
        let temporary = name + ".new"
        let header = header(offset, digest: SHA256.of(bytes))
        do {
            let storage = try PosixStorage(existing: directory)
            if try storage.list().contains(temporary) { try storage.unlink(temporary) }
            let file = try storage.create(temporary)
            // Written as it stands: at ten million events a copy is half a gibibyte.
            try header.withUnsafeBytes { try file.writeAll($0, at: 0) }
            try bytes.withUnsafeBytes { try file.writeAll($0, at: header.count) }
            try file.sync()
            try storage.rename(temporary, to: name)
        } catch let error as StorageError {
            throw OperationError.failed(
                "the checkpoint cannot be written; is the disk full? (\(error))")
        }
        for old in files().dropLast(Self.kept) {
            try FileManager.default.removeItem(atPath: "\(directory)/\(old)")
        }
    }

    private func name(_ offset: Offset) -> String {
        let digits = String(offset.value)
        return String(repeating: "0", count: 20 - digits.count) + digits + ".fold"
    }

    private func files() -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory)
                .filter { $0.hasSuffix(".fold") }.sorted()
        } catch {
            logger.warning("no checkpoints", metadata: ["reason": "\(error)"])
            return []
        }
    }

    /// The newest whole checkpoint of this log that does not pass its durable end and is as `isUsable` asks.
    /// Blocking.
    func newest(upTo end: Offset, where isUsable: (FoldState) -> Bool) -> FoldState? {
        for file in files().reversed() {
            do {
                guard let state = try read(file, upTo: end) else { continue }
                if isUsable(state) { return state }
                logger.warning(
                    "a checkpoint was passed over",
                    metadata: [
                        "file": "\(file)",
                        "reason": "it rests on another part of the log than can be read now",
                    ])
            } catch {
                logger.warning(
                    "a checkpoint was passed over",
                    metadata: ["file": "\(file)", "reason": "\(error)"])
            }
        }
        return nil
    }

    /// Removes all of them, since they know more than the log still holds. Blocking.
    func removeAll() {
        for file in files() {
            do {
                try FileManager.default.removeItem(atPath: "\(directory)/\(file)")
            } catch {
                logger.warning(
                    "a checkpoint was not removed",
                    metadata: ["file": "\(file)", "reason": "\(error)"])
            }
        }
    }

    /// Nil where it is of another log, or passes the durable end.
    private func read(_ name: String, upTo end: Offset) throws -> FoldState? {
        let file = try PosixStorage(existing: directory).open(name, for: .reading)
        let size = try file.size()
        guard size > Self.headerBytes else { return nil }
        let header = try Self.bytes(of: file, at: 0, count: Self.headerBytes)
        let offset = header.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 34, as: UInt64.self))
        }
        let digest = Digest256(bytes: Array(header.suffix(32)))
        guard offset <= end.value, self.header(Offset(offset), digest: digest) == header
        else { return nil }
        return try FoldState(
            canonicalBytes: size - Self.headerBytes, digest: digest, key: identity.key
        ) { piece, position in
            try file.readAll(into: piece, at: Self.headerBytes + position)
        }
    }

    private static func bytes(of file: any LogFile, at position: Int, count: Int) throws -> [UInt8]
    {
        try [UInt8](unsafeUninitializedCapacity: count) { room, filled in
            try file.readAll(into: UnsafeMutableRawBufferPointer(room), at: position)
            filled = count
        }
    }
}
