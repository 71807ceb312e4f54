#include "audit/pinned_keys.h"

#include <stdio.h>

#include "audit/base64.h"
#include "base/clock.h"

/* RFC 8410 4: what stands in front of the 32 bytes of a public key. */
static const uint8_t spki_front[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                     0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

#define SPKI_BYTES (sizeof(spki_front) + SIGNING_PUBLIC_BYTES)
#define PEM_BEGIN "-----BEGIN PUBLIC KEY-----\n"
#define PEM_END "\n-----END PUBLIC KEY-----\n"

/* ---- a line ---- */

/* The next word of the line; empty at its end. */
static struct str take_word(struct str *line)
{
    struct str rest = str_trim(*line);
    size_t end = 0;
    while (end < rest.len && rest.data[end] != ' ' && rest.data[end] != '\t')
        end++;
    *line = str_slice(rest, end, rest.len);
    return str_slice(rest, 0, end);
}

static bool parse_instant(struct str word, int64_t *ret_ms)
{
    return word.len == 0 || str_equal(word, STR("-")) || clock_parse_utc(word, ret_ms);
}

static bool parse_line(const char *file, size_t number, struct str line, struct pinned_key *ret,
                       struct error *err)
{
    struct pinned_key key = {.not_before_ms = INT64_MIN, .not_after_ms = INT64_MAX};
    struct str kind = take_word(&line), public_key = take_word(&line);
    struct str not_before = take_word(&line), not_after = take_word(&line);
    if (!str_equal(kind, STR("ed25519")))
        return error_at(err, file, number, 1,
                        "the line does not begin with \"ed25519\"; write `ed25519 PUBLIC-KEY "
                        "[FROM [UNTIL]]`, as `campaign-gateway audit key show` does");
    if (!base64_decode_exactly(public_key, key.public_key, SIGNING_PUBLIC_BYTES))
        return error_at(err, file, number, 1,
                        "\"%.*s\" is not the base64 of an Ed25519 public key: 44 characters, of "
                        "which the last is =",
                        STR_ARGS(str_slice(public_key, 0, 64)));
    if (!parse_instant(not_before, &key.not_before_ms) ||
        !parse_instant(not_after, &key.not_after_ms))
        return error_at(err, file, number, 1,
                        "a window's ends are instants such as 2026-07-01T00:00:00Z, or -");
    if (str_trim(line).len > 0)
        return error_at(err, file, number, 1,
                        "something follows the window; comments begin with #");
    if (key.not_before_ms >= key.not_after_ms)
        return error_at(err, file, number, 1, "the window ends before it begins");
    *ret = key;
    return true;
}

/* ---- lists ---- */

static size_t count_lines(struct str text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == '\n';
    return count;
}

bool pinned_keys_parse(const char *file, struct str text, struct arena *arena,
                       struct pinned_keys *ret, struct error *err)
{
    struct pinned_keys keys = {.items =
                                   arena_zalloc(arena, count_lines(text), sizeof(*keys.items))};
    struct str line, comment;
    if (!keys.items)
        return error_set(err, "out of memory");
    for (size_t number = 1; text.len > 0; number++) {
        (void)str_cut(text, '\n', &line, &text);
        (void)str_cut(line, '#', &line, &comment);
        if (str_ends(line, STR("\r")))
            line.len--;
        if (str_trim(line).len == 0)
            continue;
        if (!parse_line(file, number, line, &keys.items[keys.count], err))
            return false;
        keys.count++;
    }
    if (keys.count == 0)
        return error_set(err, "'%s' pins no key: every line is empty or a comment", file);
    *ret = keys;
    return true;
}

bool pinned_keys_parse_pem(const char *file, struct str text, struct arena *arena,
                           struct pinned_keys *ret, struct error *err)
{
    uint8_t spki[SPKI_BYTES];
    struct pinned_key *key = arena_zalloc(arena, 1, sizeof(*key));
    if (!key)
        return error_set(err, "out of memory");
    if (!str_starts(text, STR(PEM_BEGIN)) || !str_ends(text, STR(PEM_END)) ||
        text.len < sizeof(PEM_BEGIN) + sizeof(PEM_END) ||
        !base64_decode_exactly(
            str_slice(text, sizeof(PEM_BEGIN) - 1, text.len - (sizeof(PEM_END) - 1)), spki,
            sizeof(spki)) ||
        memcmp(spki, spki_front, sizeof(spki_front)) != 0)
        return error_set(err,
                         "'%s' is not an Ed25519 public key in PEM, as `campaign-gateway audit key "
                         "show --format pem` or `openssl pkey -pubout` writes it",
                         file);
    memcpy(key->public_key, spki + sizeof(spki_front), SIGNING_PUBLIC_BYTES);
    key->not_before_ms = INT64_MIN;
    key->not_after_ms = INT64_MAX;
    *ret = (struct pinned_keys){key, 1};
    return true;
}

bool pinned_keys_has(const struct pinned_keys *keys, const uint8_t public_key[SIGNING_PUBLIC_BYTES])
{
    for (size_t i = 0; i < keys->count; i++) {
        if (memcmp(keys->items[i].public_key, public_key, SIGNING_PUBLIC_BYTES) == 0)
            return true;
    }
    return false;
}

/* Open ends are far enough away to bear the slack. */
static bool is_within(const struct pinned_key *key, int64_t time_ms, int64_t slack_ms)
{
    return (key->not_before_ms == INT64_MIN || time_ms >= key->not_before_ms - slack_ms) &&
           (key->not_after_ms == INT64_MAX || time_ms < key->not_after_ms + slack_ms);
}

bool pinned_keys_permit(const struct pinned_keys *keys,
                        const uint8_t public_key[SIGNING_PUBLIC_BYTES], int64_t time_ms,
                        int64_t slack_ms)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (memcmp(keys->items[i].public_key, public_key, SIGNING_PUBLIC_BYTES) == 0 &&
            is_within(&keys->items[i], time_ms, slack_ms))
            return true;
    }
    return false;
}

/* ---- how keys are written ---- */

bool pinned_keys_line(const uint8_t public_key[SIGNING_PUBLIC_BYTES], struct buf *out)
{
    return buf_append(out, STR("ed25519 ")) &&
           base64_encode((struct str){(const char *)public_key, SIGNING_PUBLIC_BYTES}, out);
}

bool pinned_keys_pem(const uint8_t public_key[SIGNING_PUBLIC_BYTES], struct buf *out)
{
    char spki[SPKI_BYTES];
    memcpy(spki, spki_front, sizeof(spki_front));
    memcpy(spki + sizeof(spki_front), public_key, SIGNING_PUBLIC_BYTES);
    return buf_append(out, STR(PEM_BEGIN)) &&
           base64_encode((struct str){spki, sizeof(spki)}, out) && buf_append(out, STR(PEM_END));
}

void key_fingerprint(const uint8_t public_key[SIGNING_PUBLIC_BYTES], char out[FINGERPRINT_SIZE])
{
    char hex[DIGEST_HEX_SIZE];
    /* it is empty without libcrypto, and then nothing else works, either */
    (void)!digest_hex((struct str){(const char *)public_key, SIGNING_PUBLIC_BYTES}, hex);
    (void)snprintf(out, FINGERPRINT_SIZE, "SHA256:%s", hex);
}
