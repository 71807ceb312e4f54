#include "http/framing.h"

#include <arpa/inet.h>

#include "http/field.h"

static const struct framing_reason reasons[] = {[FRAMING_ACCEPTED] = {0, "", "", ""},
#define X(name, status, type, code, sentence) [FRAMING_##name] = {status, type, code, sentence},
                                                FRAMING_REFUSALS(X)
#undef X
};

const struct framing_reason *framing_reason(enum framing_refusal refusal)
{
    return &reasons[refusal];
}

void framing_init(struct framing *f, const struct framing_limits *limits)
{
    *f = (struct framing){.limits = limits};
}

/* ---- the request line ---- */

static const struct {
    struct str name;
    bool announces_body;
} methods[] = {
    {STR("POST"), true},  {STR("GET"), false},    {STR("HEAD"), false},
    {STR("PUT"), true},   {STR("DELETE"), false}, {STR("OPTIONS"), false},
    {STR("PATCH"), true}, {STR("TRACE"), false},  {STR("CONNECT"), false},
};

static enum framing_refusal check_method(struct framing *f, struct str method)
{
    if (!is_token(method))
        return FRAMING_METHOD;
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        if (str_equal(method, methods[i].name)) {
            f->announces_body = methods[i].announces_body;
            return FRAMING_ACCEPTED;
        }
    }
    return FRAMING_METHOD_UNKNOWN;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* RFC 9112 2.3: a well-formed version that is not ours is 505, also http in lower case. */
static enum framing_refusal check_version(struct framing *f, struct str version)
{
    if (version.len != 8 || !str_equal_nocase(str_slice(version, 0, 5), STR("HTTP/")) ||
        !is_digit(version.data[5]) || version.data[6] != '.' || !is_digit(version.data[7]))
        return FRAMING_REQUEST_LINE;
    if (!str_starts(version, STR("HTTP/1.")) || version.data[7] > '1')
        return FRAMING_VERSION;
    f->version_minor = version.data[7] - '0';
    return FRAMING_ACCEPTED;
}

/* clang-format off */
/* RFC 3986: pchar, "/" and "?"; the percent sign is looked at by itself. */
static const bool target_bytes[256] = {
    ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['0' ... '9'] = 1,
    ['-'] = 1, ['.'] = 1, ['_'] = 1, ['~'] = 1,
    ['!'] = 1, ['$'] = 1, ['&'] = 1, ['\''] = 1, ['('] = 1, [')'] = 1, ['*'] = 1, ['+'] = 1,
    [','] = 1, [';'] = 1, ['='] = 1, [':'] = 1, ['@'] = 1, ['/'] = 1, ['?'] = 1, ['%'] = 1,
};
/* clang-format on */

static bool valid_path(struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (!target_bytes[(uint8_t)path.data[i]])
            return false;
        if (path.data[i] != '%')
            continue;
        if (path.len - i < 3 || hex_digit(path.data[i + 1]) < 0 || hex_digit(path.data[i + 2]) < 0)
            return false;
    }
    return path.len > 0 && path.data[0] == '/';
}

/* "http://authority/path" -> its two parts; false for anything else. */
static bool split_absolute(struct str target, struct str *authority, struct str *path)
{
    struct str rest;
    if (str_equal_nocase(str_slice(target, 0, 7), STR("http://")))
        rest = str_slice(target, 7, target.len);
    else if (str_equal_nocase(str_slice(target, 0, 8), STR("https://")))
        rest = str_slice(target, 8, target.len);
    else
        return false;
    size_t slash = str_find(rest, '/');
    *authority = str_slice(rest, 0, slash);
    *path = str_slice(rest, slash, rest.len);
    return true;
}

static struct framing_span span_of(struct str part, const char *head)
{
    return (struct framing_span){(uint32_t)(part.data - head), (uint32_t)part.len};
}

static enum framing_refusal check_target(struct framing *f, struct str method, struct str target,
                                         const char *head)
{
    struct str authority, path = target;
    if (str_equal(method, STR("CONNECT")))
        return FRAMING_TARGET; /* RFC 9112 3.2.3: it names an authority, and we are no tunnel */
    if (str_equal(target, STR("*")))
        return str_equal(method, STR("OPTIONS")) ? FRAMING_ACCEPTED : FRAMING_TARGET;
    if (split_absolute(target, &authority, &path)) {
        if (authority.len == 0)
            return FRAMING_TARGET;
        f->authority = span_of(authority, head);
    }
    return valid_path(path) ? FRAMING_ACCEPTED : FRAMING_TARGET;
}

