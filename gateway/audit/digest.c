#include "audit/digest.h"

#include <stdatomic.h>

#include <openssl/evp.h>

/* Looked up once: by name, each time, that takes longer than hashing a short record. When it cannot
 * be looked up now, perhaps it can the next time. */
static const EVP_MD *sha256(void)
{
    static _Atomic(EVP_MD *) known; /* lives as long as the program */
    EVP_MD *found = atomic_load(&known), *first = NULL;
    if (found)
        return found;
    found = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!found || atomic_compare_exchange_strong(&known, &first, found))
        return found;
    EVP_MD_free(found); /* another thread was quicker */
    return first;
}

bool digest_bytes(struct str bytes, uint8_t out[DIGEST_BYTES])
{
    const EVP_MD *md = sha256();
    return md && EVP_Digest(bytes.data, bytes.len, out, NULL, md, NULL) == 1;
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

/* The value of each digit, and one more; 0: it is none. A table, because digits of a hash are
 * random and every guess of a branch at them would be wrong half the time. */
static const uint8_t hex_values[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16};

bool digest_from_hex(struct str hex, uint8_t out[DIGEST_BYTES])
{
    uint8_t digest[DIGEST_BYTES];
    if (hex.len != DIGEST_HEX)
        return false;
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        uint8_t high = hex_values[(unsigned char)hex.data[2 * i]];
        uint8_t low = hex_values[(unsigned char)hex.data[2 * i + 1]];
        if (!high || !low)
            return false;
        digest[i] = (uint8_t)((high - 1) << 4 | (low - 1));
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

/* ---- of what comes piece by piece ---- */

struct digest_stream {
    EVP_MD_CTX *context;
};

struct digest_stream *digest_stream_new(void)
{
    struct digest_stream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        return NULL;
    stream->context = EVP_MD_CTX_new();
    if (stream->context && EVP_DigestInit_ex(stream->context, EVP_sha256(), NULL) == 1)
        return stream;
    digest_stream_free(stream);
    return NULL;
}

void digest_stream_free(struct digest_stream *stream)
{
    if (!stream)
        return;
    EVP_MD_CTX_free(stream->context);
    free(stream);
}

bool digest_stream_add(struct digest_stream *stream, struct str bytes)
{
    return bytes.len == 0 || EVP_DigestUpdate(stream->context, bytes.data, bytes.len) == 1;
}

bool digest_stream_end(struct digest_stream *stream, uint8_t out[DIGEST_BYTES])
{
    return EVP_DigestFinal_ex(stream->context, out, NULL) == 1;
}
