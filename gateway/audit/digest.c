#include "audit/digest.h"

#include <openssl/sha.h>

bool digest_bytes(struct str bytes, uint8_t out[DIGEST_BYTES])
{
    return SHA256((const unsigned char *)bytes.data, bytes.len, out) != NULL;
}

bool digest_hex(struct str bytes, char out[DIGEST_HEX_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t digest[DIGEST_BYTES];
    out[0] = '\0';
    if (!digest_bytes(bytes, digest))
        return false;
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    out[DIGEST_HEX_SIZE - 1] = '\0';
    return true;
}
