#include "audit/checkpoint.h"

#include "audit/base64.h"
#include "base/clock.h"
#include "base/utf8.h"

#define NAME_HASH_BYTES 4
#define ED25519_KIND 0x01 /* C2SP signed-note: the kind of key */
#define SIGNATURE_FRONT "\xe2\x80\x94 "

/* ---- names and key hashes (C2SP signed-note) ---- */

/* A name is not empty and holds neither a space, in Unicode's sense, nor a plus. */
static bool is_name(struct str name)
{
    if (name.len == 0 || name.len > LIMIT_ORIGIN_BYTES || utf8_invalid_at(name) != name.len ||
        utf8_control_at(name, false) != name.len || memchr(name.data, '+', name.len))
        return false;
    for (size_t i = 0; i < name.len; i += utf8_length(str_slice(name, i, name.len))) {
        struct str character = str_slice(name, i, i + utf8_length(str_slice(name, i, name.len)));
        if (utf8_is_blank(character))
            return false;
    }
    return true;
}

/* The first bytes of SHA-256(name || LF || kind || public key). */
static bool key_hash(struct str name, const uint8_t public_key[SIGNING_PUBLIC_BYTES],
                     uint8_t out[NAME_HASH_BYTES])
{
    char bytes[LIMIT_ORIGIN_BYTES + 2 + SIGNING_PUBLIC_BYTES];
    uint8_t digest[DIGEST_BYTES];
    memcpy(bytes, name.data, name.len);
    bytes[name.len] = '\n';
    bytes[name.len + 1] = ED25519_KIND;
    memcpy(bytes + name.len + 2, public_key, SIGNING_PUBLIC_BYTES);
    if (!digest_bytes((struct str){bytes, name.len + 2 + SIGNING_PUBLIC_BYTES}, digest))
        return false;
    memcpy(out, digest, NAME_HASH_BYTES);
    return true;
}

bool checkpoint_verifier_key(struct str origin, const uint8_t public_key[SIGNING_PUBLIC_BYTES],
                             struct buf *out)
{
    uint8_t hash[NAME_HASH_BYTES];
    char kind_and_key[1 + SIGNING_PUBLIC_BYTES] = {ED25519_KIND};
    memcpy(kind_and_key + 1, public_key, SIGNING_PUBLIC_BYTES);
    if (!is_name(origin) || !key_hash(origin, public_key, hash))
        return false;
    buf_append(out, origin);
    buf_format(out, "+%02x%02x%02x%02x+", hash[0], hash[1], hash[2], hash[3]);
    return base64_encode((struct str){kind_and_key, sizeof(kind_and_key)}, out);
}

/* ---- signing ---- */

static void write_text(const struct checkpoint *checkpoint, struct buf *out)
{
    char time[CLOCK_UTC_SIZE], hex[DIGEST_HEX_SIZE];
    clock_format_utc(checkpoint->time_unix_ms, time);
    buf_append(out, checkpoint->origin);
    buf_format(out, "\n%llu\n", (unsigned long long)checkpoint->size);
    base64_encode((struct str){(const char *)checkpoint->root, DIGEST_BYTES}, out);
    buf_format(out, "\ntime %s\n", time);
    if (checkpoint->has_successor) {
        digest_to_hex(checkpoint->successor, hex);
        buf_format(out, "successor %s\n", hex);
    }
}

/* Signs the text in `note` and puts the signature behind it. */
static bool sign_text(struct str name, const struct signing_key *key, struct buf *note)
{
    char bytes[NAME_HASH_BYTES + SIGNATURE_BYTES];
    if (note->failed || !key_hash(name, signing_key_public(key), (uint8_t *)bytes) ||
        !signing_key_sign(key, buf_str(note), (uint8_t *)bytes + NAME_HASH_BYTES))
        return false;
    buf_append_byte(note, '\n');
    buf_append(note, STR(SIGNATURE_FRONT));
    buf_append(note, name);
    buf_append_byte(note, ' ');
    base64_encode((struct str){bytes, sizeof(bytes)}, note);
    buf_append_byte(note, '\n');
    return !note->failed;
}

bool checkpoint_sign(const struct checkpoint *checkpoint, const struct signing_key *key,
                     struct buf *out)
{
    struct buf note;
    if (!is_name(checkpoint->origin))
        return false;
    buf_init(&note, LIMIT_CHECKPOINT_BYTES);
    write_text(checkpoint, &note);
    bool fine = sign_text(checkpoint->origin, key, &note) && buf_append(out, buf_str(&note));
    buf_release(&note);
    return fine;
}

/* ---- reading ---- */

/* The next line of *text, without its LF, which must be there. */
static bool take_line(struct str *text, struct str *ret)
{
    return str_cut(*text, '\n', ret, text);
}

