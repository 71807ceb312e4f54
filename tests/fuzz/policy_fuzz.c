/* yaml_read, policy_compile, policy_check: a set that judges, or a sentence that names the file. */
#include <assert.h>

#include "base/utf8.h"
#include "fuzz.h"
#include "policy/policy.h"

static size_t judge(const struct policy_set *set, const struct policy_layer *team,
                    enum frequency frequency)
{
    struct arena arena;
    struct violations violations;
    struct calling_block blocks[] = {
        {.day = MONDAY, .start_min = 540, .end_min = 1080},
        {.day = SUNDAY, .start_min = 0, .end_min = 1439, .index = 1},
    };
    const struct campaign campaign = {.caller_id = STR("+919561612345"),
                                      .frequency = frequency,
                                      .timezone = STR("Asia/Calcutta"),
                                      .blocks = blocks,
                                      .block_count = COUNT_OF(blocks)};
    arena_init(&arena, 1 << 20);
    violations_init(&violations, &arena);
    policy_check(set, team, &campaign, &violations);
    assert(!violations.truncated);
    for (size_t i = 0; i < violations.count; i++)
        assert(violations.items[i].message.len > 0 && violations.items[i].rule.len > 0);
    size_t count = violations.count;
    arena_release(&arena);
    return count;
}

/* DAILY asks more than WEEKLY; nobody's rules may make a campaign with fewer days worse. */
static void judge_all(const struct policy_set *set)
{
    for (size_t i = 0; i < set->teams.capacity; i++) {
        const struct policy_layer *team = set->teams.slots[i].value;
        if (team)
            assert(judge(set, team, FREQUENCY_WEEKLY) <= judge(set, team, FREQUENCY_DAILY));
        if (team)
            (void)judge(set, team, FREQUENCY_CUSTOM);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct error err = {""};
    struct policy_source source = {"p.yaml", {(const char *)data, size}};
    arena_init(&arena, 16 << 20);
    const struct policy_set *set = policy_compile(&source, 1, &arena, &err);
    struct str sentence = str_from(err.text);
    if (set)
        judge_all(set);
    else
        assert(str_starts(sentence, STR("p.yaml:")) &&
               utf8_control_at(sentence, false) == sentence.len);
    arena_release(&arena);
    return 0;
}
