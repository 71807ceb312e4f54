/*
 * campaign_decode: never clean when something is missing or memory ran out; every sentence and
 * pointer is text that may be printed.
 */
#include <assert.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "campaign/decode.h"
#include "fuzz.h"

static const struct str senders[] = {{"ACMEBANK", 8}};

static bool is_printable(struct str s)
{
    return utf8_invalid_at(s) == s.len && utf8_control_at(s, false) == s.len;
}

static void check_complete(const struct campaign *campaign)
{
    assert(campaign->name.len && campaign->description.len && campaign->caller_id.len);
    assert(campaign->template_name.len && campaign->message.len && campaign->timezone.len);
    assert(campaign->campaign_type.len && campaign->format.len);
    assert(campaign->block_count > 0 && campaign->contact_list_count > 0);
    assert(campaign->priority >= 1 && campaign->priority <= 5 && campaign->frequency);
}

static bool decodes_clean(struct str body, const struct decode_options *options, size_t max_bytes)
{
    struct arena arena;
    struct campaign campaign;
    struct violations violations;
    struct json_fault fault;
    bool clean = false;
    arena_init(&arena, max_bytes);
    violations_init(&violations, &arena);
    if (campaign_decode(body, options, &arena, &campaign, &violations, &fault) == DECODE_DONE) {
        for (size_t i = 0; i < violations.count; i++) {
            assert(violations.items[i].message.len > 0);
            assert(is_printable(violations.items[i].message));
            assert(is_printable(violations.items[i].pointer));
        }
        clean = violations_clean(&violations);
        if (clean)
            check_complete(&campaign);
    }
    arena_release(&arena);
    return clean;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size};
    const struct decode_options strict = {0}, lenient = {senders, COUNT_OF(senders), true};
    bool clean = decodes_clean(body, &strict, LIMIT_ARENA_BYTES);
    assert(decodes_clean(body, &lenient, LIMIT_ARENA_BYTES) || !clean);
    assert(clean || !decodes_clean(body, &strict, 64 * (size % 97)));
    return 0;
}
