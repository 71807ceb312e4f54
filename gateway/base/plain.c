#include "base/plain.h"

#include "base/utf8.h"

/* Characters that change what is around them, or that nobody sees. */
static const struct {
    uint32_t first, last;
} deceiving[] = {
    {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},       {0x61c, 0x61c},
    {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f},
    {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
};

static bool deceives(uint32_t character)
{
    for (size_t i = 0; i < COUNT_OF(deceiving); i++) {
        if (character >= deceiving[i].first && character <= deceiving[i].last)
            return true;
    }
    return false;
}

/* Nothing in it needs quotes or escapes. */
static bool is_word(struct str value)
{
    for (size_t i = 0; i < value.len;) {
        uint32_t character;
        size_t length = utf8_decode(str_slice(value, i, value.len), &character);
        if (length == 0 || deceives(character) || (length == 1 && strchr(" \"=\\", value.data[i])))
            return false;
        i += length;
    }
    return value.len > 0;
}

static void put_character(struct buf *out, struct str bytes, uint32_t character)
{
    if (character == '"' || character == '\\')
        buf_append_byte(out, '\\');
    if (character == '\n')
        buf_append(out, STR("\\n"));
    else if (character == '\r')
        buf_append(out, STR("\\r"));
    else if (character == '\t')
        buf_append(out, STR("\\t"));
    else if (deceives(character))
        buf_format(out, "\\u{%x}", (unsigned)character);
    else
        buf_append(out, bytes);
}

void plain_put(struct buf *out, struct str value)
{
    if (is_word(value)) {
        buf_append(out, value);
        return;
    }
    buf_append_byte(out, '"');
    for (size_t i = 0; i < value.len;) {
        uint32_t character;
        size_t length = utf8_decode(str_slice(value, i, value.len), &character);
        if (length)
            put_character(out, str_slice(value, i, i + length), character);
        else
            buf_format(out, "\\x%02x", (unsigned char)value.data[i]);
        i += length ? length : 1;
    }
    buf_append_byte(out, '"');
}
