#include "cli/test_run.h"

#include <stdlib.h>

#include "base/limits.h"
#include "cli/campaign_patch.h"
#include "cli/print.h"
#include "config.h"
#include "policy_files.h"

#define LIMIT_DRAFT_BYTES (64UL * 1024 * 1024) /* the trees of a body at its largest, thrice */
#define LIMIT_WHY_BYTES (1024UL * 1024)

/* A policy as compiled for the files of tests that name the same files. */
struct test_suite {
    struct str key; /* its paths, without links */
    bool has_with;  /* then it is one file's own: the same text may include something else elsewhere
                     */
    const struct policy_set *policy;
    struct coverage coverage;
    struct test_suite *next;
};

void test_run_init(struct test_run *run, struct arena *arena, struct problems *problems)
{
    *run = (struct test_run){.arena = arena, .problems = problems};
    run->tables_end = &run->tables;
    arena_init(&run->draft, LIMIT_DRAFT_BYTES);
    arena_init(&run->request, LIMIT_ARENA_BYTES);
}

void test_run_release(struct test_run *run)
{
    arena_release(&run->draft);
    arena_release(&run->request);
}

static bool note(struct test_run *run, struct error *err)
{
    return problems_add(run->problems, err);
}

static bool out_of_memory(struct test_run *run)
{
    struct error err;
    error_set(&err, "out of memory while testing");
    return note(run, &err);
}

/* ---- the policy of a file ---- */

/* The same for every way to write the paths; a file without policies is a policy of its own. */
static struct str key_of(const struct test_run *run, const struct test_file *file)
{
    struct str key = file->policy_count ? STR("") : str_from(file->path);
    for (size_t i = 0; i < file->policy_count; i++) {
        char *whole = realpath(file->policies[i].path.data, NULL);
        key = arena_format(run->arena, "%.*s%s\n", STR_ARGS(key),
                           whole ? whole : file->policies[i].path.data);
        free(whole);
    }
    return key;
}

static struct str policy_name(const struct test_run *run, const struct test_file *file)
{
    struct str name = file->policy_count ? file->policies[0].path : str_from(file->path);
    for (size_t i = 1; i < file->policy_count; i++)
        name = arena_format(run->arena, "%.*s, %.*s", STR_ARGS(name),
                            STR_ARGS(file->policies[i].path));
    return name;
}

static const struct policy_set *compile(struct test_run *run, const struct test_file *file)
{
    struct error why, err;
    struct policy_files *files = policy_files_new(run->arena);
    if (!files) {
        (void)out_of_memory(run);
        return NULL;
    }
    for (size_t i = 0; i < file->policy_count; i++) {
        if (policy_files_add(files, file->policies[i].path.data, &why))
            continue;
        yaml_error(file->policies[i].place, &err, "%s", why.text);
        (void)note(run, &err);
        return NULL;
    }
    if (file->with.len && !policy_files_add_text(files, file->path, file->with, &err)) {
        (void)note(run, &err);
        return NULL;
    }
    return policy_files_compile(files, run->problems);
}

static struct coverage_table *add_table(struct test_run *run, struct str name)
{
    struct coverage_table *table = coverage_table_new(name, run->arena);
    if (table) {
        *run->tables_end = table;
        run->tables_end = &table->next;
    }
    return table;
}

static struct test_suite *make_suite(struct test_run *run, const struct test_file *file,
                                     struct str key, struct coverage_table *table)
{
    struct test_suite *suite = arena_zalloc(run->arena, 1, sizeof(*suite));
    const struct policy_set *policy = suite ? compile(run, file) : NULL;
    if (!policy)
        return NULL;
    if (!table)
        table = add_table(run, policy_name(run, file));
    if (!table || !coverage_init(&suite->coverage, table, policy, run->arena)) {
        (void)out_of_memory(run);
        return NULL;
    }
    suite->key = key;
    suite->has_with = file->with.len > 0;
    suite->policy = policy;
    suite->next = run->suites;
    run->suites = suite;
    return suite;
}

static struct test_suite *find_suite(struct test_run *run, const struct test_file *file)
{
    struct str key = key_of(run, file);
    struct coverage_table *table = NULL;
    for (struct test_suite *suite = run->suites; suite; suite = suite->next) {
        if (!str_equal(suite->key, key))
            continue;
        table = suite->coverage.table;
        if (!suite->has_with && file->with.len == 0)
            return suite;
    }
    return make_suite(run, file, key, table);
}

/* ---- one test's campaign ---- */

