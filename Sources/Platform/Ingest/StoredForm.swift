import Glibc
import JSONText

/// Writes what of a client's object is stored: its own tokens, but for secrets, which are never in the log
/// (DESIGN.md, section 3), and addresses where the source wants them cut. What was altered stands in the line's
/// `changed` (L1).
struct StoredForm {
    /// Members of the object itself that are left out.
    let leftOut: [String]
    /// Paths of addresses that are cut; empty where they stay.
    let addresses: [[String]]

    /// The paths that ``write(_:into:)`` alters in this object, in the order they are named here.
    func changes(in object: JSONView) -> [String] {
        // Of every event, and mostly there are none.
        guard !addresses.isEmpty || leftOut.contains(where: { object.member($0) != nil }) else {
            return []
        }
        return leftOut.filter { object.member($0) != nil }
            + addresses.filter { path in
                object.value(at: path).map { $0.kind == .string && Self.cut($0) != $0.string }
                    ?? false
            }.map { $0.joined(separator: ".") }
    }

    func write(_ object: JSONView, into out: inout [UInt8]) {
        guard object.kind == .object else {
            object.writeMinified(into: &out)
            return
        }
        write(object, without: leftOut, addresses, into: &out)
    }

    private func write(
        _ object: JSONView, without names: [String], _ addresses: [[String]],
        into out: inout [UInt8]
    ) {
        out.append(0x7B)
        var isFirst = true
        object.forEachMember { key, value in
            let name = key.string ?? ""
            guard !names.contains(name) else { return }
            if !isFirst { out.append(0x2C) }
            isFirst = false
            out.append(contentsOf: key.rawBytes)
            out.append(0x3A)
            let below = addresses.filter { $0.first == name }
            if below.contains([name]), value.kind == .string {
                out.append(0x22)
                out.append(contentsOf: Self.cut(value).utf8)
                out.append(0x22)
            } else if below.contains(where: { $0.count > 1 }), value.kind == .object {
                write(value, without: [], below.map { Array($0.dropFirst()) }, into: &out)
            } else {
                value.writeMinified(into: &out)
            }
        }
        out.append(0x7D)
    }

    /// The network that an address is in: its first 24 bits of IPv4, 48 of IPv6. What is no address is
    /// emptied, since nobody can say what it tells. Plain ASCII, so it needs no escapes.
    static func cut(_ view: JSONView) -> String {
        let text = view.string ?? ""
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            let parts = text.split(separator: ".")
            return parts.prefix(3).joined(separator: ".") + ".0"
        }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return "" }
        withUnsafeMutableBytes(of: &v6) { bytes in
            for index in 6..<16 { bytes[index] = 0 }
        }
        var out = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, &v6, &out, socklen_t(out.count)) != nil else { return "" }
        return String(
            decoding: out.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension CollectContext {
    /// How a Segment message is stored.
    var segmentForm: StoredForm {
        StoredForm(
            leftOut: ["writeKey"],
            addresses: truncatesIP ? [["context", "ip"], ["request_ip"]] : [])
    }

    /// How a batch's shared context is stored.
    var sharedContextForm: StoredForm {
        StoredForm(leftOut: [], addresses: truncatesIP ? [["ip"]] : [])
    }
}
