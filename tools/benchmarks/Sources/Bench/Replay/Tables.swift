import Foundation

/// The same events as tables, for the peer.
enum Tables {
    /// Writes `events.csv` (place, person, name) and `consents.csv` (place, person, mask).
    static func write(_ world: ReplayWorld, to directory: String) throws {
        var events = Array("place,person,name\n".utf8)
        var consents = Array("place,person,mask\n".utf8)
        for number in 0..<world.events {
            let event = world.event(number)
            events += "\(number),\(event.person),\(event.name)\n".utf8
            if let mask = event.consent { consents += "\(number),\(event.person),\(mask)\n".utf8 }
        }
        try Data(events).write(to: URL(fileURLWithPath: directory + "/events.csv"))
        try Data(consents).write(to: URL(fileURLWithPath: directory + "/consents.csv"))
    }
}
