internal import Feeds
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Platform

/// Reads a request's body within a bound, unzipped where the client zipped it.
struct BodyReader {
    let limitBytes: Int
    /// Where the body's bytes are counted; nil for who is trusted.
    var share: Intake.Share?

    enum Failure: Error, Equatable {
        case tooLarge(limitBytes: Int)
        case unknownEncoding
        case badGzip
        /// The client went away, or sent other than it announced.
        case cutShort
        /// The server holds as much of requests as it may.
        case busy
    }

    /// The whole body, after unzipping. Neither what arrives nor what it unpacks to passes the bound.
    func read(_ request: Request) async throws(Failure) -> ByteBuffer {
        if let coding = request.headers[.transferEncoding], coding.lowercased() != "chunked" {
            throw .unknownEncoding
        }
        var announced: Int?
        if let text = request.headers[.contentLength] {
            guard let length = Int(text), length >= 0 else { throw .cutShort }
            guard length <= limitBytes else { throw .tooLarge(limitBytes: limitBytes) }
            guard share?.hasRoom(for: length) != false else { throw .busy }
            announced = length
        }
        var body = ByteBuffer()
        share?.arrives()
        defer { share?.hasArrived() }
        do {
            for try await part in request.body {
                guard body.readableBytes + part.readableBytes <= limitBytes else {
                    throw Failure.tooLarge(limitBytes: limitBytes)
                }
                guard share?.hold(part.readableBytes) != false else { throw Failure.busy }
                if body.readableBytes == 0 {
                    body = part
                    // Room that nobody writes to takes no memory, and a buffer that grows takes more.
                    if let announced, announced > part.readableBytes {
                        body.reserveCapacity(
                            minimumWritableBytes: announced - part.readableBytes)
                    }
                } else {
                    var part = part
                    body.writeBuffer(&part)
                }
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw share?.wasCut == true ? .busy : .cutShort
        }
        if share?.wasCut == true { throw .busy }
        // A connection that closes in the middle looks like the body's end.
        if let announced, body.readableBytes != announced { throw .cutShort }
        return try unzip(body, request.headers[.contentEncoding])
    }

    private func unzip(_ body: ByteBuffer, _ encoding: String?) throws(Failure) -> ByteBuffer {
        switch encoding?.lowercased() {
        case nil, "", "identity":
            return body
        case "gzip", "x-gzip":
            let unzipped: [UInt8]
            do throws(Gzip.Failure) {
                unzipped = try Gzip.inflate(Array(body.readableBytesView), limit: limitBytes)
            } catch {
                if case .tooLong = error { throw .tooLarge(limitBytes: limitBytes) }
                throw .badGzip
            }
            guard share?.hold(unzipped.count) != false else { throw .busy }
            return ByteBuffer(bytes: unzipped)
        default:
            throw .unknownEncoding
        }
    }
}

extension BodyReader.Failure {
    /// What the reject file says of it; nil for what goes away by itself.
    var noted: ItemRefusal? {
        guard self != .busy else { return nil }
        let answer = answer
        return .request(code: answer.code, message: answer.message)
    }

    var answer: Answer {
        switch self {
        case .tooLarge(let limit):
            .failure(.badRequest, "too_large", "the body is larger than \(limit) bytes")
        case .unknownEncoding:
            .failure(
                .unsupportedMediaType, "unknown_encoding",
                "Content-Encoding must be gzip or absent, Transfer-Encoding chunked or absent")
        case .badGzip:
            .failure(.badRequest, "bad_gzip", "the body is not valid gzip")
        case .cutShort:
            .failure(
                .badRequest, "cut_short", "the body does not end where its headers or chunks say")
        case .busy:
            .busy(.serviceUnavailable, "busy", Self.busyMessage, retryAfterSeconds: 1)
        }
    }

    static let busyMessage = "the server holds as many requests as it may: send again in 1 s"
}
