/*
 * The grammar requests and answers share: lines, tokens, header lines (RFC 9110 5, RFC 9112 2-5).
 */
#pragma once

#include "http/message.h"

/* Is every byte of a certain kind? */
bool is_token(struct str s);       /* RFC 9110 5.6.2; not empty */
bool is_field_value(struct str s); /* HTAB, SP, visible ASCII and obs-text; may be empty */

/* How many bytes at the front of `s` are a token. */
size_t token_length(struct str s);

enum line_event {
    LINE_MORE,    /* no line end yet */
    LINE_WHOLE,   /* *line is the line without its CR LF; *length counts them */
    LINE_BARE_LF, /* the line ends in LF without CR */
};

/* The line at the front of `input`. *searched remembers where the search for its end stopped. */
enum line_event line_next(struct str input, size_t *searched, struct str *line, size_t *length);

enum field_fault {
    FIELD_FINE,
    FIELD_FOLDED,
    FIELD_NO_COLON,
    FIELD_NAME,
    FIELD_BARE_CR,
    FIELD_CONTROL,
};

/* Splits a header line into name and trimmed value, refusing what is ambiguous. */
MUST_USE enum field_fault field_parse(struct str line, struct http_header *ret);

/* RFC 9110 8.6: digits only, at most 19 of them. */
MUST_USE bool content_length_parse(struct str value, uint64_t *ret);

/*
 * Views of every header line of an accepted head; `lines` is what follows the first line, up to
 * and including the empty one.
 */
MUST_USE bool fields_split(struct str lines, struct arena *arena, struct http_header **ret,
                           size_t *ret_count);

/* True when a comma-separated list (RFC 9110 5.6.1) holds the token, in any case. */
bool list_has_token(struct str list, struct str token);
