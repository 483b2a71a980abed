import Foundation

/// The same events as tables, for the peer.
enum Tables {
    /// Writes `events.csv` and `consents.csv`; times in microseconds.
    static func write(_ world: ReplayWorld, to directory: String) throws {
        var events = Array("place,person,name,received,amount\n".utf8)
        var consents = Array("place,person,mask,asserted\n".utf8)
        for number in 0..<world.events {
            let event = world.event(number)
            events +=
                "\(number),\(event.person),\(event.name),\(event.received),\(event.amount)\n".utf8
            if let mask = event.consent {
                consents += "\(number),\(event.person),\(mask),\(event.received)\n".utf8
            }
        }
        try Data(events).write(to: URL(fileURLWithPath: directory + "/events.csv"))
        try Data(consents).write(to: URL(fileURLWithPath: directory + "/consents.csv"))
    }
}
