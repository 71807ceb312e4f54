#include "http/path.h"

/* A proxy decodes once, a careless one twice; more rounds only cost time. */
#define DECODE_ROUNDS 8

/* Undoes one round of percent-encoding in place; true when there was any. */
static bool decode_once(char *text, size_t *len)
{
    size_t to = 0;
    for (size_t at = 0; at < *len; at++) {
        char c = text[at];
        if (c == '%' && *len - at >= 3 && hex_digit(text[at + 1]) >= 0 &&
            hex_digit(text[at + 2]) >= 0) {
            c = (char)(hex_digit(text[at + 1]) << 4 | hex_digit(text[at + 2]));
            at += 2;
        }
        text[to++] = c;
    }
    bool changed = to != *len;
    *len = to;
    return changed;
}

/* A decoded '?' or '#' ends the path for those who split late. */
static size_t path_length(const char *text, size_t len)
{
    size_t length = 0;
    while (length < len && text[length] != '?' && text[length] != '#')
        length++;
    return length;
}

static void fold(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] + ('a' - 'A'));
        if (text[i] == '\\')
            text[i] = '/';
    }
}

/* A segment as some server would see it. */
static struct str trim_segment(struct str segment)
{
    size_t end = 0;
    while (end < segment.len && (unsigned char)segment.data[end] >= ' ' && segment.data[end] != ';')
        end++;
    segment.len = end;
    if (str_equal(segment, STR("..")))
        return segment;
    while (segment.len &&
           (segment.data[segment.len - 1] == ' ' || segment.data[segment.len - 1] == '.'))
        segment.len--;
    return segment;
}

/* Takes the last segment off what has been written. */
static size_t parent(const char *text, size_t len)
{
    while (len && text[--len] != '/')
        ;
    return len;
}

struct str path_worst_reading(struct str path, struct arena *arena)
{
    struct str copy = arena_copy(arena, path);
    char *out = arena_alloc(arena, path.len + 1);
    if (!copy.data || !out)
        return (struct str){0};
    char *text = (char *)copy.data;
    size_t len = path.len, used = 0;
    int rounds = 0;
    while (decode_once(text, &len)) {
        if (++rounds == DECODE_ROUNDS)
            return (struct str){0};
    }
    len = path_length(text, len);
    fold(text, len);
    struct str segment, rest = {text, len};
    for (bool more = true; more;) {
        more = str_cut(rest, '/', &segment, &rest);
        segment = trim_segment(segment);
        if (str_equal(segment, STR(".."))) {
            used = parent(out, used);
        } else if (segment.len) {
            out[used++] = '/';
            memcpy(out + used, segment.data, segment.len);
            used += segment.len;
        }
    }
    return (struct str){out, used};
}