static bool make_body(struct test_run *run, const struct test_case *test, struct str *ret,
                      struct error *err)
{
    struct str text;
    struct error why;
    struct json_fault fault;
    if (!config_read_file(test->base.data, LIMIT_BODY_CONFIGURABLE, &run->draft, &text, &why))
        return yaml_error(test->base_place, err, "%s", why.text);
    const struct json_value *base = json_read(text, &run->draft, &fault);
    if (!base)
        return yaml_error(test->base_place, err, "%.*s:%zu:%zu: %s", STR_ARGS(test->base),
                          fault.line, fault.column, json_fault_sentence(fault.kind));
    return campaign_patch(base, test->text, test->patch, &run->draft, ret, err);
}

static const struct policy_team *find_team(struct test_run *run, const struct test_case *test,
                                           const struct policy_set *policy, struct error *err)
{
    struct error why;
    struct str name = test->team ? test->team->text : STR("");
    const struct policy_team *team = trial_team(policy, name, &run->draft, &why);
    if (!team)
        yaml_error(test->team ? test->team : test->place, err, "%s", why.text);
    return team;
}

/* ---- what was expected, and what came ---- */

/* What a trial says, as sets. */
struct verdict {
    bool codes[VIOLATION_COUNT], reported[VIOLATION_COUNT];
    bool rules[POLICY_RULES];
};

static void sum_up(const struct trial *trial, struct verdict *ret)
{
    const struct violations *lists[] = {&trial->violations, &trial->findings.observed};
    *ret = (struct verdict){.codes = {false}};
    for (size_t l = 0; l < COUNT_OF(lists); l++) {
        for (size_t i = 0; i < lists[l]->count; i++) {
            const struct violation *violation = &lists[l]->items[i];
            enum policy_rule rule;
            ret->codes[violation->code] |= violation->effect == EFFECT_ENFORCED;
            ret->reported[violation->code] |= violation->effect == EFFECT_REPORTED;
            if (violation->effect == EFFECT_ENFORCED &&
                policy_rule_parse(violation->source.rule, &rule))
                ret->rules[rule] = true;
        }
    }
}

static struct str code_name(size_t index)
{
    return str_from(violation_code_text((enum violation_code)index));
}

static struct str rule_name(size_t index)
{
    return policy_rule_name((enum policy_rule)index);
}

static void put_set(const bool *set, size_t count, struct str (*name)(size_t index),
                    const char *none, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        if (set[i])
            print_listed(out, name(i), &first);
    }
    if (first)
        buf_append(out, str_from(none));
}

/* Two lines under a title when the sets differ. */
static bool same_sets(const char *what, const bool *expected, const bool *actual, size_t count,
                      struct str (*name)(size_t index), const char *none, struct buf *out)
{
    if (memcmp(expected, actual, count * sizeof(*expected)) == 0)
        return true;
    buf_format(out, "%sexpected: ", what);
    put_set(expected, count, name, none, out);
    buf_format(out, "\n%sactual:   ", what);
    put_set(actual, count, name, none, out);
    buf_append_byte(out, '\n');
    return false;
}

static bool is_expected_exception(const struct test_case *test, struct str id)
{
    for (size_t i = 0; i < test->exception_count; i++) {
        if (str_equal(test->exceptions[i], id))
            return true;
    }
    return false;
}

static bool is_used(const struct policy_findings *findings, struct str id)
{
    for (size_t i = 0; i < findings->used_count; i++) {
        if (str_equal(findings->used[i]->id, id))
            return true;
    }
    return false;
}

static bool same_exceptions(const struct test_case *test, const struct policy_findings *findings,
                            struct buf *out)
{
    bool same = true, first = true;
    for (size_t i = 0; i < test->exception_count; i++)
        same = same && is_used(findings, test->exceptions[i]);
    for (size_t i = 0; i < findings->used_count; i++)
        same = same && is_expected_exception(test, findings->used[i]->id);
    if (same)
        return true;
    buf_append(out, STR("exceptions expected: "));
    for (size_t i = 0; i < test->exception_count; i++)
        print_listed(out, test->exceptions[i], &first);
    buf_append(out, first ? STR("none\nexceptions actual:   ") : STR("\nexceptions actual:   "));
    first = true;
    for (size_t i = 0; i < findings->used_count; i++)
        print_listed(out, findings->used[i]->id, &first);
    buf_append(out, first ? STR("none\n") : STR("\n"));
    return false;
}

