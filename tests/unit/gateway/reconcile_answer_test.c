/* The upstream's answers: what is as documented is read, and nothing else is. */
#include "reconcile_answer.h"

#include "test.h"

static struct arena arena;
static struct listing_page page;
static struct listed campaign;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

#define ITEM                                                                                       \
    "{\"name\":\"Bills\",\"description\":\"d\",\"status\":\"Ready\",\"dncLists\":{\"name\":"       \
    "\"DNC\"},"                                                                                    \
    "\"priority\":\"5\",\"message\":{\"template_name\":\"Welcome\",\"message\":\"R3Jl\","          \
    "\"templateId\":\"cmt-1\"},\"createdAt\":\"2025-12-05T08:08:45.668Z\",\"schedule\":{},"        \
    "\"id\":\"cd-1\",\"totalMessagesSent\":0,\"contactLists\":[\"CL One\",\"CL Two\"],"            \
    "\"format\":\"simple\"}"
#define PAGE(results, rest)                                                                        \
    STR("{\"status\":\"success\",\"message\":\"\",\"data\":{\"results\":[" results "]" rest "}}")

TEST(a_page_is_read_as_documented)
{
    const char *why = answer_read_page(
        PAGE(ITEM,
             ",\"skip\":0,\"limit\":50,\"hasMore\":true,\"totalPages\":3,\"totalResults\":120"),
        &arena, &page);
    assert_null(why);
    assert_int_equal(page.count, 1);
    assert_true(page.has_more);
    assert_int_equal(page.total, 120);
    const struct listed *item = &page.items[0];
    EXPECT_STR(item->id, "cd-1");
    EXPECT_STR(item->name, "Bills");
    assert_int_equal(item->created_unix_ms, 1764922125668);
    EXPECT_STR(item->priority, "5");
    EXPECT_STR(item->dnc_list, "DNC");
    EXPECT_STR(item->template, "Welcome");
    EXPECT_STR(item->template_id, "cmt-1");
    EXPECT_STR(item->format, "simple");
    assert_true(item->has_contact_lists);
    assert_int_equal(item->contact_list_count, 2);
    EXPECT_STR(item->contact_lists[1], "CL Two");
    EXPECT_STR(item->type, "");
}

TEST(an_empty_page_is_one)
{
    assert_null(answer_read_page(PAGE("", ",\"hasMore\":false,\"totalResults\":0"), &arena, &page));
    assert_int_equal(page.count, 0);
    assert_false(page.has_more);
    assert_int_equal(page.total, 0);
}

TEST(a_total_that_is_no_count_is_none)
{
    static const struct str pages[] = {
        PAGE("", ",\"hasMore\":false"),
        PAGE("", ",\"hasMore\":false,\"totalResults\":-1"),
        PAGE("", ",\"hasMore\":false,\"totalResults\":1.5"),
        PAGE("", ",\"hasMore\":false,\"totalResults\":1e300"),
        PAGE("", ",\"hasMore\":false,\"totalResults\":\"7\""),
    };
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        assert_null(answer_read_page(pages[i], &arena, &page));
        assert_int_equal(page.total, -1);
    }
}

