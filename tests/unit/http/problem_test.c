/* The body of a refusal, byte for byte: its members and their order are a promise. */
#include "http/problem.h"

#include "test.h"

#define ID "0190f3a2-7ffb-73c3-b307-47ca14b00000"
#define OPENING                                                                                    \
    "{\"type\":\"urn:campaign-gateway:problem:route\",\"title\":\"No such route\","                \
    "\"status\":404,\"detail\":\"nothing is served here\",\"instance\":\"urn:uuid:" ID "\","       \
    "\"decision_id\":\"" ID "\","

/* The single error of the sample, without its closing brace. */
#define SINGLE "{\"code\":\"not-found\",\"pointer\":\"\",\"msg\":\"nothing is served here\""

static void expect_problem(const struct problem *problem, const char *expected)
{
    struct buf out;
    buf_init(&out, 4096);
    problem_write(problem, &out);
    assert_false(out.failed);
    EXPECT_STR(buf_str(&out), expected);
    buf_release(&out);
}

static struct problem sample(void)
{
    return (struct problem){.status = 404,
                            .type = "route",
                            .title = "No such route",
                            .detail = STR("nothing is served here"),
                            .decision_id = STR(ID),
                            .code = "not-found"};
}

TEST(one_reason_becomes_one_error)
{
    struct problem problem = sample();
    expect_problem(&problem, OPENING "\"errors\":[" SINGLE "}]}");
}

TEST(policy_and_creation_stand_before_the_errors)
{
    struct problem problem = sample();
    problem.policy_revision = STR("2026-11-23.1");
    problem.policy_digest = STR("sha256:00");
    problem.created = "unknown";
    expect_problem(&problem,
                   OPENING "\"policy\":{\"revision\":\"2026-11-23.1\",\"digest\":\"sha256:00\"},"
                           "\"created\":\"unknown\",\"errors\":[" SINGLE "}]}");
}

TEST(a_json_fault_shows_its_place)
{
    struct json_fault fault = {.kind = JSON_SYNTAX, .offset = 17, .line = 2, .column = 5};
    struct problem problem = sample();
    problem.json_fault = &fault;
    expect_problem(&problem,
                   OPENING "\"errors\":[" SINGLE ",\"offset\":17,\"line\":2,\"column\":5}]}");
}

TEST(every_violation_is_listed_and_a_cut_list_says_so)
{
    struct arena arena;
    struct violations violations;
    arena_init(&arena, 1 << 20);
    violations_init(&violations, &arena);
    violations_add(&violations, VIOLATION_FIELD_MISSING, STR("/name"), "a \"name\" is needed");
    violations_add_rule(
        &violations, VIOLATION_OUTSIDE_HOURS, STR("/days/0"),
        &(struct violation_source){STR("business_hours"), STR("billing"), STR("team billing")},
        "too early");
    violations.truncated = true;
    struct problem problem = sample();
    problem.violations = &violations;
    expect_problem(&problem, OPENING
                   "\"errors\":[{\"code\":\"field-missing\",\"pointer\":\"/name\",\"msg\":\"a "
                   "\\\"name\\\" is needed\"},{\"code\":\"outside-hours\",\"pointer\":\"/days/0\","
                   "\"msg\":\"too early\",\"rule\":\"business_hours\",\"team\":\"billing\","
                   "\"layer\":\"team billing\"}],"
                   "\"truncated\":true}");
    arena_release(&arena);
}

TEST(an_empty_list_of_violations_is_as_none)
{
    struct arena arena;
    struct violations violations;
    arena_init(&arena, 1 << 20);
    violations_init(&violations, &arena);
    struct problem problem = sample();
    problem.violations = &violations;
    expect_problem(&problem, OPENING "\"errors\":[" SINGLE "}]}");
    arena_release(&arena);
}

TEST(a_body_that_does_not_fit_is_known_to_be_broken)
{
    struct problem problem = sample();
    struct buf out;
    buf_init(&out, 100);
    problem_write(&problem, &out);
    assert_true(out.failed);
    buf_release(&out);
}

TESTS(UNIT(one_reason_becomes_one_error), UNIT(policy_and_creation_stand_before_the_errors),
      UNIT(a_json_fault_shows_its_place), UNIT(every_violation_is_listed_and_a_cut_list_says_so),
      UNIT(an_empty_list_of_violations_is_as_none),
      UNIT(a_body_that_does_not_fit_is_known_to_be_broken))
