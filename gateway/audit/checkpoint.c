#include "audit/checkpoint.h"

#include "audit/base64.h"
#include "base/clock.h"

bool checkpoint_verifier_key(struct str origin, const uint8_t public_key[SIGNING_PUBLIC_BYTES],
                             struct buf *out)
{
    return note_verifier_key(origin, public_key, out);
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

bool checkpoint_sign(const struct checkpoint *checkpoint, const struct signing_key *key,
                     struct buf *out)
{
    struct buf note;
    if (!note_is_name(checkpoint->origin))
        return false;
    buf_init(&note, LIMIT_CHECKPOINT_BYTES);
    write_text(checkpoint, &note);
    bool fine = note_sign(checkpoint->origin, key, &note) && buf_append(out, buf_str(&note));
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

/* The note's text; *ret_signatures is what stands behind the empty line. */
static bool parse_text(struct str note, struct checkpoint *ret, struct str *ret_signatures)
{
    struct str rest = note, size, root, time, successor, empty;
    struct checkpoint parsed = {0};
    if (note.len > LIMIT_CHECKPOINT_BYTES || !take_line(&rest, &parsed.origin) ||
        !note_is_name(parsed.origin) || !take_line(&rest, &size) ||
        !parse_size(size, &parsed.size) || !take_line(&rest, &root) ||
        !base64_decode_exactly(root, parsed.root, DIGEST_BYTES) ||
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
    if (!parse_text(note, &parsed, &signatures) || !note_signatures_are_well_formed(signatures))
        return false;
    *ret = parsed;
    return true;
}

/* ---- who signed ---- */

bool checkpoint_is_signed_by(struct str note, const uint8_t public_key[SIGNING_PUBLIC_BYTES])
{
    struct checkpoint checkpoint;
    struct str signatures;
    if (!checkpoint_parse(note, &checkpoint) || !parse_text(note, &checkpoint, &signatures))
        return false;
    struct str text = str_slice(note, 0, note.len - signatures.len - 1); /* and the empty line */
    return note_is_signed_by(checkpoint.origin, public_key, text, signatures);
}
