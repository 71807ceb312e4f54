#include "audit/privacy.h"

#include <stdio.h>

#include "audit/numbers.h"

#define LIMIT_MASKED_BYTES (256 * 1024) /* of one text: twice a whole record */

/* ---- hashes ---- */

static bool hash(const struct hash_key *key, struct str bytes, char out[PRIVACY_HASH_SIZE])
{
    uint8_t mac[DIGEST_BYTES];
    char hex[DIGEST_HEX_SIZE];
    if (!hash_key_mac(key, bytes, mac))
        return false;
    digest_to_hex(mac, hex);
    (void)snprintf(out, PRIVACY_HASH_SIZE, "hmac:%s:%s", key->id, hex);
    return true;
}

bool privacy_hash_number(const struct hash_key *key, struct str number, char out[PRIVACY_HASH_SIZE])
{
    struct number read;
    return number_read(number, &read) &&
           hash(key, (struct str){read.digits, read.digit_count}, out);
}

/* The digest in between keeps a body of digits apart from a number. */
bool privacy_hash_body(const struct hash_key *key, struct str body, char out[PRIVACY_HASH_SIZE])
{
    uint8_t digest[DIGEST_BYTES];
    return digest_bytes(body, digest) &&
           hash(key, (struct str){(const char *)digest, sizeof(digest)}, out);
}

/* ---- masking ---- */

/* Most texts have no number: a look at their bytes is enough. */
static bool may_hold_number(struct str text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool coded = c >= 'M' && c <= 'O' && i + 1 < text.len && /* base64 of three digits */
                     str_has(STR("DTjz"), text.data[i + 1]);
        digits += (c >= '0' && c <= '9') || c >= 0x80;
        if (digits == 7 || c == '%' || coded)
            return true;
    }
    return false;
}

/* The byte that stands at the front, with its percent-encoding undone however deep it is. */
static char take_byte(struct str *s)
{
    char c = s->data[0];
    size_t length = 1;
    while (c == '%' && s->len >= length + 2 && hex_digit(s->data[length]) >= 0 &&
           hex_digit(s->data[length + 1]) >= 0) {
        c = (char)(hex_digit(s->data[length]) << 4 | hex_digit(s->data[length + 1]));
        length += 2;
    }
    *s = str_slice(*s, length, s->len);
    return c;
}

/* Without percent-encoding, as often as there is any; the text itself when there is none. */
static struct str decode_percent(struct str text, struct arena *arena)
{
    if (str_find(text, '%') == text.len)
        return text;
    char *plain = arena ? arena_alloc(arena, text.len) : NULL;
    if (!plain)
        return (struct str){0};
    size_t len = text.len, before;
    memcpy(plain, text.data, len);
    do {
        struct str rest = {plain, len};
        before = len;
        for (len = 0; rest.len > 0; len++)
            plain[len] = take_byte(&rest);
    } while (len < before);
    return len == text.len ? text : (struct str){plain, len};
}

static bool put_number(struct privacy *privacy, const struct number *number, struct buf *out)
{
    char text[PRIVACY_HASH_SIZE];
    if (!privacy->key)
        return false;
    if (privacy->hashed == LIMIT_HASHED_NUMBERS)
        return buf_append(out, STR("{number}"));
    privacy->hashed++;
    return hash(privacy->key, (struct str){number->digits, number->digit_count}, text) &&
           buf_format(out, "{%s}", text);
}

/* The text with `number`, which is its first, and all that follow replaced. */
static struct str replace(struct privacy *privacy, struct str text, struct number number)
{
    struct buf out;
    size_t done = 0;
    bool more = true, fine = privacy->arena != NULL;
    buf_init(&out, LIMIT_MASKED_BYTES);
    while (fine && more) {
        fine = buf_append(&out, str_slice(text, done, number.start)) &&
               put_number(privacy, &number, &out);
        done = number.end;
        more = number_find(text, done, &number);
    }
    fine = fine && buf_append(&out, str_slice(text, done, text.len));
    struct str copy = fine ? arena_copy(privacy->arena, buf_str(&out)) : (struct str){0};
    buf_release(&out);
    return copy;
}

struct str privacy_mask(struct privacy *privacy, struct str text)
{
    struct number number;
    if (privacy->in_clear || !may_hold_number(text))
        return text.data ? text : STR("");
    struct str plain = decode_percent(text, privacy->arena);
    if (!plain.data)
        return plain;
    if (plain.data != text.data && number_find(plain, 0, &number))
        return replace(privacy, plain, number);
    return number_find(text, 0, &number) ? replace(privacy, text, number) : text;
}