/* The next line, when it begins with `word`: what is behind it. */
static bool take_word_line(struct str *text, struct str word, struct str *ret)
{
    struct str line, rest = *text;
    if (!take_line(&rest, &line) || !str_starts(line, word))
        return false;
    *ret = str_slice(line, word.len, line.len);
    *text = rest;
    return true;
}

static bool parse_size(struct str digits, uint64_t *ret)
{
    bool leads_with_zero = digits.len > 1 && digits.data[0] == '0';
    return !leads_with_zero && str_to_u64(digits, ret);
}

/* Written in one way only: as we write it. */
static bool parse_time(struct str text, int64_t *ret)
{
    int64_t unix_ms;
    char again[CLOCK_UTC_SIZE];
    if (!clock_parse_utc(text, &unix_ms))
        return false;
    clock_format_utc(unix_ms, again);
    if (!str_equal(text, str_from(again)))
        return false;
    *ret = unix_ms;
    return true;
}

/* The name and the bytes of one signature line; who may have signed is not asked here. */
static bool parse_signature(struct str line, struct str *ret_name, struct buf *ret_bytes)
{
    struct str name, text;
    if (!str_starts(line, STR(SIGNATURE_FRONT)) ||
        !str_cut(str_slice(line, sizeof(SIGNATURE_FRONT) - 1, line.len), ' ', &name, &text) ||
        !is_name(name))
        return false;
    buf_clear(ret_bytes);
    if (!base64_decode(text, ret_bytes) || ret_bytes->len <= NAME_HASH_BYTES)
        return false;
    *ret_name = name;
    return true;
}

/* At least one signature line, and nothing else up to the note's end. */
static bool signatures_are_well_formed(struct str lines)
{
    struct buf bytes;
    struct str line, name;
    buf_init(&bytes, LIMIT_CHECKPOINT_BYTES);
    bool fine = lines.len > 0;
    while (fine && lines.len > 0)
        fine = take_line(&lines, &line) && parse_signature(line, &name, &bytes);
    buf_release(&bytes);
    return fine;
}

/* The note's text; *ret_signatures is what stands behind the empty line. */
static bool parse_text(struct str note, struct checkpoint *ret, struct str *ret_signatures)
{
    struct str rest = note, size, root, time, successor, empty;
    struct checkpoint parsed = {0};
    if (note.len > LIMIT_CHECKPOINT_BYTES || !take_line(&rest, &parsed.origin) ||
        !is_name(parsed.origin) || !take_line(&rest, &size) || !parse_size(size, &parsed.size) ||
        !take_line(&rest, &root) || !base64_decode_exactly(root, parsed.root, DIGEST_BYTES) ||
        !take_word_line(&rest, STR("time "), &time) || !parse_time(time, &parsed.time_unix_ms))
        return false;
    parsed.has_successor = take_word_line(&rest, STR("successor "), &successor);
    if (parsed.has_successor && !digest_from_hex(successor, parsed.successor))
        return false;
    if (!take_line(&rest, &empty) || empty.len > 0)
        return false;
    *ret = parsed;
    *ret_signatures = rest;
    return true;
}

bool checkpoint_parse(struct str note, struct checkpoint *ret)
{
    struct checkpoint parsed;
    struct str signatures;
    if (!parse_text(note, &parsed, &signatures) || !signatures_are_well_formed(signatures))
        return false;
    *ret = parsed;
    return true;
}

/* ---- who signed ---- */

/* Lines of other names and keys are other people's. Of ours there must be exactly one, and valid.
 */
static bool has_our_signature(struct str name, const uint8_t public_key[SIGNING_PUBLIC_BYTES],
                              struct str text, struct str lines)
{
    uint8_t hash[NAME_HASH_BYTES];
    struct str line, signer;
    struct buf bytes;
    size_t ours = 0, valid = 0;
    if (!key_hash(name, public_key, hash))
        return false;
    buf_init(&bytes, LIMIT_CHECKPOINT_BYTES);
    while (take_line(&lines, &line) && parse_signature(line, &signer, &bytes)) {
        if (!str_equal(signer, name) || memcmp(bytes.data, hash, NAME_HASH_BYTES) != 0)
            continue;
        ours++;
        valid +=
            bytes.len == NAME_HASH_BYTES + SIGNATURE_BYTES &&
            signature_is_valid(public_key, text, (const uint8_t *)bytes.data + NAME_HASH_BYTES);
    }
    buf_release(&bytes);
    return ours == 1 && valid == 1;
}

bool checkpoint_is_signed_by(struct str note, const uint8_t public_key[SIGNING_PUBLIC_BYTES])
{
    struct checkpoint checkpoint;
    struct str signatures;
    if (!checkpoint_parse(note, &checkpoint) || !parse_text(note, &checkpoint, &signatures))
        return false;
    struct str text = str_slice(note, 0, note.len - signatures.len - 1); /* and the empty line */
    return has_our_signature(checkpoint.origin, public_key, text, signatures);
}
