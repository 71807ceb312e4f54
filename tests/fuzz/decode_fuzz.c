/*
 * campaign_decode: never clean when something is missing or memory ran out; every sentence and
 * pointer is text that may be printed; the same body gives the same violations.
 */
#include <assert.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "base/zones.h"
#include "campaign/daytime.h"
#include "campaign/decode.h"
#include "fuzz.h"
#include "pieces.h"

static const struct str senders[] = {{"ACMEBANK", 8}};

static bool is_printable(struct str s)
{
    return is_shown(s, false);
}

/* A block is what its texts say, or its part of a night; none overlaps another of its day. */
static void check_blocks(const struct campaign *campaign)
{
    for (size_t i = 0; i < campaign->block_count; i++) {
        const struct calling_block *block = &campaign->blocks[i];
        int start = -1, end = -1;
        assert(block->index <= i && block->day < WEEKDAYS);
        assert(daytime_parse(block->start_text, &start) && daytime_parse(block->end_text, &end));
        assert(block->start_min == start || (block->start_min == 0 && start > end));
        assert(block->end_min == end || (block->end_min == MINUTES_PER_DAY && start > end));
        assert(block->start_min < block->end_min && start != end);
        for (size_t k = 0; k < i; k++) {
            const struct calling_block *other = &campaign->blocks[k];
            assert(other->day != block->day || other->end_min <= block->start_min ||
                   block->end_min <= other->start_min);
        }
    }
}

static void check_lists(const struct campaign *campaign)
{
    assert(campaign->contact_list_count <= 10);
    for (size_t i = 0; i < campaign->contact_list_count; i++) {
        assert(is_printable(campaign->contact_lists[i]));
        for (size_t k = 0; k < i; k++)
            assert(!str_equal(campaign->contact_lists[i], campaign->contact_lists[k]));
    }
}

static void check_complete(const struct campaign *campaign)
{
    struct str zone;
    assert(campaign->name.len && campaign->description.len && campaign->caller_id.len);
    assert(campaign->template_name.len && campaign->message.len);
    assert(is_printable(campaign->name) && is_printable(campaign->description));
    assert(utf8_utf16_units(campaign->name) <= 48);
    assert(utf8_utf16_units(campaign->description) <= 256);
    assert(str_equal(campaign->campaign_type, STR("sms")));
    assert(str_equal(campaign->format, STR("simple")));
    assert(zone_canonical(campaign->timezone, &zone));
    assert(campaign->block_count > 0 && campaign->contact_list_count > 0);
    assert(campaign->priority >= 1 && campaign->priority <= 5 && campaign->frequency);
    assert(is_shown(campaign->message, true));
    check_blocks(campaign);
    check_lists(campaign);
}

/* + and 7 to 15 digits without a leading zero; nothing else when no sender IDs are configured. */
static void check_number(struct str number)
{
    assert(number.len >= 8 && number.len <= 16 && number.data[0] == '+' && number.data[1] != '0');
    for (size_t i = 1; i < number.len; i++)
        assert(number.data[i] >= '0' && number.data[i] <= '9');
}

static bool is_field(struct str key)
{
    static const char *const fields[] = {"name",
                                         "description",
                                         "contactLists",
                                         "dncLists",
                                         "campaignType",
                                         "priority",
                                         "format",
                                         "message",
                                         "template_name",
                                         "callerId",
                                         "phoneNumber",
                                         "frequency",
                                         "dialingStrategy",
                                         "callingHours",
                                         "timezone",
                                         "days",
                                         "day",
                                         "start",
                                         "end",
                                         "schedule",
                                         "isSchedulingEnabled"};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (str_equal(key, str_from(fields[i])))
            return true;
    }
    return false;
}

static void check_keys(const struct json_value *value)
{
    bool is_object = json_kind(value) == JSON_KIND_OBJECT;
    if (!is_object && json_kind(value) != JSON_KIND_ARRAY)
        return;
    for (const struct json_value *each = json_first(value); each; each = json_next(each)) {
        assert(!is_object || is_field(json_key(each)));
        check_keys(each);
    }
}

/* The body of a clean campaign, looked at once more. */
static void check_body(struct str body, const struct decode_options *options)
{
    struct arena arena;
    struct json_fault fault;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    const struct json_value *root = json_read(body, &arena, &fault);
    assert(root && !json_member(root, STR("data")));
    assert(json_string(json_member(root, STR("priority"))).len == 1);
    if (!options->allow_unknown_fields)
        check_keys(root);
    arena_release(&arena);
}

struct verdict {
    bool clean;
    uint64_t sum; /* over every violation, or the place of the JSON fault */
};

static uint64_t sum_of_violations(const struct violations *violations)
{
    uint64_t sum = violations->truncated;
    for (size_t i = 0; i < violations->count; i++) {
        const struct violation *each = &violations->items[i];
        assert(each->message.len > 0 && is_printable(each->message));
        if (each->code == VIOLATION_BODY_NOT_OBJECT)
            assert(each->pointer.len == 0);
        else if (!violations->truncated)
            assert(each->pointer.len > 0 && each->pointer.data[0] == '/');
        assert(is_printable(each->pointer));
        sum = sum_of(sum, str_from(violation_code_text(each->code)));
        sum = sum_of(sum_of(sum, each->pointer), each->message);
    }
    return sum;
}

static struct verdict decode(struct str body, const struct decode_options *options,
                             size_t max_bytes)
{
    struct arena arena;
    struct campaign campaign;
    struct violations violations;
    struct json_fault fault = {0};
    struct verdict verdict = {0};
    arena_init(&arena, max_bytes);
    violations_init(&violations, &arena);
    if (campaign_decode(body, options, &arena, &campaign, &violations, &fault) == DECODE_DONE) {
        verdict = (struct verdict){violations_clean(&violations), sum_of_violations(&violations)};
        if (verdict.clean) {
            check_complete(&campaign);
            check_body(body, options);
        }
        if (verdict.clean && options->sender_id_count == 0)
            check_number(campaign.caller_id);
    } else {
        assert(fault.kind != JSON_OK && violations.count == 0);
        verdict.sum = fault.offset << 8 | fault.kind;
    }
    arena_release(&arena);
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size};
    const struct decode_options strict = {0},
                                lenient = {senders, COUNT_OF(senders), true, MIDNIGHT_SPLIT};
    struct verdict first = decode(body, &strict, LIMIT_ARENA_BYTES);
    struct verdict again = decode(body, &strict, LIMIT_ARENA_BYTES);
    assert(first.clean == again.clean && first.sum == again.sum);
    assert(decode(body, &lenient, LIMIT_ARENA_BYTES).clean || !first.clean);
    assert(first.clean || !decode(body, &strict, 64 * (size % 97)).clean);
    return 0;
}
