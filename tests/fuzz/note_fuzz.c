/* checkpoint_parse, checkpoint_is_signed_by, proof_parse, proof_check, pinned_keys_parse: what is
 * read is written alike, and nothing is proven that was not signed. */
#include <assert.h>

#include "audit/base64.h"
#include "audit/member.h"
#include "audit/pinned_keys.h"
#include "audit/proof.h"
#include "base/clock.h"
#include "fuzz.h"

/* An input cannot have signed with this one: nobody knows its secret. */
static const uint8_t nobody[SIGNING_PUBLIC_BYTES] = {
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
    0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1b};

static struct arena arena;
static struct buf out;

/* One spelling: the text can be made again from what was read. */
static void check_note(struct str note)
{
    struct checkpoint says = {.size = 42};
    char time[CLOCK_UTC_SIZE], hex[DIGEST_HEX_SIZE];
    if (!checkpoint_parse(note, &says)) {
        assert(says.size == 42 && !checkpoint_is_signed_by(note, nobody));
        return;
    }
    clock_format_utc(says.time_unix_ms, time);
    buf_clear(&out);
    buf_append(&out, says.origin);
    buf_format(&out, "\n%llu\n", (unsigned long long)says.size);
    base64_encode((struct str){(const char *)says.root, DIGEST_BYTES}, &out);
    buf_format(&out, "\ntime %s\n", time);
    if (says.has_successor) {
        digest_to_hex(says.successor, hex);
        buf_format(&out, "successor %s\n", hex);
    }
    buf_append_byte(&out, '\n');
    assert(str_starts(note, buf_str(&out)) && note.len > out.len);
    assert(!checkpoint_is_signed_by(note, nobody));
}

static void check_proof(struct str text)
{
    struct proof proof, again;
    struct checkpoint note;
    struct error err;
    if (!proof_parse(text, &arena, &proof, &err))
        return;
    check_note(proof.note);
    bool holds = proof_check(&proof, &note, &err);
    buf_clear(&out);
    proof_write(&proof, &out);
    assert(!out.failed && proof_parse(buf_str(&out), &arena, &again, &err));
    assert(again.count == proof.count && str_equal(again.note, proof.note));
    assert(proof_check(&again, &note, &err) == holds);
}

static void check_keys(struct str text)
{
    struct pinned_keys keys;
    struct error err;
    if (!pinned_keys_parse("keys", text, &arena, &keys, &err))
        return;
    for (size_t i = 0; i < keys.count; i++)
        assert(keys.items[i].not_before_ms < keys.items[i].not_after_ms);
}

static void check_member(struct str text)
{
    struct str value;
    if (member_raw(text, STR("id"), &value))
        assert(value.data >= text.data && value.data + value.len <= text.data + text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    arena_init(&arena, LIMIT_PROOF_BYTES);
    buf_init(&out, LIMIT_PROOF_BYTES);
    check_note(text);
    check_proof(text);
    check_keys(text);
    check_member(text);
    buf_release(&out);
    arena_release(&arena);
    return 0;
}
