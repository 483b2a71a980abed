import Projections
import Testing

@Suite struct `Bytes of a checkpoint` {
    private func whole() throws -> [UInt8] {
        try RandomHistory(seed: 7, length: 8).history.state.canonicalBytes()
    }

    /// Decodes bytes of any kind: a state, or an error. Returns the error's position.
    private func decode(_ bytes: [UInt8], _ what: String) -> Int? {
        do {
            _ = try FoldState(canonicalBytes: bytes, key: History.key).canonicalBytes()
        } catch let error as CanonicalError {
            #expect(error.position <= bytes.count, "\(what): \(error)")
            return error.position
        } catch {
            // A policy's text that is no policy.
        }
        return nil
    }

    @Test func `P2: every cut is an error with its position`() throws {
        let bytes = try whole()
        for cut in bytes.indices {
            #expect(decode(Array(bytes[..<cut]), "cut at \(cut)") != nil, "cut at \(cut)")
        }
        #expect(decode(bytes, "whole") == nil)
        #expect(decode(bytes + [0], "and a byte more") == bytes.count)
    }

    @Test func `P2: those of another code version are not read`() throws {
        var bytes = try whole()
        #expect(bytes[4] == UInt8(FoldState.codeVersion))
        bytes[4] += 1
        #expect(decode(bytes, "another version") == 4)
    }

    @Test(arguments: [UInt64.max, 1 << 63, 1 << 32, 0xFFFF_FFFF])
    func `P2: any number may stand anywhere`(_ value: UInt64) throws {
        let bytes = try whole()
        for place in 0..<bytes.count - 8 {
            var changed = bytes
            withUnsafeBytes(of: value.littleEndian) {
                changed.replaceSubrange(place..<place + 8, with: $0)
            }
            _ = decode(changed, "\(value) at \(place)")
        }
    }
}
