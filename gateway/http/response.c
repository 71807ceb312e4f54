#include "http/response.h"

#include "http/field.h"

#define LIMIT_INTERIM 8 /* interim answers before the final one; more is an attack or a loop */

enum state { STATUS_LINE, HEADERS, LENGTH, CHUNKED, UNTIL_CLOSE, FINISHED };

static const struct {
    const char *code, *sentence;
} faults[] = {[RESPONSE_OK] = {"", ""},
#define X(name, code, sentence) [RESPONSE_##name] = {code, sentence},
              RESPONSE_FAULTS(X)
#undef X
};

const char *response_fault_code(enum response_fault fault)
{
    return faults[fault].code;
}

const char *response_fault_sentence(enum response_fault fault)
{
    return faults[fault].sentence;
}

void response_init(struct response_parser *p, bool head_request, uint64_t max_body_bytes)
{
    *p = (struct response_parser){.head_request = head_request, .max_body_bytes = max_body_bytes};
}

static enum response_event faulty(struct response_parser *p, enum response_fault fault)
{
    p->fault = fault;
    return RESPONSE_FAULTY;
}

/* ---- the head ---- */

/* "HTTP/1.1 200 reason"; the reason may be missing, the space before it too (RFC 9112 4). */
static enum response_fault check_status_line(struct response_parser *p, struct str line)
{
    uint64_t status;
    if (!is_field_value(line) || line.len < 12 || !str_starts(line, STR("HTTP/")) ||
        line.data[6] != '.' || line.data[8] != ' ' || (line.len > 12 && line.data[12] != ' '))
        return RESPONSE_STATUS_LINE;
    if (line.data[5] != '1' || (line.data[7] != '0' && line.data[7] != '1'))
        return RESPONSE_VERSION;
    if (!str_to_u64(str_slice(line, 9, 12), &status))
        return RESPONSE_STATUS_LINE;
    if (status < 100 || status > 599 || status == 101)
        return RESPONSE_STATUS; /* 101: nothing was asked to be upgraded */
    p->version_minor = line.data[7] - '0';
    p->status = (int)status;
    return RESPONSE_OK;
}

static enum response_fault on_content_length(struct response_parser *p, struct str value)
{
    if (p->seen_length || !content_length_parse(value, &p->content_length))
        return RESPONSE_LENGTH;
    p->seen_length = true;
    return RESPONSE_OK;
}

static enum response_fault on_transfer_encoding(struct response_parser *p, struct str value)
{
    if (p->seen_coding || p->version_minor == 0 || !str_equal_nocase(value, STR("chunked")))
        return RESPONSE_CODING;
    p->seen_coding = true;
    return RESPONSE_OK;
}

static enum response_fault on_connection(struct response_parser *p, struct str value)
{
    if (list_has_token(value, STR("close")))
        p->close_asked = true;
    return RESPONSE_OK;
}

static const struct {
    struct str name;
    enum response_fault (*take)(struct response_parser *p, struct str value);
} framing_headers[] = {
    {STR("content-length"), on_content_length},
    {STR("transfer-encoding"), on_transfer_encoding},
    {STR("connection"), on_connection},
};

static enum response_fault check_header_line(struct response_parser *p, struct str line)
{
    struct http_header header;
    if (field_parse(line, &header) != FIELD_FINE)
        return RESPONSE_HEADER;
    if (++p->header_count > LIMIT_HEADERS)
        return RESPONSE_HEAD_TOO_LARGE;
    for (size_t i = 0; i < COUNT_OF(framing_headers); i++) {
        if (str_equal_nocase(header.name, framing_headers[i].name))
            return framing_headers[i].take(p, header.value);
    }
    return RESPONSE_OK;
}

static bool has_no_body(const struct response_parser *p)
{
    return p->head_request || p->status == 204 || p->status == 304;
}

/* RFC 9112 6.3, in its order. */
static enum state body_state(const struct response_parser *p)
{
    if (has_no_body(p))
        return FINISHED;
    if (p->seen_coding)
        return CHUNKED;
    if (p->seen_length)
        return p->content_length ? LENGTH : FINISHED;
    return UNTIL_CLOSE;
}

/*
 * RFC 9110 8.6: a 204 announces no body. One that does may send it after all, and the next
 * request on the connection would take it for its answer.
 */
static bool may_send_more(const struct response_parser *p)
{
    return p->status == 204 && (p->content_length > 0 || p->seen_coding);
}

static enum response_fault begin_body(struct response_parser *p)
{
    enum state state = body_state(p);
    if (p->seen_length && p->seen_coding)
        return RESPONSE_LENGTH_AND_CHUNKED;
    if (state == LENGTH && p->content_length > p->max_body_bytes)
        return RESPONSE_BODY_TOO_LARGE;
    p->state = state;
    p->remaining = p->content_length;
    p->reusable =
        p->version_minor == 1 && !p->close_asked && state != UNTIL_CLOSE && !may_send_more(p);
    chunk_init(&p->chunks, p->max_body_bytes);
    return RESPONSE_OK;
}

