/* Which targets are campaigns, and what their query may say. Whatever is not listed is refused. */
#include "http/route.h"

#include "test.h"

#define BEFORE "/campaign/api/v2/public/"
#define CREATE BEFORE "st-0603182c/campaign"

static struct route find(const char *method, const char *target)
{
    struct http_request request = {.method = str_from(method), .target = str_from(target)};
    struct route route;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    route_find(&request, &arena, &route);
    arena_release(&arena);
    return route;
}

TEST(finds_the_create_call_and_its_parts)
{
    struct route route = find("POST", CREATE "?campaignType=sms&x=y?z");
    assert_int_equal(route.kind, ROUTE_CAMPAIGN);
    EXPECT_STR(route.stream_id, "st-0603182c");
    EXPECT_STR(route.path, CREATE);
    EXPECT_STR(route.query, "campaignType=sms&x=y?z");
    assert_int_equal(find("POST", BEFORE "_/campaign").kind, ROUTE_CAMPAIGN);
}

TEST(another_method_on_a_known_path_is_told_which_is_allowed)
{
    static const char *const methods[] = {"GET",   "PUT",  "DELETE", "OPTIONS",
                                          "PATCH", "HEAD", "post"};
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        struct route route = find(methods[i], CREATE);
        assert_int_equal(route.kind, ROUTE_METHOD_NOT_ALLOWED);
        assert_string_equal(route.allow, "POST");
    }
}

static void expect_kind(enum route_kind kind, const char *const *targets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct route route = find("POST", targets[i]);
        if (route.kind != kind)
            fail_msg("%s is of kind %d, not %d", targets[i], route.kind, kind);
    }
}

TEST(what_is_no_route_matches_nothing)
{
    static const char *const targets[] = {
        "/",
        "*",
        "",
        BEFORE "campaign",
        BEFORE "/campaign",
        BEFORE "st-1/campaigns",
        BEFORE "st-1/campaign/x",
        BEFORE "st-1/campaign%20s",
        BEFORE "../campaign",
        BEFORE "./campaign",
        "/campaign/api/v2/public/st-1",
        "/campaign/api/v2/public/st-1/%2563ampaig",
        "/campaign/api/v1/public/st-1/campaign",
        "/x?/campaign/api/v2/public/st-1/campaign",
    };
    expect_kind(ROUTE_NOT_FOUND, targets, COUNT_OF(targets));
}

TEST(what_another_server_might_take_for_the_route_is_a_lookalike)
{
    static const char *const targets[] = {
        BEFORE "st-1/campaign/",
        BEFORE "st-1//campaign",
        BEFORE "st-1/Campaign",
        BEFORE "st-1/campaign;x",
        BEFORE "st-1/campaign;v=1/",
        BEFORE "st-1;v=1/campaign",
        BEFORE "st-1/campaign%20",
        BEFORE "st-1/campaign.",
        BEFORE "st-1/campaign%00.html",
        BEFORE "st-1/campaign%0d%0a",
        BEFORE "st-1/campaign%3bx",
        BEFORE "st-1/campaign%3Fa",
        BEFORE "st-1/campaign%2523a",
        BEFORE "st-1/./campaign",
        BEFORE "st-1/../st-2/campaign",
        BEFORE "st-1/%2e%2e/st-2/campaign",
        BEFORE "st-1/%252e%252e/st-2/campaign",
        BEFORE "st-1/x/..;/campaign",
        BEFORE "st%2d1/campaign",
        BEFORE "st.1/campaign",
        BEFORE "st+1/campaign",
        BEFORE "st 1/campaign",
        BEFORE "a/b/campaign",
        BEFORE "st-1%2fcampaign",
        BEFORE "st-1%5ccampaign",
        BEFORE "st-1%252fcampaign",
        BEFORE "st-1/%63ampaign",
        BEFORE "st-1/%25252563ampaign",
        "/%25252525252525252563",
        BEFORE "%73t-1/campaign",
        "/campaign/api/v2/Public/st-1/campaign",
        "/campaign/api/v2//public/st-1/campaign",
        "//campaign/api/v2/public/st-1/campaign",
        "/./campaign/api/v2/public/st-1/campaign",
        "/../campaign/api/v2/public/st-1/campaign",
        "/x/../campaign/api/v2/public/st-1/campaign",
        "/campaign/api/v2/%70ublic/st-1/campaign",
        "/campaign/api%2fv2/public/st-1/campaign",
        "/CAMPAIGN/API/V2/PUBLIC/ST-1/CAMPAIGN",
        "campaign/api/v2/public/st-1/campaign",
    };
    expect_kind(ROUTE_LOOKALIKE, targets, COUNT_OF(targets));
}

TEST(without_memory_for_the_worst_reading_the_worst_is_assumed)
{
    struct http_request request = {.method = STR("POST"), .target = STR("/x")};
    struct route route;
    struct arena arena;
    arena_init(&arena, 1);
    route_find(&request, &arena, &route);
    assert_int_equal(route.kind, ROUTE_LOOKALIKE);
    arena_release(&arena);
}

