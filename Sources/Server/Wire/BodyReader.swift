internal import Feeds
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// Reads a request's body within a bound, unzipped where the client zipped it.
struct BodyReader {
    let limitBytes: Int

    enum Failure: Error {
        case tooLarge(limitBytes: Int)
        case unknownEncoding
        case badGzip
        /// The client went away, or sent less than it announced.
        case cutShort
    }

    /// The whole body, after unzipping. Neither what arrives nor what it unpacks to passes the bound.
    func read(_ request: Request) async throws(Failure) -> ByteBuffer {
        var announced: Int?
        if let text = request.headers[.contentLength] {
            guard let length = Int(text), length >= 0 else { throw .cutShort }
            guard length <= limitBytes else { throw .tooLarge(limitBytes: limitBytes) }
            announced = length
        }
        var body = ByteBuffer()
        do {
            for try await part in request.body {
                guard body.readableBytes + part.readableBytes <= limitBytes else {
                    throw Failure.tooLarge(limitBytes: limitBytes)
                }
                if body.readableBytes == 0 {
                    body = part
                    if let announced { body.reserveCapacity(minimumWritableBytes: announced) }
                } else {
                    var part = part
                    body.writeBuffer(&part)
                }
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .cutShort
        }
        // A connection that closes in the middle looks like the body's end.
        if let announced, body.readableBytes != announced { throw .cutShort }
        return try unzip(body, request.headers[.contentEncoding])
    }

    private func unzip(_ body: ByteBuffer, _ encoding: String?) throws(Failure) -> ByteBuffer {
        switch encoding?.lowercased() {
        case nil, "", "identity":
            return body
        case "gzip", "x-gzip":
            do throws(Gzip.Failure) {
                return ByteBuffer(
                    bytes: try Gzip.inflate(Array(body.readableBytesView), limit: limitBytes))
            } catch {
                if case .tooLong = error { throw .tooLarge(limitBytes: limitBytes) }
                throw .badGzip
            }
        default:
            throw .unknownEncoding
        }
    }
}

extension BodyReader.Failure {
    var answer: Answer {
        switch self {
        case .tooLarge(let limit):
            .failure(.badRequest, "too_large", "the body is larger than \(limit) bytes")
        case .unknownEncoding:
            .failure(
                .unsupportedMediaType, "unknown_encoding", "Content-Encoding must be gzip or absent"
            )
        case .badGzip:
            .failure(.badRequest, "bad_gzip", "the body is not valid gzip")
        case .cutShort:
            .failure(.badRequest, "cut_short", "the body is not as long as its Content-Length")
        }
    }
}
