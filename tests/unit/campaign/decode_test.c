/*
 * What the golden cases cannot show: the typed campaign, the options, and memory that runs out.
 * Sentences are pinned in tests/golden.
 */
#include "campaign/decode.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "test.h"

#define HOURS(days)                                                                                \
    "\"dialingStrategy\":{\"callerId\":{\"phoneNumber\":\"+14155550100\"},\"callingHours\":{"      \
    "\"frequency\":\"DAILY\",\"timezone\":\"Asia/Calcutta\",\"days\":" days "}}"
#define CAMPAIGN(days, more)                                                                       \
    "{\"name\":\"n\",\"description\":\"d\",\"contactLists\":[\"one\",\"two\"],"                    \
    "\"dncLists\":{\"name\":\"dnc\"},\"campaignType\":\"sms\",\"priority\":\"3\","                 \
    "\"format\":\"simple\",\"message\":{\"template_name\":\"t\",\"message\":\"aGk%3D\"}," HOURS(   \
        days) more "}"
#define MORNING "{\"day\":\"MO\",\"start\":\"9:00 AM\",\"end\":\"12:00 PM\"}"
#define AFTERNOON "{\"day\":\"MO\",\"start\":\"12:00 PM\",\"end\":\"6:00 PM\"}"

struct outcome {
    enum decode_result result;
    struct campaign campaign;
    struct violations violations;
    struct json_fault fault;
};

static struct arena arena;

static struct outcome decode(struct str body, const struct decode_options *options)
{
    struct outcome o;
    arena_reset(&arena);
    violations_init(&o.violations, &arena);
    o.result = campaign_decode(body, options, &arena, &o.campaign, &o.violations, &o.fault);
    return o;
}