static enum framing_refusal check_request_line(struct framing *f, struct str line, const char *head)
{
    struct str method, target, version;
    if (str_find(line, '\r') < line.len)
        return FRAMING_BARE_CR;
    if (!str_cut(line, ' ', &method, &version) || !str_cut(version, ' ', &target, &version))
        return FRAMING_REQUEST_LINE; /* also HTTP/0.9, which has no version */
    enum framing_refusal refusal = check_version(f, version);
    if (refusal == FRAMING_ACCEPTED)
        refusal = check_method(f, method);
    if (refusal == FRAMING_ACCEPTED)
        refusal = check_target(f, method, target, head);
    return refusal;
}

/* ---- header lines ---- */

static bool valid_port(struct str port)
{
    uint64_t number;
    return port.len == 0 || (port.len <= 5 && str_to_u64(port, &number) && number <= 65535);
}

static bool is_ipv6(struct str address)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr ignored;
    if (address.len >= sizeof(text))
        return false;
    memcpy(text, address.data, address.len);
    text[address.len] = '\0';
    return inet_pton(AF_INET6, text, &ignored) == 1;
}

/* "[" IPv6address "]" (RFC 3986 3.2.2); nobody uses its IPvFuture. */
static bool valid_address_literal(struct str host, struct str *port)
{
    size_t end = str_find(host, ']');
    struct str rest = str_slice(host, end + 1, host.len);
    *port = str_slice(rest, 1, rest.len);
    return end < host.len && is_ipv6(str_slice(host, 1, end)) &&
           (rest.len == 0 || rest.data[0] == ':');
}

/* RFC 9110 7.2: uri-host with an optional port; names are kept to what DNS and proxies use. */
static bool valid_host(struct str host)
{
    struct str name, port;
    if (host.len && host.data[0] == '[')
        return valid_address_literal(host, &port) && valid_port(port);
    (void)str_cut(host, ':', &name, &port);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' ||
                    c == '.' || c == '_';
        if (!fine)
            return false;
    }
    return name.len > 0 && name.len <= 255 && valid_port(port);
}

static enum framing_refusal on_host(struct framing *f, struct str value, const char *head)
{
    if (f->seen_host)
        return FRAMING_HOST_DUPLICATE;
    f->seen_host = true;
    f->host = span_of(value, head);
    return valid_host(value) ? FRAMING_ACCEPTED : FRAMING_HOST_INVALID;
}

static enum framing_refusal on_content_length(struct framing *f, struct str value, const char *head)
{
    (void)head;
    if (f->seen_length)
        return FRAMING_LENGTH_DUPLICATE; /* also when equal: another server may not look */
    f->seen_length = true;
    return content_length_parse(value, &f->content_length) ? FRAMING_ACCEPTED
                                                           : FRAMING_LENGTH_INVALID;
}

static enum framing_refusal on_transfer_encoding(struct framing *f, struct str value,
                                                 const char *head)
{
    (void)head;
    if (f->seen_coding)
        return FRAMING_CODING_DUPLICATE;
    f->seen_coding = true;
    if (f->version_minor == 0)
        return FRAMING_CODING_OLD; /* RFC 9112 6.1 */
    return str_equal_nocase(value, STR("chunked")) ? FRAMING_ACCEPTED : FRAMING_CODING_UNKNOWN;
}

static enum framing_refusal on_expect(struct framing *f, struct str value, const char *head)
{
    (void)head;
    if (f->version_minor == 0)
        return FRAMING_ACCEPTED; /* RFC 9110 10.1.1: HTTP/1.0 knows no expectations */
    if (!str_equal_nocase(value, STR("100-continue")))
        return FRAMING_EXPECTATION;
    f->expect_continue = true;
    return FRAMING_ACCEPTED;
}

static enum framing_refusal on_connection(struct framing *f, struct str value, const char *head)
{
    (void)head;
    if (list_has_token(value, STR("close")))
        f->close_asked = true;
    return FRAMING_ACCEPTED;
}

