#include "base/utf8.h"

/* RFC 3629 section 4, its table of well-formed sequences. */
static const struct {
    uint8_t first_min, first_max, second_min, second_max, length;
} rows[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

size_t utf8_length(struct str s)
{
    const uint8_t *at = (const uint8_t *)s.data;
    if (s.len == 0)
        return 0;
    if (at[0] < 0x80)
        return 1;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (at[0] < rows[i].first_min || at[0] > rows[i].first_max)
            continue;
        if (s.len < rows[i].length || at[1] < rows[i].second_min || at[1] > rows[i].second_max)
            return 0;
        for (size_t k = 2; k < rows[i].length; k++) {
            if ((at[k] & 0xc0) != 0x80)
                return 0;
        }
        return rows[i].length;
    }
    return 0;
}

/* The character that the `length` bytes at `bytes` stand for. */
static uint32_t code_point(const char *bytes, size_t length)
{
    if (length == 1)
        return (uint8_t)bytes[0];
    uint32_t code = (uint8_t)bytes[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        code = code << 6 | ((uint8_t)bytes[i] & 0x3f);
    return code;
}

size_t utf8_decode(struct str s, uint32_t *ret)
{
    size_t length = utf8_length(s);
    if (length > 0)
        *ret = code_point(s.data, length);
    return length;
}

size_t utf8_invalid_at(struct str s)
{
    size_t i = 0, length;
    while (i < s.len && (length = utf8_length(str_slice(s, i, s.len))) > 0)
        i += length;
    return i;
}

size_t utf8_utf16_units(struct str s)
{
    size_t units = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t byte = (uint8_t)s.data[i];
        units += (byte & 0xc0) != 0x80; /* every character is one unit … */
        units += byte >= 0xf0;          /* … but those beyond U+FFFF are two */
    }
    return units;
}

size_t utf8_control_at(struct str s, bool allow_lines)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t byte = (uint8_t)s.data[i];
        bool line = byte == '\t' || byte == '\n' || byte == '\r';
        if ((byte < 0x20 && !(line && allow_lines)) || byte == 0x7f)
            return i;
        if (byte == 0xc2 && i + 1 < s.len && (uint8_t)s.data[i + 1] < 0xa0)
            return i; /* U+0080..U+009F */
    }
    return s.len;
}

/* Unicode's White_Space, and two characters without a width that are not in it. */
static const struct {
    uint32_t first, last;
} blanks[] = {
    {0x09, 0x0d},     {0x20, 0x20},     {0x85, 0x85},     {0xa0, 0xa0},
    {0x1680, 0x1680}, {0x2000, 0x200b}, {0x2028, 0x2029}, {0x202f, 0x202f},
    {0x205f, 0x205f}, {0x3000, 0x3000}, {0xfeff, 0xfeff},
};

static bool is_blank(uint32_t code)
{
    for (size_t i = 0; i < COUNT_OF(blanks); i++) {
        if (code >= blanks[i].first && code <= blanks[i].last)
            return true;
    }
    return false;
}

bool utf8_is_blank(struct str s)
{
    uint32_t code;
    for (size_t i = 0, length; i < s.len; i += length) {
        length = utf8_decode(str_slice(s, i, s.len), &code);
        if (length == 0 || !is_blank(code))
            return false;
    }
    return true;
}
