#include "audit/member.h"

/* The index behind the text that begins at `at`; json.len when it does not end. */
static size_t behind_text(struct str json, size_t at)
{
    for (at++; at < json.len; at++) {
        const char *quote = memchr(json.data + at, '"', json.len - at);
        if (!quote)
            break;
        size_t end = (size_t)(quote - json.data), escapes = 0;
        while (end - escapes > at && json.data[end - escapes - 1] == '\\')
            escapes++;
        if (escapes % 2 == 0)
            return end + 1;
        at = end;
    }
    return json.len;
}

/* The index of the comma or brace behind the value that begins at `at`. */
static size_t behind_value(struct str json, size_t at)
{
    size_t depth = 0;
    while (at < json.len) {
        char c = json.data[at];
        if (c == '"') {
            at = behind_text(json, at);
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            return at;
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        at++;
    }
    return json.len;
}

bool member_raw(struct str json, struct str key, struct str *ret)
{
    size_t at = 1;
    while (at < json.len && json.data[at] == '"') {
        size_t colon = behind_text(json, at);
        if (colon >= json.len || json.data[colon] != ':')
            return false;
        size_t end = behind_value(json, colon + 1);
        if (str_equal(str_slice(json, at + 1, colon - 1), key)) {
            *ret = str_slice(json, colon + 1, end);
            return end < json.len;
        }
        at = end + 1;
    }
    return false;
}

bool member_text(struct str json, struct str key, struct str *ret)
{
    struct str raw;
    if (!member_raw(json, key, &raw) || raw.len < 2 || raw.data[0] != '"' ||
        memchr(raw.data, '\\', raw.len))
        return false;
    *ret = str_slice(raw, 1, raw.len - 1);
    return true;
}

bool member_is(struct str json, struct str key, struct str text)
{
    struct str value;
    return member_text(json, key, &value) && str_equal(value, text);
}