/* The codes that the query is refused with, in order; "" for a fine one. */
static struct str codes_of(const char *query, struct arena *arena, struct route *route)
{
    struct violations violations;
    struct str codes = STR("");
    violations_init(&violations, arena);
    *route = (struct route){.kind = ROUTE_CAMPAIGN, .query = str_from(query)};
    route_check_query(route, &violations);
    for (size_t i = 0; i < violations.count; i++) {
        EXPECT_STR(violations.items[i].pointer, "");
        codes = arena_format(arena, "%.*s%s%s", STR_ARGS(codes), i ? " " : "",
                             violation_code_text(violations.items[i].code));
    }
    return codes;
}

static const struct {
    const char *query, *codes;
} queries[] = {
    {"campaignType=sms", ""},
    {"campaignType=sms&accountId=a-B_9", ""},
    {"accountId=1&campaignType=sms", ""},
    /* missing, unknown */
    {"", "query-missing"},
    {"accountId=1", "query-missing"},
    {"campaignType=sms&x=1", "query-unknown"},
    {"campaignType=sms&", "query-unknown"},
    {"&campaignType=sms", "query-unknown"},
    {"campaignType=sms&&accountId=1", "query-unknown"},
    {"campaignType=sms&=", "query-unknown"},
    {"campaignType=sms&=sms", "query-unknown"},
    {"campaignType=sms;accountId=1", "query-value"},
    {"campaignType=sms& accountId=1", "query-unknown"},
    {"campaignType=sms&+accountId=1", "query-unknown"},
    {"campaignType=sms&accountIds=1", "query-unknown"},
    {"campaignType=sms&accountIds=1&accountId=1", "query-unknown"},
    {"campaignType=sms&account=1", "query-unknown"},
    {"campaignType=sms&accountId[]=1", "query-unknown"},
    {"campaignType=sms&accountId%00=1", "query-unknown"},
    /* values */
    {"campaignType", "query-value"},
    {"campaignType=", "query-value"},
    {"campaignType=SMS", "query-value"},
    {"campaignType=voice", "query-value"},
    {"campaignType=sms%20", "query-value"},
    {"campaignType=sm%73", "query-value"},
    {"campaignType=+sms", "query-value"},
    {"campaignType=sms=", "query-value"},
    {"campaignType=sms,sms", "query-value"},
    {"campaignType=sms&accountId", "query-value"},
    {"campaignType=sms&accountId=", "query-value"},
    {"campaignType=sms&accountId=%31", "query-value"},
    {"campaignType=sms&accountId=1+2", "query-value"},
    {"campaignType=sms&accountId=1,2", "query-value"},
    {"campaignType=sms&accountId=1=2", "query-value"},
    {"campaignType=voice&accountId=.", "query-value query-value"},
    /* duplicates, also those that only another server would see */
    {"campaignType=sms&campaignType=sms", "query-duplicate"},
    {"campaignType=sms&campaignType=voice", "query-duplicate"},
    {"campaignType=sms&accountId=1&accountId=2&accountId=1", "query-duplicate query-duplicate"},
    {"accountid=1&campaignType=sms", "query-unknown"},
    {"campaignType=sms&campaigntype=voice", "query-unknown query-duplicate"},
    {"campaignType=sms&campaign%54ype=voice", "query-unknown query-duplicate"},
    {"campaignType=sms&accountId=1&%61ccountI%44=2", "query-unknown query-duplicate"},
    {"campaignType=sms&ACCOUNTID=2&accountId=1", "query-unknown query-duplicate"},
    {"campaignType=sms&ACCOUNT%69D=2&accountId=%31", "query-unknown query-duplicate query-value"},
    {"campaign%54ype=sms", "query-unknown query-missing"},
    {"campaign%5=sms&campaignType=sms", "query-unknown"},
    {"%", "query-unknown query-missing"},
};

TEST(the_query_says_exactly_what_the_contract_allows)
{
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        struct arena arena;
        struct route route;
        arena_init(&arena, 1 << 20);
        struct str codes = codes_of(queries[i].query, &arena, &route);
        if (!str_equal(codes, str_from(queries[i].codes)))
            print_error("query: %s\n", queries[i].query);
        EXPECT_STR(codes, queries[i].codes);
        arena_release(&arena);
    }
}

TEST(the_account_of_the_query_is_kept_as_sent)
{
    struct arena arena;
    struct route route;
    arena_init(&arena, 1 << 20);
    (void)codes_of("accountId=67777ce9&campaignType=sms", &arena, &route);
    assert_true(route.has_account_id);
    EXPECT_STR(route.account_id, "67777ce9");
    (void)codes_of("campaignType=sms", &arena, &route);
    assert_false(route.has_account_id);
    EXPECT_STR(route.account_id, "");
    arena_release(&arena);
}

TESTS(UNIT(finds_the_create_call_and_its_parts),
      UNIT(another_method_on_a_known_path_is_told_which_is_allowed),
      UNIT(what_is_no_route_matches_nothing),
      UNIT(what_another_server_might_take_for_the_route_is_a_lookalike),
      UNIT(without_memory_for_the_worst_reading_the_worst_is_assumed),
      UNIT(the_query_says_exactly_what_the_contract_allows),
      UNIT(the_account_of_the_query_is_kept_as_sent))