static const struct {
    struct str name;
    enum framing_refusal (*take)(struct framing *f, struct str value, const char *head);
} framing_headers[] = {
    {STR("host"), on_host},
    {STR("content-length"), on_content_length},
    {STR("transfer-encoding"), on_transfer_encoding},
    {STR("expect"), on_expect},
    {STR("connection"), on_connection},
};

static enum framing_refusal check_header_line(struct framing *f, struct str line, const char *head)
{
    static const enum framing_refusal of_fault[] = {
        [FIELD_FINE] = FRAMING_ACCEPTED,        [FIELD_FOLDED] = FRAMING_FOLDING,
        [FIELD_NO_COLON] = FRAMING_HEADER_LINE, [FIELD_NAME] = FRAMING_HEADER_NAME,
        [FIELD_BARE_CR] = FRAMING_BARE_CR,      [FIELD_CONTROL] = FRAMING_CONTROL,
    };
    struct http_header header;
    enum field_fault fault = field_parse(line, &header);
    if (fault != FIELD_FINE)
        return of_fault[fault];
    if (++f->header_count > f->limits->headers)
        return FRAMING_HEADERS_TOO_MANY;
    for (size_t i = 0; i < COUNT_OF(framing_headers); i++) {
        if (str_equal_nocase(header.name, framing_headers[i].name))
            return framing_headers[i].take(f, header.value, head);
    }
    return FRAMING_ACCEPTED;
}

/* ---- the head as a whole ---- */

static bool authority_matches(const struct framing *f, const char *head)
{
    struct str authority = {head + f->authority.at, f->authority.len};
    struct str host = {head + f->host.at, f->host.len};
    return f->authority.len == 0 || str_equal_nocase(authority, host);
}

static enum framing_refusal check_head(struct framing *f, const char *head)
{
    if (!f->seen_host)
        return FRAMING_HOST_MISSING;
    if (!authority_matches(f, head))
        return FRAMING_AUTHORITY;
    if (f->seen_length && f->seen_coding)
        return FRAMING_LENGTH_AND_CHUNKED; /* RFC 9112 6.3: the mark of smuggling, refuse */
    if (f->announces_body && !f->seen_length && !f->seen_coding)
        return FRAMING_LENGTH_REQUIRED;
    if (f->content_length > f->limits->body_bytes)
        return FRAMING_BODY_TOO_LARGE;
    return FRAMING_ACCEPTED;
}

static void begin_body(struct framing *f)
{
    f->has_body = f->seen_coding || f->content_length > 0;
    f->expect_continue = f->expect_continue && f->has_body;
    f->keep_alive = f->version_minor == 1 && !f->close_asked;
    f->remaining = f->content_length;
    f->state = f->seen_coding          ? FRAMING_STATE_CHUNKED
               : f->content_length > 0 ? FRAMING_STATE_LENGTH
                                       : FRAMING_STATE_DONE;
    chunk_init(&f->chunks, f->limits->body_bytes);
}

/*
 * Are the `seen` bytes of the current line, its end included, too many? The limit that would be
 * met first decides, so that the answer does not depend on how the bytes arrived.
 */
static enum framing_refusal check_size(const struct framing *f, size_t seen)
{
    size_t line_room = f->limits->line_bytes + 2;
    size_t head_room = f->limits->head_bytes - f->checked;
    if (seen <= line_room && seen <= head_room)
        return FRAMING_ACCEPTED;
    if (head_room < line_room)
        return FRAMING_HEAD_TOO_LARGE;
    return f->state == FRAMING_STATE_START ? FRAMING_LINE_TOO_LONG : FRAMING_HEADER_TOO_LONG;
}

static enum framing_refusal check_line(struct framing *f, struct str line, const char *head)
{
    if (f->state == FRAMING_STATE_HEADERS)
        return line.len ? check_header_line(f, line, head) : check_head(f, head);
    f->state = FRAMING_STATE_HEADERS;
    return check_request_line(f, line, head);
}

static enum framing_event refuse(struct framing *f, enum framing_refusal refusal)
{
    f->refusal = refusal;
    return FRAMING_REFUSED;
}

