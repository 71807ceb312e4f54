/*
 * What policies/ shows to its authors is true: every policy in the README compiles, its table knows
 * every code, and the example organisation allows the API's own example campaign.
 */
#include "base/buf.h"
#include "base/limits.h"
#include "campaign/decode.h"
#include "policy_support.h"

static struct arena arena;

static struct str read_file(const char *path)
{
    char *text = arena_alloc(&arena, LIMIT_BODY_BYTES);
    FILE *file = fopen(path, "rb");
    if (!file || !text)
        fail_msg("cannot read %s", path);
    size_t len = fread(text, 1, LIMIT_BODY_BYTES, file);
    fclose(file);
    return (struct str){text, len};
}

static int start(void **state)
{
    (void)state;
    arena_init(&arena, 64 << 20);
    return 0;
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* ---- the README ---- */

/* The index of `needle` in `text`, or text.len. */
static size_t find(struct str text, struct str needle)
{
    for (size_t i = 0; i + needle.len <= text.len; i++) {
        if (str_starts(str_slice(text, i, text.len), needle))
            return i;
    }
    return text.len;
}

/* The content of the next ```yaml block; *rest is what stands behind it. */
static bool next_block(struct str *rest, struct str *ret)
{
    const struct str fence = STR("```yaml\n"), end = STR("```");
    size_t at = find(*rest, fence);
    if (at == rest->len)
        return false;
    *rest = str_slice(*rest, at + fence.len, rest->len);
    *ret = str_slice(*rest, 0, find(*rest, end));
    *rest = str_slice(*rest, ret->len, rest->len);
    return true;
}

/* What the README includes lies beside it, and beside the example. */
static bool read_included(void *context, const char *from, struct str path,
                          struct policy_source *ret, struct error *err)
{
    struct str below = str_starts(path, STR("../")) ? str_slice(path, 3, path.len) : path;
    struct str name = arena_format(&arena, SOURCE_DIR "/policies/%.*s", STR_ARGS(below));
    (void)context, (void)from, (void)err;
    *ret = (struct policy_source){name.data, read_file(name.data)};
    return true;
}

TEST(every_policy_in_the_readme_compiles_and_knows_team_billing)
{
    struct str rest = read_file(SOURCE_DIR "/policies/README.md"), text;
    const struct policy_includer includer = {NULL, read_included};
    size_t blocks = 0;
    while (next_block(&rest, &text)) {
        struct error err;
        if (str_starts(text,
                       STR("policy: "))) /* a file of tests, which tests/e2e/test_docs.py runs */
            continue;
        const struct policy_source source = {"README.md", text};
        const struct policy_set *set = compile_sources(&source, 1, &includer, &arena, &err);
        if (!set)
            fail_msg("%s\n%.*s", err.text, STR_ARGS(text));
        assert_true(policy_team(set, STR("billing")) || find(text, STR("pack:")) < text.len);
        blocks++;
    }
    assert_true(blocks >= 20);
}

TEST(the_readme_lists_every_code_with_its_status_and_meaning)
{
    struct str text = read_file(SOURCE_DIR "/policies/README.md");
    for (int code = 0; code < VIOLATION_COUNT; code++) {
        bool contract = violation_code_class(code) == VIOLATION_CLASS_CONTRACT;
        struct str row = arena_format(&arena, "\n| `%s` | %d | %s |\n", violation_code_text(code),
                                      contract ? 422 : 403, violation_code_meaning(code));
        if (find(text, row) == text.len)
            fail_msg("policies/README.md has no row%.*s", STR_ARGS(row));
    }
}

TEST(the_readme_shows_every_rule)
{
    struct str text = read_file(SOURCE_DIR "/policies/README.md");
#define RULE(name, type, reads) assert_true(find(text, STR("\n## " #name ":")) < text.len);
#include "policy/rules.def"
#undef RULE
}

/* ---- the example ---- */

static const struct policy_set *compile_example(void)
{
    struct error err;
    const struct policy_source sources[] = {
        {"organisation.yaml", read_file(SOURCE_DIR "/policies/example/organisation.yaml")},
        {"teams.yaml", read_file(SOURCE_DIR "/policies/example/teams.yaml")},
    };
    const struct policy_includer includer = {NULL, read_included};
    const struct policy_set *set =
        compile_sources(sources, COUNT_OF(sources), &includer, &arena, &err);
    if (!set)
        fail_msg("%s", err.text);
    return set;
}

/* How many violations the example's policy finds in the API's example campaign. */
static size_t judge_for(struct str team)
{
    const struct decode_options options = {0};
    struct str body = read_file(SOURCE_DIR "/tests/golden/seed/campaign.json");
    struct campaign campaign;
    struct violations violations;
    struct json_fault fault;
    const struct policy_set *set = compile_example();
    violations_init(&violations, &arena);
    assert_int_equal(campaign_decode(body, &options, &arena, &campaign, &violations, &fault),
                     DECODE_DONE);
    assert_true(violations_clean(&violations));
    const struct policy_context context = {.now_unix_ms = ORDINARY_MS};
    struct policy_findings findings;
    policy_check(set, policy_team(set, team), &campaign, &context, &violations, &findings, NULL);
    return violations.count;
}

TEST(the_example_allows_the_example_campaign_for_billing)
{
    assert_int_equal(judge_for(STR("billing")), 0);
}

TEST(the_example_refuses_the_example_campaign_for_others)
{
    assert_int_not_equal(judge_for(STR("marketing")), 0);
    assert_int_not_equal(judge_for(STR("support")), 0);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, start, release)

TESTS(STORY(every_policy_in_the_readme_compiles_and_knows_team_billing),
      STORY(the_readme_lists_every_code_with_its_status_and_meaning),
      STORY(the_readme_shows_every_rule),
      STORY(the_example_allows_the_example_campaign_for_billing),
      STORY(the_example_refuses_the_example_campaign_for_others))
