#include "http/trace_context.h"

#include "http/hop.h"

#define VERSION_00_LENGTH 55   /* 2 + 1 + 32 + 1 + 16 + 1 + 2 */
#define LIMIT_STATE_MEMBERS 32 /* 3.3.1.1 */
#define LIMIT_STATE_KEY 256    /* 3.3.1.3.1 */
#define LIMIT_STATE_TENANT 241
#define LIMIT_STATE_SYSTEM 14
#define LIMIT_STATE_VALUE 256

/* ---- traceparent ---- */

/* Lower case only (3.2.2). */
static bool is_hex(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

static bool is_id(struct str text)
{
    size_t zeros = 0;
    while (zeros < text.len && text.data[zeros] == '0')
        zeros++;
    return is_hex(text) && zeros < text.len;
}

/* A version that is not known yet has what 00 has in front, and may go on behind a dash (4.3). */
static bool has_shape(struct str text)
{
    struct str version = str_slice(text, 0, 2);
    if (text.len < VERSION_00_LENGTH || !is_hex(version) || str_equal(version, STR("ff")))
        return false;
    if (text.len > VERSION_00_LENGTH &&
        (str_equal(version, STR("00")) || text.data[VERSION_00_LENGTH] != '-'))
        return false;
    return text.data[2] == '-' && text.data[35] == '-' && text.data[52] == '-';
}

static bool parse(struct str text, struct trace_context *ret)
{
    if (!has_shape(text))
        return false;
    struct str trace = str_slice(text, 3, 35), parent = str_slice(text, 36, 52),
               flags = str_slice(text, 53, 55);
    if (!is_id(trace) || !is_id(parent) || !is_hex(flags))
        return false;
    *ret = (struct trace_context){.sampled = hex_digit(flags.data[1]) & 1};
    memcpy(ret->trace_id, trace.data, trace.len);
    memcpy(ret->parent_id, parent.data, parent.len);
    return true;
}

/* ---- tracestate ---- */

/* lcalpha, DIGIT, _ - * / */
static size_t key_characters(struct str text)
{
    size_t i = 0;
    while (i < text.len && ((text.data[i] >= 'a' && text.data[i] <= 'z') ||
                            (text.data[i] >= '0' && text.data[i] <= '9') ||
                            (text.data[i] && strchr("_-*/", text.data[i]))))
        i++;
    return i;
}

static bool is_name(struct str text, size_t limit, bool digit_first)
{
    if (text.len == 0 || text.len > limit || key_characters(text) != text.len)
        return false;
    char first = text.data[0];
    return (first >= 'a' && first <= 'z') || (digit_first && first >= '0' && first <= '9');
}

static bool is_key(struct str key)
{
    struct str tenant, system;
    if (!str_cut(key, '@', &tenant, &system))
        return is_name(key, LIMIT_STATE_KEY, false);
    return is_name(tenant, LIMIT_STATE_TENANT, true) && is_name(system, LIMIT_STATE_SYSTEM, false);
}

/* Printable ASCII without comma and equals sign; spaces behind it are gone by now. */
static bool is_value(struct str value)
{
    if (value.len == 0 || value.len > LIMIT_STATE_VALUE)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        if (c < 0x20 || c > 0x7e || c == ',' || c == '=')
            return false;
    }
    return true;
}

/* Members may be empty (3.3.1.1). */
static bool check_members(struct str list, size_t *members)
{
    bool more = true;
    while (more) {
        struct str member, key, value;
        more = str_cut(list, ',', &member, &list);
        member = str_trim(member);
        if (member.len == 0)
            continue;
        if (!str_cut(member, '=', &key, &value) || !is_key(key) || !is_value(value) ||
            ++*members > LIMIT_STATE_MEMBERS)
            return false;
    }
    return true;
}

static bool is_state(const struct http_header *header)
{
    return str_equal_nocase(header->name, STR("tracestate"));
}

/* Several headers are one list (RFC 9110 5.3). */
static bool has_valid_state(const struct http_header *headers, size_t count)
{
    size_t members = 0;
    if (hop_by_hop(headers, count, STR("tracestate")))
        return false; /* the client says that it is for us alone */
    for (size_t i = 0; i < count; i++) {
        if (is_state(&headers[i]) && !check_members(headers[i].value, &members))
            return false;
    }
    return members > 0;
}

/* ---- for everybody ---- */

bool trace_context_read(const struct http_header *headers, size_t count, struct trace_context *ret)
{
    const struct str name = STR("traceparent");
    const struct str *parent = http_header_find(headers, count, name);
    if (!parent || http_header_count(headers, count, name) != 1 || !parse(*parent, ret))
        return false;
    ret->has_state = has_valid_state(headers, count);
    return true;
}

static void put_hex(const uint8_t *bytes, size_t count, char *out)
{
    for (size_t i = 0; i < count; i++) {
        out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    out[2 * count] = '\0';
}

void trace_context_begin(const uint8_t random[TRACE_RANDOM_BYTES], uint64_t sample,
                         struct trace_context *ret)
{
    uint64_t chance = 0;
    for (size_t i = TRACE_RANDOM_BYTES / 2; i < TRACE_RANDOM_BYTES; i++)
        chance = chance << 8 | random[i];
    *ret = (struct trace_context){.sampled = chance % TRACE_SAMPLE_ALL < sample};
    put_hex(random, TRACE_RANDOM_BYTES, ret->trace_id);
    if (!is_id(str_from(ret->trace_id)))
        ret->trace_id[0] = '1'; /* once in 2^128 */
}

void span_id_format(const uint8_t random[SPAN_RANDOM_BYTES], char out[SPAN_ID_SIZE])
{
    put_hex(random, SPAN_RANDOM_BYTES, out);
    if (out[0] == '0')
        out[0] = '1'; /* so that no part of it is all zeros either */
}

void span_id_of_part(const char *span_id, unsigned part, char out[SPAN_ID_SIZE])
{
    const size_t last = SPAN_ID_SIZE - 2;
    memcpy(out, span_id, SPAN_ID_SIZE);
    out[last] = "0123456789abcdef"[((unsigned)hex_digit(span_id[last]) ^ part) & 15];
}

void trace_context_put(const struct trace_context *trace, const char *span_id,
                       const struct http_header *headers, size_t count, struct buf *out)
{
    buf_format(out, "traceparent: 00-%s-%s-0%d\r\n", trace->trace_id, span_id, trace->sampled);
    for (size_t i = 0; trace->has_state && i < count; i++) {
        if (!is_state(&headers[i]))
            continue;
        buf_append(out, STR("tracestate: "));
        buf_append(out, headers[i].value);
        buf_append(out, STR("\r\n"));
    }
}
