private import CCrypto

/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, `RS256` in JWTs), by Debian's libcrypto. Verifying only.
public enum RS256 {
    /// Whether `pem` holds an RSA public key of 2048 bits or more.
    public static func isPublicKey(_ pem: String) -> Bool {
        guard let key = read(pem) else { return false }
        EVP_PKEY_free(key)
        return true
    }

    /// Whether `signature` is one of `message` by the private part of `pem`'s key.
    public static func isValid(_ signature: [UInt8], of message: [UInt8], by pem: String) -> Bool {
        guard let key = read(pem) else { return false }
        defer { EVP_PKEY_free(key) }
        guard let context = EVP_MD_CTX_new() else { fatalError("libcrypto: out of memory") }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestVerifyInit(context, nil, EVP_sha256(), nil, key) == 1 else { return false }
        return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }

    private static func read(_ pem: String) -> OpaquePointer? {
        var pem = pem
        let key = pem.withUTF8 { bytes -> OpaquePointer? in
            guard let file = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else {
                return nil
            }
            defer { BIO_free(file) }
            return PEM_read_bio_PUBKEY(file, nil, nil, nil)
        }
        guard let key else { return nil }
        guard EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA, EVP_PKEY_get_bits(key) >= 2_048 else {
            EVP_PKEY_free(key)
            return nil
        }
        return key
    }
}