static void expect_only(const struct outcome *o, enum violation_code code, const char *pointer)
{
    assert_int_equal(o->result, DECODE_DONE);
    assert_int_equal(o->violations.count, 1);
    assert_string_equal(violation_code_text(o->violations.items[0].code),
                        violation_code_text(code));
    EXPECT_STR(o->violations.items[0].pointer, pointer);
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static const struct decode_options defaults;

TEST(a_campaign_becomes_typed)
{
    struct outcome o = decode(STR(CAMPAIGN("[" MORNING "," AFTERNOON "]",
                                           ",\"schedule\":{\"isSchedulingEnabled\":true}")),
                              &defaults);
    assert_int_equal(o.result, DECODE_DONE);
    assert_true(violations_clean(&o.violations));
    EXPECT_STR(o.campaign.name, "n");
    EXPECT_STR(o.campaign.description, "d");
    assert_int_equal(o.campaign.contact_list_count, 2);
    EXPECT_STR(o.campaign.contact_lists[1], "two");
    EXPECT_STR(o.campaign.dnc_list, "dnc");
    EXPECT_STR(o.campaign.campaign_type, "sms");
    assert_int_equal(o.campaign.priority, 3);
    EXPECT_STR(o.campaign.format, "simple");
    EXPECT_STR(o.campaign.template_name, "t");
    EXPECT_STR(o.campaign.message, "hi");
    EXPECT_STR(o.campaign.caller_id, "+14155550100");
    assert_int_equal(o.campaign.frequency, FREQUENCY_DAILY);
    EXPECT_STR(o.campaign.timezone, "Asia/Calcutta"); /* as written; policy resolves links */
    assert_int_equal(o.campaign.block_count, 2);
    assert_int_equal(o.campaign.blocks[1].day, MONDAY);
    assert_int_equal(o.campaign.blocks[1].start_min, 720);
    assert_int_equal(o.campaign.blocks[1].end_min, 1080);
    assert_int_equal(o.campaign.blocks[1].index, 1);
    EXPECT_STR(o.campaign.blocks[1].end_text, "6:00 PM");
    assert_true(o.campaign.has_schedule && o.campaign.scheduling_enabled);
}

TEST(what_broke_the_contract_stays_absent)
{
    struct outcome o = decode(
        STR("{\"name\":\"\",\"priority\":5,\"format\":\"advanced\",\"campaignType\":\"voice\","
            "\"contactLists\":[],\"dncLists\":[],\"message\":{\"message\":\"!\"},"
            "\"schedule\":{\"isSchedulingEnabled\":\"no\"}," HOURS(
                "[{\"day\":\"MO\",\"start\":\"6:00 PM\",\"end\":\"9:00 AM\"}]") "}"),
        &defaults);
    assert_int_equal(o.result, DECODE_DONE);
    assert_int_equal(o.campaign.name.len + o.campaign.description.len, 0);
    assert_int_equal(o.campaign.contact_list_count, 0);
    assert_int_equal(o.campaign.dnc_list.len, 0);
    assert_int_equal(o.campaign.campaign_type.len + o.campaign.format.len, 0);
    assert_int_equal(o.campaign.priority, 0);
    assert_int_equal(o.campaign.template_name.len + o.campaign.message.len, 0);
    assert_int_equal(o.campaign.block_count, 0);
    assert_false(o.campaign.has_schedule);
}

TEST(indices_skip_blocks_that_are_not_understood)
{
    struct outcome o =
        decode(STR(CAMPAIGN(
                   "[{\"day\":\"XX\",\"start\":\"9:00 AM\",\"end\":\"1:00 PM\"}," MORNING "]", "")),
               &defaults);
    expect_only(&o, VIOLATION_DAY_UNKNOWN, "/dialingStrategy/callingHours/days/0/day");
    assert_int_equal(o.campaign.block_count, 1);
    assert_int_equal(o.campaign.blocks[0].index, 1);
}

TEST(a_sender_id_counts_only_when_configured_exactly)
{
    static const struct str senders[] = {{"ACMEBANK", 8}};
    const struct decode_options with_senders = {.sender_ids = senders, .sender_id_count = 1};
    static const char body[] = "{\"dialingStrategy\":{\"callerId\":{\"phoneNumber\":\"%s\"}}}";
    static const struct {
        const char *value;
        bool accepted;
    } cases[] = {{"ACMEBANK", true},      {"acmebank", false},        {"ACMEBANK ", false},
                 {"ACME", false},         {"+14155550100", true},     {"+1415555", true},
                 {"+141555", false},      {"+123456789012345", true}, {"+1234567890123456", false},
                 {"+04155550100", false}, {"14155550100", false},     {"+9195616xxxxx", false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[200];
        (void)snprintf(text, sizeof(text), body, cases[i].value);
        struct outcome o = decode(str_from(text), &with_senders);
        assert_true((o.campaign.caller_id.len > 0) == cases[i].accepted);
        o = decode(str_from(text), &defaults);
        assert_true((o.campaign.caller_id.len > 0) ==
                    (cases[i].accepted && cases[i].value[0] == '+'));
    }
}

TEST(the_caller_id_is_never_quoted)
{
    struct outcome o = decode(
        STR("{\"dialingStrategy\":{\"callerId\":{\"phoneNumber\":\"0177 1234567\"}}}"), &defaults);
    for (size_t i = 0; i < o.violations.count; i++)
        assert_null(memmem(o.violations.items[i].message.data, o.violations.items[i].message.len,
                           "1234567", 7));
}

TEST(unknown_fields_are_let_through_only_when_asked)
{
    const struct decode_options lenient = {.allow_unknown_fields = true};
    struct str body = STR(CAMPAIGN("[" MORNING "]", ",\"a/b~c\":{\"x\":1}"));
    struct outcome o = decode(body, &defaults);
    expect_only(&o, VIOLATION_FIELD_UNKNOWN, "/a~1b~0c");
    o = decode(body, &lenient);
    assert_true(violations_clean(&o.violations));
}

/* Answers have their lists in `data`, requests do not: a list given there would scrub nobody. */
TEST(data_is_refused_even_where_unknown_fields_are_allowed)
{
    const struct decode_options lenient = {.allow_unknown_fields = true};
    struct outcome o =
        decode(STR(CAMPAIGN("[" MORNING "]", ",\"data\":{\"dncLists\":{}}")), &lenient);
    expect_only(&o, VIOLATION_FIELD_UNKNOWN, "/data");
    o = decode(STR(CAMPAIGN("[" MORNING "]", ",\"Data\":{}")), &lenient);
    assert_true(violations_clean(&o.violations));
}

#define DAYS "/dialingStrategy/callingHours/days"
#define BLOCK(day, start, end)                                                                     \
    CAMPAIGN("[{\"day\":\"" day "\",\"start\":\"" start "\",\"end\":\"" end "\"}]", "")

static void expect_block(const struct outcome *o, size_t index, enum weekday day, int start_min,
                         int end_min)
{
    const struct calling_block *block = &o->campaign.blocks[index];
    assert_true(violations_clean(&o->violations));
    assert_int_equal(block->day, day);
    assert_int_equal(block->start_min, start_min);
    assert_int_equal(block->end_min, end_min);
    assert_int_equal(block->index, 0);
}

TEST(midnight_as_an_end_means_what_the_operator_says)
{
    const struct decode_options end = {.midnight = MIDNIGHT_END};
    const struct decode_options split = {.midnight = MIDNIGHT_SPLIT};
    struct outcome o = decode(STR(BLOCK("MO", "9:00 PM", "12:00 AM")), &defaults);
    expect_only(&o, VIOLATION_WINDOW_ORDER, DAYS "/0");
    o = decode(STR(BLOCK("MO", "9:00 PM", "12:00 AM")), &end);
    assert_int_equal(o.campaign.block_count, 1);
    expect_block(&o, 0, MONDAY, 1260, MINUTES_PER_DAY);
    o = decode(STR(BLOCK("MO", "9:00 PM", "12:00 AM")), &split);
    assert_int_equal(o.campaign.block_count, 1);
    expect_block(&o, 0, MONDAY, 1260, MINUTES_PER_DAY);
}

TEST(a_block_across_midnight_is_split_only_when_asked)
{
    const struct decode_options end = {.midnight = MIDNIGHT_END};
    const struct decode_options split = {.midnight = MIDNIGHT_SPLIT};
    struct outcome o = decode(STR(BLOCK("SU", "9:00 PM", "2:00 AM")), &end);
    expect_only(&o, VIOLATION_WINDOW_ORDER, DAYS "/0");
    o = decode(STR(BLOCK("SU", "9:00 PM", "2:00 AM")), &split);
    assert_int_equal(o.campaign.block_count, 2);
    expect_block(&o, 0, SUNDAY, 1260, MINUTES_PER_DAY);
    expect_block(&o, 1, MONDAY, 0, 120); /* the week is a ring */
}

TEST(equal_ends_are_nothing_or_everything_and_refused)
{
    const struct decode_options split = {.midnight = MIDNIGHT_SPLIT};
    struct outcome o = decode(STR(BLOCK("MO", "12:00 AM", "12:00 AM")), &split);
    expect_only(&o, VIOLATION_WINDOW_ORDER, DAYS "/0");
    o = decode(STR(BLOCK("MO", "9:00 AM", "9:00 AM")), &split);
    expect_only(&o, VIOLATION_WINDOW_ORDER, DAYS "/0");
}

/* As many blocks as may be, each of them two. */
TEST(every_block_may_cross_midnight)
{
    const struct decode_options split = {.midnight = MIDNIGHT_SPLIT};
    static const char whole[] = CAMPAIGN("[@]", "");
    static char days[20000], body[30000];
    const char *place = strchr(whole, '@');
    size_t used = 0;
    for (int i = 0; i < 112; i++)
        used += (size_t)snprintf(days + used, sizeof(days) - used,
                                 "%s{\"day\":\"MO\",\"start\":\"11:00 PM\",\"end\":\"1:00 AM\"}",
                                 i ? "," : "");
    (void)snprintf(body, sizeof(body), "%.*s%s%s", (int)(place - whole), whole, days, place + 1);
    struct outcome o = decode(str_from(body), &split);
    assert_int_equal(o.campaign.block_count, 224);
    assert_true(o.violations.count > 0); /* they overlap */
}

TEST(a_priority_is_one_digit)
{
    static const char *const priorities[] = {"33", "3 ", " 3", "0", "6", ""};
    for (size_t i = 0; i < COUNT_OF(priorities); i++) {
        char body[2048];
        (void)snprintf(body, sizeof(body),
                       "{\"name\":\"n\",\"description\":\"d\",\"contactLists\":[\"a\"],"
                       "\"campaignType\":\"sms\",\"priority\":\"%s\",\"format\":\"simple\","
                       "\"message\":{\"template_name\":\"t\",\"message\":\"aGk%%3D\"}," HOURS(
                           "[" MORNING "]") "}",
                       priorities[i]);
        struct outcome o = decode(str_from(body), &defaults);
        expect_only(&o, VIOLATION_FIELD_VALUE, "/priority");
    }
}

TEST(blocks_apart_or_touching_do_not_overlap_in_either_order)
{
    struct outcome o = decode(STR(CAMPAIGN("[" MORNING "," AFTERNOON "]", "")), &defaults);
    assert_true(violations_clean(&o.violations));
    o = decode(STR(CAMPAIGN("[" AFTERNOON "," MORNING "]", "")), &defaults);
    assert_true(violations_clean(&o.violations));
    o = decode(STR(CAMPAIGN("[" AFTERNOON ",{\"day\":\"MO\",\"start\":\"7:00 AM\","
                            "\"end\":\"8:00 AM\"}]",
                            "")),
               &defaults);
    assert_true(violations_clean(&o.violations));
    o = decode(STR(CAMPAIGN("[" AFTERNOON ",{\"day\":\"MO\",\"start\":\"11:59 AM\","
                            "\"end\":\"12:01 PM\"}]",
                            "")),
               &defaults);
    expect_only(&o, VIOLATION_WINDOW_OVERLAP, "/dialingStrategy/callingHours/days/1");
}

TEST(a_long_key_is_cut_between_characters)
{
    char body[400] = "{\"a";
    for (int i = 0; i < 80; i++)
        strncat(body, "\u00e9", sizeof(body) - strlen(body) - 1);
    strncat(body, "\":1}", sizeof(body) - strlen(body) - 1);
    struct outcome o = decode(str_from(body), &defaults);
    const struct violation *last = &o.violations.items[o.violations.count - 1];
    assert_int_equal(utf8_invalid_at(last->pointer), last->pointer.len);
    assert_int_equal(utf8_utf16_units(last->pointer), 1 + 1 + 31 + 1); /* "/", "a", 31, "…" */
}

TEST(sentences_hold_no_controls_whatever_comes_in)
{
    struct outcome o = decode(STR("{\"\\u001b[31m\":1,\"priority\":\"\\u001b]0;\\n\","
                                  "\"format\":\"\\u0085\\ud83d\\ude00\"}"),
                              &defaults);
    assert_true(o.violations.count > 3);
    for (size_t i = 0; i < o.violations.count; i++) {
        const struct violation *v = &o.violations.items[i];
        assert_int_equal(utf8_control_at(v->message, false), v->message.len);
        assert_int_equal(utf8_control_at(v->pointer, false), v->pointer.len);
    }
}

TEST(a_flood_of_unknown_fields_costs_little_memory)
{
    static char body[LIMIT_BODY_BYTES];
    size_t len = (size_t)snprintf(body, sizeof(body), "{\"k0\":0");
    for (int i = 1; i < LIMIT_JSON_KEYS; i++)
        len += (size_t)snprintf(body + len, sizeof(body) - len, ",\"%d%0180d\":0", i, i);
    body[len++] = '}';
    struct outcome o = decode((struct str){body, len}, &defaults);
    assert_true(o.violations.truncated);
    assert_int_equal(o.violations.count, LIMIT_VIOLATIONS);
    assert_true(arena.used_bytes < 4 * LIMIT_BODY_BYTES);
}

/* Whatever the limit, a campaign with a violation is never taken for a clean one. */
TEST(memory_that_runs_out_never_looks_clean)
{
    struct str bad = STR(CAMPAIGN("[" MORNING "," MORNING "]", ",\"x\":1"));
    struct str good = STR(CAMPAIGN("[" MORNING "]", ""));
    size_t decoded = 0;
    for (size_t bytes = 0; bytes < 16000; bytes += 16) {
        struct arena small;
        struct campaign campaign;
        struct violations violations;
        struct json_fault fault;
        arena_init(&small, bytes);
        violations_init(&violations, &small);
        if (campaign_decode(bad, &defaults, &small, &campaign, &violations, &fault) == DECODE_DONE)
            assert_false(violations_clean(&violations));
        else
            assert_int_equal(fault.kind, JSON_MEMORY);

        arena_reset(&small);
        violations_init(&violations, &small);
        if (campaign_decode(good, &defaults, &small, &campaign, &violations, &fault) ==
                DECODE_DONE &&
            violations_clean(&violations)) {
            decoded++;
            assert_true(campaign.message.len && campaign.contact_list_count == 2 &&
                        campaign.block_count == 1);
        }
        arena_release(&small);
    }
    assert_true(decoded > 100);
}

TEST(the_same_body_gives_the_same_list)
{
    struct str body = STR("{\"z\":1,\"priority\":5,\"a\":2,\"contactLists\":[1,\"\",\"x\",\"x\"]}");
    struct outcome once = decode(body, &defaults);
    char pointers[1000] = "";
    for (size_t i = 0; i < once.violations.count; i++)
        strncat(pointers, once.violations.items[i].pointer.data, 50);
    assert_string_equal(pointers, "/name/description/contactLists/0/contactLists/1/contactLists/3"
                                  "/campaignType/priority/format/message/dialingStrategy/z/a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(a_campaign_becomes_typed),
        UNIT(what_broke_the_contract_stays_absent),
        UNIT(indices_skip_blocks_that_are_not_understood),
        UNIT(a_sender_id_counts_only_when_configured_exactly),
        UNIT(the_caller_id_is_never_quoted),
        UNIT(unknown_fields_are_let_through_only_when_asked),
        UNIT(data_is_refused_even_where_unknown_fields_are_allowed),
        UNIT(midnight_as_an_end_means_what_the_operator_says),
        UNIT(a_block_across_midnight_is_split_only_when_asked),
        UNIT(equal_ends_are_nothing_or_everything_and_refused),
        UNIT(every_block_may_cross_midnight),
        UNIT(a_priority_is_one_digit),
        UNIT(blocks_apart_or_touching_do_not_overlap_in_either_order),
        UNIT(a_long_key_is_cut_between_characters),
        UNIT(sentences_hold_no_controls_whatever_comes_in),
        UNIT(a_flood_of_unknown_fields_costs_little_memory),
        UNIT(memory_that_runs_out_never_looks_clean),
        UNIT(the_same_body_gives_the_same_list),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
