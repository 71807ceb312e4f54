#include "audit/signed_note.h"

#include "audit/base64.h"
#include "audit/digest.h"
#include "base/utf8.h"

#define NAME_HASH_BYTES 4
#define ED25519_KIND 0x01 /* the kind of key */
#define LIMIT_SIGNATURE_BYTES                                                                      \
    1024 /* of one line, decoded; other people's may be longer than ours */
#define SIGNATURE_FRONT "\xe2\x80\x94 "

/* ---- names and key hashes (C2SP signed-note) ---- */

/* A name is not empty and holds neither a space, in Unicode's sense, nor a plus. */
bool note_is_name(struct str name)
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

bool note_verifier_key(struct str name, const uint8_t public_key[SIGNING_PUBLIC_BYTES],
                       struct buf *out)
{
    uint8_t hash[NAME_HASH_BYTES];
    char kind_and_key[1 + SIGNING_PUBLIC_BYTES] = {ED25519_KIND};
    memcpy(kind_and_key + 1, public_key, SIGNING_PUBLIC_BYTES);
    if (!note_is_name(name) || !key_hash(name, public_key, hash))
        return false;
    buf_append(out, name);
    buf_format(out, "+%02x%02x%02x%02x+", hash[0], hash[1], hash[2], hash[3]);
    return base64_encode((struct str){kind_and_key, sizeof(kind_and_key)}, out);
}

/* ---- signing ---- */

/* Signs the text in `note` and puts the signature behind it. */
bool note_sign(struct str name, const struct signing_key *key, struct buf *note)
{
    char bytes[NAME_HASH_BYTES + SIGNATURE_BYTES];
    if (note->failed || !note_is_name(name) ||
        !key_hash(name, signing_key_public(key), (uint8_t *)bytes) ||
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

/* ---- reading ---- */

/* The next line of *text, without its LF, which must be there. */
static bool take_line(struct str *text, struct str *ret)
{
    return str_cut(*text, '\n', ret, text);
}

/* The name and the bytes of one signature line; who may have signed is not asked here. */
static bool parse_signature(struct str line, struct str *ret_name, struct buf *ret_bytes)
{
    struct str name, text;
    if (!str_starts(line, STR(SIGNATURE_FRONT)) ||
        !str_cut(str_slice(line, sizeof(SIGNATURE_FRONT) - 1, line.len), ' ', &name, &text) ||
        !note_is_name(name))
        return false;
    buf_clear(ret_bytes);
    if (!base64_decode(text, ret_bytes) || ret_bytes->len <= NAME_HASH_BYTES)
        return false;
    *ret_name = name;
    return true;
}

/* At least one signature line, and nothing else up to the note's end. */
bool note_signatures_are_well_formed(struct str lines)
{
    struct buf bytes;
    struct str line, name;
    buf_init(&bytes, LIMIT_SIGNATURE_BYTES);
    bool fine = lines.len > 0;
    while (fine && lines.len > 0)
        fine = take_line(&lines, &line) && parse_signature(line, &name, &bytes);
    buf_release(&bytes);
    return fine;
}

/* Lines of other names and keys are other people's. Of ours there must be exactly one, and valid.
 */
bool note_is_signed_by(struct str name, const uint8_t public_key[SIGNING_PUBLIC_BYTES],
                       struct str text, struct str lines)
{
    uint8_t hash[NAME_HASH_BYTES];
    struct str line, signer;
    struct buf bytes;
    size_t ours = 0, valid = 0;
    if (!note_is_name(name) || !key_hash(name, public_key, hash))
        return false;
    buf_init(&bytes, LIMIT_SIGNATURE_BYTES);
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
