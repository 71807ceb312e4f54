#include "http/chunk.h"

#include "http/field.h"

enum state { SIZE_LINE, DATA, DATA_END, TRAILERS, FINISHED };

void chunk_init(struct chunk_decoder *decoder, uint64_t max_bytes)
{
    *decoder = (struct chunk_decoder){.state = SIZE_LINE, .max_bytes = max_bytes};
}

/* Takes the token at the front; false when there is none. */
static bool skip_token(struct str *s)
{
    size_t length = token_length(*s);
    *s = str_slice(*s, length, s->len);
    return length > 0;
}

/* BWS: white space that nobody should send and everybody must take (RFC 9110 5.6.3). */
static void skip_blanks(struct str *s)
{
    size_t length = 0;
    while (length < s->len && (s->data[length] == ' ' || s->data[length] == '\t'))
        length++;
    *s = str_slice(*s, length, s->len);
}

/* Takes a quoted-string (RFC 9110 5.6.4) behind its opening quote. */
static bool skip_quoted(struct str *s)
{
    for (size_t i = 0; i < s->len; i++) {
        if (s->data[i] == '"') {
            *s = str_slice(*s, i + 1, s->len);
            return true;
        }
        if (s->data[i] == '\\')
            i++;
    }
    return false;
}

static bool skip_byte(struct str *s, char byte)
{
    if (!s->len || s->data[0] != byte)
        return false;
    *s = str_slice(*s, 1, s->len);
    return true;
}

/* BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] */
static bool skip_extension(struct str *s)
{
    skip_blanks(s);
    if (!skip_byte(s, ';'))
        return false;
    skip_blanks(s);
    if (!skip_token(s))
        return false;
    struct str behind_name = *s;
    skip_blanks(s);
    if (!skip_byte(s, '=')) {
        *s = behind_name; /* blanks at the end of the line belong to nothing and are refused */
        return true;
    }
    skip_blanks(s);
    return skip_byte(s, '"') ? skip_quoted(s) : skip_token(s);
}

/* RFC 9112 7.1.1 */
static bool valid_extensions(struct str s)
{
    if (!is_field_value(s))
        return false;
    while (s.len) {
        if (!skip_extension(&s))
            return false;
    }
    return true;
}

/* More than 16 digits are refused even when they are zeros: other readers wrap around. */
static bool parse_size_line(struct str line, uint64_t *ret)
{
    size_t digits = 0;
    uint64_t size = 0;
    while (digits < line.len && hex_digit(line.data[digits]) >= 0)
        size = size << 4 | (uint64_t)hex_digit(line.data[digits++]);
    if (digits == 0 || digits > 16)
        return false;
    *ret = size;
    return valid_extensions(str_slice(line, digits, line.len));
}

static enum chunk_event read_size(struct chunk_decoder *decoder, struct str input, size_t *used)
{
    struct str line;
    switch (line_next(input, &decoder->searched, &line, used)) {
    case LINE_MORE:
        return input.len > LIMIT_CHUNK_LINE_BYTES + 2 ? CHUNK_MALFORMED : CHUNK_MORE;
    case LINE_BARE_LF:
        return CHUNK_MALFORMED;
    case LINE_WHOLE:
        break;
    }
    if (line.len > LIMIT_CHUNK_LINE_BYTES || !parse_size_line(line, &decoder->remaining))
        return CHUNK_MALFORMED;
    if (decoder->remaining > decoder->max_bytes - decoder->body_bytes)
        return CHUNK_TOO_LARGE;
    decoder->state = decoder->remaining ? DATA : TRAILERS;
    return CHUNK_PIECE; /* of no bytes: the caller comes again */
}

static enum chunk_event read_data(struct chunk_decoder *decoder, struct str input, size_t *used,
                                  struct str *out)
{
    *out = str_slice(input, 0,
                     decoder->remaining < input.len ? (size_t)decoder->remaining : input.len);
    if (out->len == 0)
        return CHUNK_MORE;
    *used = out->len;
    decoder->remaining -= out->len;
    decoder->body_bytes += out->len;
    if (decoder->remaining == 0)
        decoder->state = DATA_END;
    return CHUNK_PIECE;
}

static enum chunk_event read_data_end(struct chunk_decoder *decoder, struct str input, size_t *used)
{
    if (input.len && input.data[0] != '\r')
        return CHUNK_MALFORMED;
    if (input.len < 2)
        return CHUNK_MORE;
    if (input.data[1] != '\n')
        return CHUNK_MALFORMED;
    *used = 2;
    decoder->state = SIZE_LINE;
    return CHUNK_PIECE;
}

/* Fields that would change what the head said must not come behind it (RFC 9110 6.5.1). */
static bool allowed_in_trailer(struct str name)
{
    static const struct str forbidden[] = {
        STR("content-length"),
        STR("transfer-encoding"),
        STR("host"),
        STR("trailer"),
        STR("te"),
        STR("connection"),
        STR("content-type"),
        STR("content-encoding"),
        STR("content-range"),
        STR("authorization"),
        STR("auth"),
        STR("accountid"),
        STR("iid"),
        STR("cookie"),
        STR("expect"),
        STR("cache-control"),
        STR("max-forwards"),
        STR("range"),
        STR("proxy-authorization"),
    };
    for (size_t i = 0; i < COUNT_OF(forbidden); i++) {
        if (str_equal_nocase(name, forbidden[i]))
            return false;
    }
    return true;
}

static enum chunk_event read_trailer(struct chunk_decoder *decoder, struct str input, size_t *used)
{
    struct str line;
    struct http_header header;
    size_t room = LIMIT_TRAILER_BYTES - decoder->trailer_bytes;
    switch (line_next(input, &decoder->searched, &line, used)) {
    case LINE_MORE:
        return input.len > room ? CHUNK_BAD_TRAILER : CHUNK_MORE;
    case LINE_BARE_LF:
        return CHUNK_BAD_TRAILER;
    case LINE_WHOLE:
        break;
    }
    if (*used > room)
        return CHUNK_BAD_TRAILER;
    if (line.len == 0) {
        decoder->state = FINISHED;
        return CHUNK_DONE;
    }
    decoder->trailer_bytes += *used;
    if (++decoder->trailer_count > LIMIT_HEADERS || field_parse(line, &header) != FIELD_FINE ||
        !allowed_in_trailer(header.name))
        return CHUNK_BAD_TRAILER;
    return CHUNK_PIECE;
}

static enum chunk_event step(struct chunk_decoder *decoder, struct str input, size_t *used,
                             struct str *out)
{
    *used = 0;
    *out = (struct str){0};
    switch ((enum state)decoder->state) {
    case SIZE_LINE:
        return read_size(decoder, input, used);
    case DATA:
        return read_data(decoder, input, used, out);
    case DATA_END:
        return read_data_end(decoder, input, used);
    case TRAILERS:
        return read_trailer(decoder, input, used);
    case FINISHED:
        break;
    }
    return CHUNK_DONE;
}

enum chunk_event chunk_next(struct chunk_decoder *decoder, struct str input, size_t *used,
                            struct str *out)
{
    size_t done = 0, one;
    enum chunk_event event;
    do {
        event = step(decoder, str_slice(input, done, input.len), &one, out);
        done += event == CHUNK_MORE ? 0 : one;
    } while (event == CHUNK_PIECE && out->len == 0);
    *used = done;
    return event;
}
