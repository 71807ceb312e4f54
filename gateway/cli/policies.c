#include "cli/policies.h"

const struct policy_set *policies_load(const char *const *paths, size_t count, struct arena *arena,
                                       struct problems *problems)
{
    struct error err = {.text = "out of memory while reading the policy"};
    struct config_text *named = arena_zalloc(arena, count, sizeof(*named));
    for (size_t i = 0; named && i < count; i++)
        named[i].value = str_from(paths[i]);
    if (named)
        return policy_load(named, count, arena, NULL, problems);
    (void)problems_add(problems, &err);
    return NULL;
}