static enum framing_event next_head_line(struct framing *f, struct str input, bool *head_complete)
{
    struct str rest = str_slice(input, f->checked, input.len), line;
    size_t length = rest.len;
    enum line_event event = line_next(rest, &f->searched, &line, &length);
    enum framing_refusal refusal = check_size(f, length);
    if (refusal == FRAMING_ACCEPTED && event == LINE_BARE_LF)
        refusal = FRAMING_BARE_LF;
    if (refusal == FRAMING_ACCEPTED && event == LINE_MORE)
        return FRAMING_MORE;
    if (refusal == FRAMING_ACCEPTED) {
        *head_complete = f->state == FRAMING_STATE_HEADERS && line.len == 0;
        refusal = check_line(f, line, input.data);
    }
    if (refusal != FRAMING_ACCEPTED)
        return refuse(f, refusal);
    f->checked += length;
    return FRAMING_HEAD;
}

/* RFC 9112 2.2: an empty line before the request line is skipped. */
static bool skip_empty_line(struct framing *f, struct str *input, size_t *used)
{
    if (f->state != FRAMING_STATE_START || !str_starts(*input, STR("\r\n")) ||
        f->leading_crlf == LIMIT_LEADING_CRLF)
        return false;
    f->leading_crlf++;
    f->searched = 0;
    *used += 2;
    *input = str_slice(*input, 2, input->len);
    return true;
}

static enum framing_event next_head(struct framing *f, struct str input, size_t *used,
                                    struct str *out)
{
    while (skip_empty_line(f, &input, used))
        ;
    bool complete = false;
    while (!complete) {
        enum framing_event event = next_head_line(f, input, &complete);
        if (event != FRAMING_HEAD)
            return event;
    }
    *out = str_slice(input, 0, f->checked);
    *used += f->checked;
    begin_body(f);
    return FRAMING_HEAD;
}

/* ---- bodies ---- */

static enum framing_event next_of_length(struct framing *f, struct str input, size_t *used,
                                         struct str *out)
{
    *out = str_slice(input, 0, f->remaining < input.len ? (size_t)f->remaining : input.len);
    if (out->len == 0)
        return FRAMING_MORE;
    *used = out->len;
    f->remaining -= out->len;
    if (f->remaining == 0)
        f->state = FRAMING_STATE_DONE;
    return FRAMING_PIECE;
}

static enum framing_event next_chunk(struct framing *f, struct str input, size_t *used,
                                     struct str *out)
{
    switch (chunk_next(&f->chunks, input, used, out)) {
    case CHUNK_MORE:
        return FRAMING_MORE;
    case CHUNK_PIECE:
        return FRAMING_PIECE;
    case CHUNK_DONE:
        f->state = FRAMING_STATE_DONE;
        return FRAMING_DONE;
    case CHUNK_BAD_TRAILER:
        return refuse(f, FRAMING_TRAILER);
    case CHUNK_TOO_LARGE:
        return refuse(f, FRAMING_BODY_TOO_LARGE);
    case CHUNK_MALFORMED:
        break;
    }
    return refuse(f, FRAMING_CHUNK);
}

enum framing_event framing_next(struct framing *f, struct str input, size_t *used, struct str *out)
{
    *used = 0;
    *out = (struct str){0};
    if (f->refusal != FRAMING_ACCEPTED)
        return FRAMING_REFUSED;
    switch (f->state) {
    case FRAMING_STATE_START:
    case FRAMING_STATE_HEADERS:
        return next_head(f, input, used, out);
    case FRAMING_STATE_LENGTH:
        return next_of_length(f, input, used, out);
    case FRAMING_STATE_CHUNKED:
        return next_chunk(f, input, used, out);
    case FRAMING_STATE_DONE:
        break;
    }
    return FRAMING_DONE;
}

bool framing_split(struct str head, struct arena *arena, struct http_request *ret)
{
    struct str line, lines, version, authority;
    (void)str_cut(head, '\n', &line, &lines);
    (void)str_cut(line, ' ', &ret->method, &ret->target);
    (void)str_cut(ret->target, ' ', &ret->target, &version);
    ret->version_minor = version.data[7] - '0';
    (void)split_absolute(ret->target, &authority, &ret->target);
    if (!fields_split(lines, arena, &ret->headers, &ret->header_count))
        return false;
    ret->host = *http_header_find(ret->headers, ret->header_count, STR("host"));
    return true;
}
