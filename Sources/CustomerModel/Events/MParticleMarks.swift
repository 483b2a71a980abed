/// What an mParticle event says beside what its common form holds.
public struct MParticleMarks: Equatable, Sendable {
    /// The request's own name, a NUL, and the event's number in it from 0: a request that comes again
    /// brings the same. nil where the request names itself not.
    public var place: [UInt8]?
    /// The person's id as this platform, or mParticle, gave it out.
    public var mpid: MPID?

    public init(place: [UInt8]? = nil, mpid: MPID? = nil) {
        self.place = place
        self.mpid = mpid
    }

    static func place(request: String, index: Int64) -> [UInt8] {
        Array(request.utf8) + [0] + Array(String(index).utf8)
    }
}