TEST(whatever_is_not_as_documented_is_no_page)
{
    static const struct {
        struct str body;
        const char *why;
    } cases[] = {
        {STR(""), "not JSON"},
        {STR("[]"), "\"success\""},
        {STR("null"), "\"success\""},
        {STR("{\"status\":\"failure\",\"data\":{}}"), "\"success\""},
        {STR("{\"status\":true,\"data\":{}}"), "\"success\""},
        {STR("{\"status\":\"success\"}"), "no \"data\""},
        {STR("{\"status\":\"success\",\"data\":[]}"), "no \"data\""},
        {STR("{\"status\":\"success\",\"data\":{\"hasMore\":false}}"), "\"results\""},
        {PAGE("", ""), "whether there are more"},
        {PAGE("", ",\"hasMore\":\"false\""), "whether there are more"},
        {PAGE("null", ",\"hasMore\":false"), "no id"},
        {PAGE("[]", ",\"hasMore\":false"), "no id"},
        {PAGE(ITEM ",{}", ",\"hasMore\":false"), "no id"},
        {PAGE("{\"id\":7}", ",\"hasMore\":false"), "no id"},
        {PAGE("{\"id\":\"a/b\"}", ",\"hasMore\":false"), "no id"},
        {PAGE("{\"id\":\"a\\r\\nb\"}", ",\"hasMore\":false"), "no id"},
        {PAGE("{\"id\":\"a\"}", ",\"hasMore\":false"), "no name"},
        {PAGE("{\"id\":\"a\",\"name\":\"\"}", ",\"hasMore\":false"), "no name"},
        {PAGE("{\"id\":\"a\",\"name\":\"b\"}", ",\"hasMore\":false"), "no time"},
        {PAGE("{\"id\":\"a\",\"name\":\"b\",\"createdAt\":1764922125668}", ",\"hasMore\":false"),
         "no time"},
        {PAGE("{\"id\":\"a\",\"name\":\"b\",\"createdAt\":\"yesterday\"}", ",\"hasMore\":false"),
         "no time"},
        {PAGE(ITEM "," ITEM "]]", ",\"hasMore\":false"), "not JSON"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *why = answer_read_page(cases[i].body, &arena, &page);
        if (!why || !strstr(why, cases[i].why))
            fail_msg("%.*s: %s", STR_ARGS(cases[i].body), why ? why : "it was read");
    }
}

TEST(an_id_that_is_too_long_is_none)
{
    char body[1000];
    (void)snprintf(body, sizeof(body),
                   "{\"status\":\"success\",\"data\":{\"id\":\"%0129d\",\"name\":\"b\","
                   "\"createdAt\":\"2025-12-05T08:08:45.668Z\"}}",
                   7);
    assert_non_null(answer_read_campaign(str_from(body), &arena, &campaign));
}

TEST(memory_is_bounded)
{
    struct arena small;
    arena_init(&small, 256);
    const char *why = answer_read_page(PAGE(ITEM, ",\"hasMore\":false"), &small, &page);
    assert_non_null(why);
    assert_non_null(strstr(why, "memory"));
    arena_release(&small);
}

TEST(lists_in_another_shape_are_not_compared)
{
    assert_null(answer_read_campaign(
        STR("{\"status\":\"success\",\"data\":{\"_id\":\"a\",\"name\":\"b\","
            "\"createdAt\":\"2025-12-05T08:08:45.668Z\",\"contactLists\":[\"x\",{\"id\":\"y\"}]}}"),
        &arena, &campaign));
    assert_false(campaign.has_contact_lists);
}

TEST(a_campaign_is_read_as_documented)
{
    assert_null(answer_read_campaign(
        STR("{\"status\":\"success\",\"data\":{\"_id\":\"cd-1\",\"id\":\"cd-2\",\"name\":\"b\","
            "\"campaignType\":\"sms\",\"createdAt\":\"2025-12-05T08:08:45.668Z\","
            "\"dialingStrategy\":{\"callerId\":{\"phoneNumber\":\"+4915\"},"
            "\"callingHours\":{\"timezone\":\"Asia/Kolkata\"}},"
            "\"message\":{\"message\":\"R3Jl\",\"templateId\":\"cmt-1\"}}}"),
        &arena, &campaign));
    EXPECT_STR(campaign.id, "cd-1");
    EXPECT_STR(campaign.type, "sms");
    EXPECT_STR(campaign.caller_id, "+4915");
    EXPECT_STR(campaign.timezone, "Asia/Kolkata");
    EXPECT_STR(campaign.message, "R3Jl");
    EXPECT_STR(campaign.template_id, "cmt-1");
}

#define WITH_ARENA(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(WITH_ARENA(a_page_is_read_as_documented), WITH_ARENA(an_empty_page_is_one),
      WITH_ARENA(a_total_that_is_no_count_is_none),
      WITH_ARENA(whatever_is_not_as_documented_is_no_page),
      WITH_ARENA(an_id_that_is_too_long_is_none), WITH_ARENA(memory_is_bounded),
      WITH_ARENA(lists_in_another_shape_are_not_compared),
      WITH_ARENA(a_campaign_is_read_as_documented))
