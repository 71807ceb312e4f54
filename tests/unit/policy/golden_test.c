/*
 * Golden cases: tests/golden/<case>/campaign.json is decoded and judged by the policy in
 * tests/golden/policy.yaml for team billing; what comes out must be expected.txt.
 * GOLDEN_UPDATE=1 rewrites the expectations; git shows what changed.
 */
#include <dirent.h>

#include "base/buf.h"
#include "base/limits.h"
#include "campaign/decode.h"
#include "policy_support.h"

static struct str read_file(const char *path, struct arena *arena)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return (struct str){0};
    char *text = arena_alloc(arena, 300000);
    size_t len = fread(text, 1, 300000, file);
    fclose(file);
    return (struct str){text, len};
}

static void describe(struct str body, const struct policy_set *policy, struct arena *arena,
                     struct buf *out)
{
    const struct decode_options options = {0};
    struct campaign campaign;
    struct violations violations;
    struct json_fault fault;
    violations_init(&violations, arena);
    if (campaign_decode(body, &options, arena, &campaign, &violations, &fault) == DECODE_NOT_JSON) {
        buf_format(out, "%s@%zu:%zu\n", json_fault_code(fault.kind), fault.line, fault.column);
        return;
    }
    const struct policy_context context = {.now_unix_ms = ORDINARY_MS};
    struct policy_findings findings;
    policy_check(policy, policy_team(policy, STR("billing")), &campaign, &context, &violations,
                 &findings, NULL);
    for (size_t i = 0; i < violations.count; i++) {
        const struct violation *v = &violations.items[i];
        buf_format(out, "%s@%.*s: %.*s\n", violation_code_text(v->code), STR_ARGS(v->pointer),
                   STR_ARGS(v->message));
    }
    buf_append(out, violations_clean(&violations) ? STR("clean\n") : STR(""));
    buf_append(out, violations.truncated ? STR("truncated\n") : STR(""));
}

static bool check_case(const char *name, const struct policy_set *policy)
{
    char path[512];
    struct arena arena;
    struct buf out;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    buf_init(&out, 1 << 20);
    (void)snprintf(path, sizeof(path), SOURCE_DIR "/tests/golden/%s/campaign.json", name);
    describe(read_file(path, &arena), policy, &arena, &out);
    (void)snprintf(path, sizeof(path), SOURCE_DIR "/tests/golden/%s/expected.txt", name);
    bool same = str_equal(read_file(path, &arena), buf_str(&out));
    if (!same && getenv("GOLDEN_UPDATE")) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        fwrite(out.data, 1, out.len, file);
        fclose(file);
        same = true;
    }
    if (!same)
        print_error("%s: now it says\n%.*s", path, STR_ARGS(buf_str(&out)));
    buf_release(&out);
    arena_release(&arena);
    return same;
}

TEST(every_case_says_what_it_said)
{
    struct arena arena;
    struct error err;
    arena_init(&arena, 1 << 20);
    struct policy_source source = {"policy.yaml",
                                   read_file(SOURCE_DIR "/tests/golden/policy.yaml", &arena)};
    const struct policy_set *policy = compile_sources(&source, 1, NULL, &arena, &err);
    assert_non_null(policy);
    DIR *dir = opendir(SOURCE_DIR "/tests/golden");
    size_t cases = 0, different = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        cases++;
        different += !check_case(entry->d_name, policy);
    }
    closedir(dir);
    arena_release(&arena);
    assert_true(cases >= 40);
    assert_int_equal(different, 0);
}

TESTS(UNIT(every_case_says_what_it_said))
