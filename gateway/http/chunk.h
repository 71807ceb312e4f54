/*
 * The chunked coding (RFC 9112 7.1), decoded strictly and incrementally. Extensions are checked
 * and ignored, trailers are checked and dropped.
 */
#pragma once

#include "base/limits.h"
#include "base/str.h"

struct chunk_decoder {
    int state;           /* chunk.c's business */
    uint64_t remaining;  /* of the current chunk */
    uint64_t body_bytes; /* decoded so far */
    uint64_t max_bytes;
    size_t searched;
    size_t trailer_bytes, trailer_count;
};

enum chunk_event {
    CHUNK_MORE,
    CHUNK_PIECE,
    CHUNK_DONE,
    CHUNK_MALFORMED,
    CHUNK_BAD_TRAILER,
    CHUNK_TOO_LARGE,
};

void chunk_init(struct chunk_decoder *decoder, uint64_t max_bytes);

/* Looks at `input`; drop *used bytes before the next call; *out is a piece of the body. */
enum chunk_event chunk_next(struct chunk_decoder *decoder, struct str input, size_t *used,
                            struct str *out);
