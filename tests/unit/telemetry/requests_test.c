/* What a summary adds to the metrics, and which labels it gets. */
#include "telemetry/requests.h"

#include "test.h"

static struct request_metrics metrics;
static struct team_labels teams;

static void begin(void)
{
    metrics = (struct request_metrics){0};
    teams = (struct team_labels){0};
    team_labels_add(&teams, STR("billing"));
}

static void tell(struct request_summary summary)
{
    request_metrics_count(&metrics, &teams, &summary);
}

static const struct breakdown_slot *only(const struct breakdown *breakdown)
{
    const struct breakdown_slot *found = NULL;
    for (size_t i = 0; i < BREAKDOWN_SLOTS; i++) {
        if (!breakdown->slots[i].count)
            continue;
        assert_null(found);
        found = &breakdown->slots[i];
    }
    assert_non_null(found);
    return found;
}

static void expect_row(const char *route, const char *verdict, const char *code, const char *team)
{
    const char *const expected[] = {route, verdict, code, team};
    for (size_t i = 0; i < BREAKDOWN_LABELS; i++)
        assert_string_equal(only(&metrics.requests)->labels[i], expected[i]);
}

TEST(an_allowed_request)
{
    begin();
    tell((struct request_summary){.route = "create-campaign",
                                  .team = STR("billing"),
                                  .status = 200,
                                  .verdict = "allow",
                                  .upstream_status = 204});
    expect_row("create-campaign", "allow", "none", "billing");
    assert_string_equal(only(&metrics.upstream)->labels[0], "2xx");
}

TEST(a_refusal_tells_its_code_or_its_type)
{
    begin();
    tell((struct request_summary){
        .status = 400, .verdict = "deny", .type = "http-malformed", .code = "request-line"});
    expect_row("none", "deny", "request-line", "none");
    begin();
    tell((struct request_summary){
        .route = "create-campaign", .status = 403, .verdict = "deny", .type = "policy"});
    expect_row("create-campaign", "deny", "policy", "none");
}

TEST(a_client_that_left)
{
    begin();
    tell((struct request_summary){.route = "create-campaign", .team = STR("billing")});
    expect_row("create-campaign", "gone", "none", "billing");
    assert_int_equal(metrics.duration.sum, 0);
}

TEST(a_failure_of_the_upstream_tells_its_code)
{
    begin();
    tell((struct request_summary){.status = 502, .upstream_why = "reset"});
    assert_string_equal(only(&metrics.upstream)->labels[0], "reset");
}

TEST(a_request_that_was_not_forwarded_says_nothing_of_the_upstream)
{
    begin();
    tell((struct request_summary){.status = 403, .verdict = "deny"});
    for (size_t i = 0; i < BREAKDOWN_SLOTS; i++)
        assert_int_equal(metrics.upstream.slots[i].count, 0);
}

TEST(a_violation_counts_once_for_each_request)
{
    struct violation items[] = {{.code = VIOLATION_OUTSIDE_HOURS},
                                {.code = VIOLATION_FIELD_MISSING},
                                {.code = VIOLATION_OUTSIDE_HOURS}};
    const struct violations list = {.items = items, .count = COUNT_OF(items)};
    begin();
    tell((struct request_summary){.violations = &list});
    tell((struct request_summary){.violations = &list});
    assert_int_equal(metrics.violations[VIOLATION_OUTSIDE_HOURS], 2);
    assert_int_equal(metrics.violations[VIOLATION_FIELD_MISSING], 2);
    assert_int_equal(metrics.violations[VIOLATION_FROZEN], 0);
}

TEST(stages_begin_where_the_one_before_has_ended)
{
    begin();
    tell((struct request_summary){
        .started_us = 1000,
        .ended_us = {[STAGE_RECEIVE] = 1010, [STAGE_JUDGE] = 1030, [STAGE_RECORD] = 1060},
        .answered_us = 1070});
    assert_int_equal(metrics.stages[STAGE_RECEIVE].sum, 10);
    assert_int_equal(metrics.stages[STAGE_JUDGE].sum, 20);
    assert_int_equal(metrics.stages[STAGE_RECORD].sum, 30);
    assert_int_equal(metrics.stages[STAGE_UPSTREAM].buckets[0], 0);
    assert_int_equal(metrics.duration.sum, 70);
    begin(); /* refused by its head: its body was not waited for */
    tell((struct request_summary){.started_us = 1000, .ended_us = {[STAGE_JUDGE] = 1030}});
    assert_int_equal(metrics.stages[STAGE_JUDGE].sum, 30);
    assert_int_equal(metrics.stages[STAGE_RECEIVE].buckets[0], 0);
}

TEST(labels_of_teams_stay_and_end_somewhere)
{
    char name[24], long_name[LIMIT_TEAM_LABEL_BYTES + 1];
    begin();
    const char *billing = team_label(&teams, STR("billing"));
    memset(long_name, 'x', sizeof(long_name));
    team_labels_add(&teams, (struct str){long_name, sizeof(long_name)});
    team_labels_add(&teams, STR("billing"));
    assert_int_equal(teams.count, 1);
    for (int i = 0; i < 2 * LIMIT_TEAM_LABELS; i++) {
        (void)snprintf(name, sizeof(name), "team-%d", i);
        team_labels_add(&teams, str_from(name));
    }
    assert_int_equal(teams.count, LIMIT_TEAM_LABELS);
    assert_ptr_equal(team_label(&teams, STR("billing")), billing);
    assert_string_equal(team_label(&teams, STR("team-1")), "team-1");
    assert_string_equal(team_label(&teams, STR("team-199")), "other");
    assert_string_equal(team_label(&teams, (struct str){long_name, sizeof(long_name)}), "other");
    assert_string_equal(team_label(&teams, STR("")), "none");
}

TEST(a_team_that_is_called_like_our_own_labels_is_not_told_twice)
{
    begin();
    team_labels_add(&teams, STR("other"));
    team_labels_add(&teams, STR("none"));
    assert_int_equal(teams.count, 1);
    assert_string_equal(team_label(&teams, STR("none")), "other");
}

TESTS(UNIT(an_allowed_request), UNIT(a_refusal_tells_its_code_or_its_type),
      UNIT(a_client_that_left), UNIT(a_failure_of_the_upstream_tells_its_code),
      UNIT(a_request_that_was_not_forwarded_says_nothing_of_the_upstream),
      UNIT(a_violation_counts_once_for_each_request),
      UNIT(stages_begin_where_the_one_before_has_ended),
      UNIT(labels_of_teams_stay_and_end_somewhere),
      UNIT(a_team_that_is_called_like_our_own_labels_is_not_told_twice))
