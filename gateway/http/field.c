#include "http/field.h"

enum { TOKEN = 1, VALUE = 2 };

/* clang-format off */
static const uint8_t classes[256] = {
    ['\t'] = VALUE, [' '] = VALUE,
    ['!'] = 3, ['"'] = 2, ['#'] = 3, ['$'] = 3, ['%'] = 3, ['&'] = 3, ['\''] = 3, ['('] = 2,
    [')'] = 2, ['*'] = 3, ['+'] = 3, [','] = 2, ['-'] = 3, ['.'] = 3, ['/'] = 2,
    ['0' ... '9'] = 3, [':'] = 2, [';'] = 2, ['<'] = 2, ['='] = 2, ['>'] = 2, ['?'] = 2,
    ['@'] = 2, ['A' ... 'Z'] = 3, ['['] = 2, ['\\'] = 2, [']'] = 2, ['^'] = 3, ['_'] = 3,
    ['`'] = 3, ['a' ... 'z'] = 3, ['{'] = 2, ['|'] = 3, ['}'] = 2, ['~'] = 3,
    [0x80 ... 0xff] = VALUE,
};
/* clang-format on */

static bool all_of(struct str s, uint8_t class)
{
    uint8_t common = class;
    for (size_t i = 0; i < s.len; i++)
        common &= classes[(uint8_t)s.data[i]];
    return common != 0;
}

bool is_token(struct str s)
{
    return s.len > 0 && all_of(s, TOKEN);
}

bool is_field_value(struct str s)
{
    return all_of(s, VALUE);
}

size_t token_length(struct str s)
{
    size_t length = 0;
    while (length < s.len && (classes[(uint8_t)s.data[length]] & TOKEN))
        length++;
    return length;
}

enum line_event line_next(struct str input, size_t *searched, struct str *line, size_t *length)
{
    struct str unseen = str_slice(input, *searched, input.len);
    size_t at = str_find(unseen, '\n');
    if (at == unseen.len) {
        *searched = input.len;
        return LINE_MORE;
    }
    size_t end = *searched + at;
    *searched = 0;
    *length = end + 1;
    if (end == 0 || input.data[end - 1] != '\r')
        return LINE_BARE_LF;
    *line = str_slice(input, 0, end - 1);
    return LINE_WHOLE;
}

enum field_fault field_parse(struct str line, struct http_header *ret)
{
    struct str name, value;
    if (line.len && (line.data[0] == ' ' || line.data[0] == '\t'))
        return FIELD_FOLDED; /* RFC 9112 5.2: obs-fold is refused, never joined */
    bool colon = str_cut(line, ':', &name, &value);
    if (!is_field_value(line))
        return str_find(line, '\r') < line.len ? FIELD_BARE_CR : FIELD_CONTROL;
    if (!colon)
        return FIELD_NO_COLON;
    if (!is_token(name))
        return FIELD_NAME; /* RFC 9112 5.1: also white space before the colon */
    *ret = (struct http_header){name, str_trim(value)};
    return FIELD_FINE;
}

bool content_length_parse(struct str value, uint64_t *ret)
{
    return value.len <= 19 && str_to_u64(value, ret);
}

static size_t count_lines(struct str lines)
{
    size_t count = 0;
    for (struct str line, rest = lines; str_cut(rest, '\n', &line, &rest);)
        count++;
    return count;
}

bool fields_split(struct str lines, struct arena *arena, struct http_header **ret,
                  size_t *ret_count)
{
    struct http_header *headers = arena_zalloc(arena, count_lines(lines), sizeof(*headers));
    if (!headers)
        return false;
    size_t count = 0;
    for (struct str line, rest = lines; str_cut(rest, '\n', &line, &rest) && line.len > 1;) {
        struct str name, value;
        (void)str_cut(str_slice(line, 0, line.len - 1), ':', &name, &value);
        headers[count++] = (struct http_header){name, str_trim(value)};
    }
    *ret = headers;
    *ret_count = count;
    return true;
}

bool list_has_token(struct str list, struct str token)
{
    for (struct str item; list.len;) {
        (void)str_cut(list, ',', &item, &list);
        if (str_equal_nocase(str_trim(item), token))
            return true;
    }
    return false;
}
