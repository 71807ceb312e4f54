#include "base/json_write.h"

#include "base/utf8.h"

struct json_writer json_writer(struct buf *out)
{
    return (struct json_writer){out, false};
}

static void begin_value(struct json_writer *w, const char *key)
{
    if (w->needs_comma)
        buf_append_byte(w->out, ',');
    w->needs_comma = true;
    if (!key)
        return;
    buf_append_byte(w->out, '"');
    buf_append(w->out, str_from(key));
    buf_append(w->out, STR("\":"));
}

static void open_at(struct json_writer *w, const char *key, char bracket)
{
    begin_value(w, key);
    buf_append_byte(w->out, bracket);
    w->needs_comma = false;
}

static void close_with(struct json_writer *w, char bracket)
{
    buf_append_byte(w->out, bracket);
    w->needs_comma = true;
}

void json_open_object(struct json_writer *w)
{
    open_at(w, NULL, '{');
}

void json_open_object_at(struct json_writer *w, const char *key)
{
    open_at(w, key, '{');
}

void json_close_object(struct json_writer *w)
{
    close_with(w, '}');
}

void json_open_array_at(struct json_writer *w, const char *key)
{
    open_at(w, key, '[');
}

void json_close_array(struct json_writer *w)
{
    close_with(w, ']');
}

static void put_escaped_byte(struct buf *out, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_form[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"'};
    if (byte == '\\') {
        buf_append(out, STR("\\\\"));
    } else if (byte < sizeof(short_form) && short_form[byte]) {
        buf_append(out, (struct str){(const char[]){'\\', short_form[byte]}, 2});
    } else {
        const char escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
        buf_append(out, (struct str){escape, sizeof(escape)});
    }
}

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

static void put_quoted(struct json_writer *w, struct str value)
{
    buf_append_byte(w->out, '"');
    const unsigned char *at = (const unsigned char *)value.data;
    for (size_t i = 0; i < value.len;) {
        size_t start = i;
        while (i < value.len && is_plain(at[i]))
            i++;
        buf_append(w->out, str_slice(value, start, i));
        if (i == value.len)
            break;
        if (at[i] < 0x80) {
            put_escaped_byte(w->out, at[i++]);
            continue;
        }
        size_t length = utf8_length(str_slice(value, i, value.len));
        buf_append(w->out, length ? str_slice(value, i, i + length) : STR("\xef\xbf\xbd"));
        i += length ? length : 1;
    }
    buf_append_byte(w->out, '"');
}

void json_put_str(struct json_writer *w, const char *key, struct str value)
{
    begin_value(w, key);
    put_quoted(w, value);
}

void json_put_str_if_any(struct json_writer *w, const char *key, struct str value)
{
    if (value.len)
        json_put_str(w, key, value);
}

void json_put_key(struct json_writer *w, struct str key)
{
    begin_value(w, NULL);
    put_quoted(w, key);
    buf_append_byte(w->out, ':');
    w->needs_comma = false;
}

void json_put_number(struct json_writer *w, const char *key, struct str number)
{
    begin_value(w, key);
    buf_append(w->out, number);
}

void json_put_int(struct json_writer *w, const char *key, int64_t value)
{
    begin_value(w, key);
    char digits[24];
    char *at = digits + sizeof(digits);
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude);
    if (value < 0)
        *--at = '-';
    buf_append(w->out, (struct str){at, (size_t)(digits + sizeof(digits) - at)});
}

void json_put_bool(struct json_writer *w, const char *key, bool value)
{
    begin_value(w, key);
    buf_append(w->out, value ? STR("true") : STR("false"));
}

void json_put_null(struct json_writer *w, const char *key)
{
    begin_value(w, key);
    buf_append(w->out, STR("null"));
}
