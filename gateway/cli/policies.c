#include "cli/policies.h"

#include "cli/print.h"
#include "policy_files.h"

const struct policy_set *policies_load(const char *const *paths, size_t count, struct arena *arena)
{
    struct problems problems;
    problems_init(&problems);
    const struct policy_set *set = policy_load(paths, count, arena, NULL, &problems);
    if (!set)
        print_problems(&problems);
    problems_release(&problems);
    return set;
}

const struct policy_set *policies_load_configured(const char *config_path, struct arena *arena)
{
    struct problems problems;
    problems_init(&problems);
    struct config *config = config_load(config_path, &problems);
    const struct policy_set *set =
        config
            ? policy_load_configured(config->policies, config->policy_count, arena, NULL, &problems)
            : NULL;
    if (!set)
        print_problems(&problems);
    config_free(config);
    problems_release(&problems);
    return set;
}