/* Lines that say what differs; none: it passed. */
static void compare(const struct test_case *test, const struct trial *trial,
                    const struct verdict *verdict, struct buf *out)
{
    (void)same_sets("", test->codes, verdict->codes, VIOLATION_COUNT, code_name, "allow", out);
    if (test->compares_rules)
        (void)same_sets("rules ", test->rules, verdict->rules, POLICY_RULES, rule_name, "none",
                        out);
    if (test->compares_reported)
        (void)same_sets("reported ", test->reported, verdict->reported, VIOLATION_COUNT, code_name,
                        "none", out);
    if (test->compares_exceptions)
        (void)same_exceptions(test, &trial->findings, out);
    if (trial->violations.truncated)
        buf_append(out, STR("there are more violations than can be kept\n"));
}

/* ---- results ---- */

static struct str kept(struct test_run *run, struct buf *text)
{
    struct str copy = text->failed ? (struct str){0} : arena_copy(run->arena, buf_str(text));
    buf_clear(text);
    return copy;
}

/* The trial's arena is soon reset; what belongs to the policy is not. */
static bool keep_findings(struct test_run *run, const struct trial *trial,
                          struct test_result *result)
{
    const struct violations *lists[] = {&trial->violations, &trial->findings.observed};
    struct violation *to =
        arena_zalloc(run->arena, lists[0]->count + lists[1]->count + 1, sizeof(*to));
    result->findings = to;
    for (size_t l = 0; to && l < COUNT_OF(lists); l++) {
        for (size_t i = 0; i < lists[l]->count; i++, to++) {
            *to = lists[l]->items[i];
            to->pointer = arena_copy(run->arena, to->pointer);
            to->message = arena_copy(run->arena, to->message);
            result->finding_count++;
        }
    }
    return to || out_of_memory(run);
}

static bool conclude(struct test_run *run, const struct trial *trial, struct test_result *result)
{
    struct verdict verdict;
    struct buf text;
    sum_up(trial, &verdict);
    buf_init(&text, LIMIT_WHY_BYTES);
    compare(result->test, trial, &verdict, &text);
    result->outcome = text.len || text.failed ? TEST_FAILED : TEST_PASSED;
    result->why = kept(run, &text);
    put_set(result->test->codes, VIOLATION_COUNT, code_name, "allow", &text);
    result->expected = kept(run, &text);
    put_set(verdict.codes, VIOLATION_COUNT, code_name, "allow", &text);
    result->actual = kept(run, &text);
    buf_release(&text);
    return (result->why.data && result->expected.data && result->actual.data) || out_of_memory(run);
}

/* The sentence is a problem of the run, and stands with the test. */
static void break_test(struct test_run *run, struct test_result *result, struct error *err)
{
    result->outcome = TEST_BROKEN;
    result->why = arena_format(run->arena, "%s\n", err->text);
    (void)note(run, err);
}

static void run_test(struct test_run *run, const struct test_suite *suite,
                     const struct test_file *file, struct test_result *result)
{
    struct error err = {.text = ""};
    struct trial trial;
    struct trial_question question = {
        .contract = {.sender_ids = file->sender_ids,
                     .sender_id_count = file->sender_id_count,
                     .midnight = MIDNIGHT_REJECT},
        .policy = suite->policy,
        .team = find_team(run, result->test, suite->policy, &err),
        .now_unix_ms = result->test->at_unix_ms,
    };
    if (!question.team || !make_body(run, result->test, &question.body, &err)) {
        break_test(run, result, &err);
        return;
    }
    trial_run(&question, &run->request, &trial);
    if (!trial.decoded) {
        yaml_error(result->test->place, &err, "the campaign cannot be read: %s",
                   json_fault_sentence(trial.fault.kind));
        break_test(run, result, &err);
        return;
    }
    coverage_count(&suite->coverage, &trial);
    if (!conclude(run, &trial, result) || !keep_findings(run, &trial, result))
        result->outcome = TEST_BROKEN;
}

bool test_run_file(struct test_run *run, const struct test_file *file, struct test_results *ret)
{
    const struct test_suite *suite = find_suite(run, file);
    *ret = (struct test_results){.file = file};
    if (!suite)
        return false;
    ret->items = arena_zalloc(run->arena, file->case_count + 1, sizeof(*ret->items));
    if (!ret->items)
        return out_of_memory(run);
    for (; ret->count < file->case_count; ret->count++) {
        struct test_result *result = &ret->items[ret->count];
        result->test = &file->cases[ret->count];
        run_test(run, suite, file, result);
        run->outcomes[result->outcome]++;
        arena_reset(&run->draft);
        arena_reset(&run->request);
    }
    return true;
}
