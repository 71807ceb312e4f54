#include "audit/digest.h"

#include <openssl/sha.h>

bool digest_bytes(struct str bytes, uint8_t out[DIGEST_BYTES])
{
    return SHA256((const unsigned char *)bytes.data, bytes.len, out) != NULL;
}

void digest_to_hex(const uint8_t digest[DIGEST_BYTES], char out[DIGEST_HEX_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    out[DIGEST_HEX] = '\0';
}

static int hex_value(char digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                                          : -1;
}

bool digest_from_hex(struct str hex, uint8_t out[DIGEST_BYTES])
{
    uint8_t digest[DIGEST_BYTES];
    if (hex.len != DIGEST_HEX)
        return false;
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        int high = hex_value(hex.data[2 * i]), low = hex_value(hex.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(out, digest, DIGEST_BYTES);
    return true;
}

bool digest_hex(struct str bytes, char out[DIGEST_HEX_SIZE])
{
    uint8_t digest[DIGEST_BYTES];
    out[0] = '\0';
    if (!digest_bytes(bytes, digest))
        return false;
    digest_to_hex(digest, out);
    return true;
}