/* One line of the head; *complete when it was the empty one. */
static enum response_event next_line(struct response_parser *p, struct str input, bool at_end,
                                     bool *complete)
{
    struct str rest = str_slice(input, p->checked, input.len), line;
    size_t length = rest.len;
    enum line_event event = line_next(rest, &p->searched, &line, &length);
    if (length > LIMIT_LINE_BYTES + 2 || p->checked + length > LIMIT_HEAD_BYTES)
        return faulty(p, RESPONSE_HEAD_TOO_LARGE);
    if (event == LINE_MORE)
        return at_end ? faulty(p, RESPONSE_TRUNCATED) : RESPONSE_MORE;
    if (event == LINE_BARE_LF)
        return faulty(p, p->state == STATUS_LINE ? RESPONSE_STATUS_LINE : RESPONSE_HEADER);

    enum response_fault fault = RESPONSE_OK;
    *complete = p->state == HEADERS && line.len == 0;
    if (p->state == STATUS_LINE)
        fault = check_status_line(p, line);
    else if (line.len)
        fault = check_header_line(p, line);
    if (fault != RESPONSE_OK)
        return faulty(p, fault);
    p->state = HEADERS;
    p->checked += length;
    return RESPONSE_HEAD;
}

/* An interim answer (RFC 9110 15.2) says nothing about the final one: start over behind it. */
static bool skip_interim(struct response_parser *p)
{
    if (p->interim_count == LIMIT_INTERIM || p->seen_length || p->seen_coding)
        return false;
    int count = p->interim_count + 1;
    uint64_t max = p->max_body_bytes;
    response_init(p, p->head_request, max);
    p->interim_count = count;
    return true;
}

static enum response_event next_head(struct response_parser *p, struct str input, bool at_end,
                                     size_t *used, struct str *out)
{
    for (;;) {
        bool complete = false;
        while (!complete) {
            enum response_event event = next_line(p, input, at_end, &complete);
            if (event != RESPONSE_HEAD)
                return event;
        }
        *used += p->checked;
        if (p->status >= 200)
            break;
        input = str_slice(input, p->checked, input.len);
        if (!skip_interim(p))
            return faulty(p, RESPONSE_STATUS);
    }
    *out = str_slice(input, 0, p->checked);
    enum response_fault fault = begin_body(p);
    return fault == RESPONSE_OK ? RESPONSE_HEAD : faulty(p, fault);
}

/* ---- bodies ---- */

static enum response_event next_of_length(struct response_parser *p, struct str input, bool at_end,
                                          size_t *used, struct str *out)
{
    *out = str_slice(input, 0, p->remaining < input.len ? (size_t)p->remaining : input.len);
    if (out->len == 0)
        return at_end ? faulty(p, RESPONSE_TRUNCATED) : RESPONSE_MORE;
    *used = out->len;
    p->remaining -= out->len;
    if (p->remaining == 0)
        p->state = FINISHED;
    return RESPONSE_PIECE;
}

static enum response_event next_chunk(struct response_parser *p, struct str input, bool at_end,
                                      size_t *used, struct str *out)
{
    switch (chunk_next(&p->chunks, input, used, out)) {
    case CHUNK_MORE:
        return at_end ? faulty(p, RESPONSE_TRUNCATED) : RESPONSE_MORE;
    case CHUNK_PIECE:
        return RESPONSE_PIECE;
    case CHUNK_DONE:
        p->state = FINISHED;
        return RESPONSE_DONE;
    case CHUNK_BAD_TRAILER:
        return faulty(p, RESPONSE_TRAILER);
    case CHUNK_TOO_LARGE:
        return faulty(p, RESPONSE_BODY_TOO_LARGE);
    case CHUNK_MALFORMED:
        break;
    }
    return faulty(p, RESPONSE_CHUNK);
}

static enum response_event next_until_close(struct response_parser *p, struct str input,
                                            bool at_end, size_t *used, struct str *out)
{
    if (input.len == 0) {
        if (at_end)
            p->state = FINISHED;
        return at_end ? RESPONSE_DONE : RESPONSE_MORE;
    }
    uint64_t room = p->max_body_bytes - p->body_bytes;
    if (room == 0)
        return faulty(p, RESPONSE_BODY_TOO_LARGE);
    *out = str_slice(input, 0, room < input.len ? (size_t)room : input.len);
    *used = out->len;
    p->body_bytes += out->len;
    return RESPONSE_PIECE;
}

enum response_event response_next(struct response_parser *p, struct str input, bool at_end,
                                  size_t *used, struct str *out)
{
    *used = 0;
    *out = (struct str){0};
    if (p->fault != RESPONSE_OK)
        return RESPONSE_FAULTY;
    switch ((enum state)p->state) {
    case STATUS_LINE:
    case HEADERS:
        return next_head(p, input, at_end, used, out);
    case LENGTH:
        return next_of_length(p, input, at_end, used, out);
    case CHUNKED:
        return next_chunk(p, input, at_end, used, out);
    case UNTIL_CLOSE:
        return next_until_close(p, input, at_end, used, out);
    case FINISHED:
        break;
    }
    return RESPONSE_DONE;
}

bool response_split(struct str head, struct arena *arena, struct http_response *ret)
{
    struct str line, lines;
    uint64_t status = 0;
    (void)str_cut(head, '\n', &line, &lines);
    if (!str_to_u64(str_slice(line, 9, 12), &status))
        return false; /* cannot be: the head was accepted */
    ret->status = (int)status;
    ret->version_minor = line.data[7] - '0';
    ret->reason = str_slice(line, 13, line.len - 1);
    return fields_split(lines, arena, &ret->headers, &ret->header_count);
}
