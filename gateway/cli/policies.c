#include "cli/policies.h"

#include "cli/print.h"
#include "config.h"
#include "policy_files.h"

static const struct policy_set *fail(const struct error *err)
{
    (void)fprintf(stderr, "%s\n", err->text);
    return NULL;
}

static const struct policy_set *compile(struct policy_files *files)
{
    struct problems problems;
    problems_init(&problems);
    const struct policy_set *set = policy_files_compile(files, &problems);
    if (!set)
        print_problems(&problems);
    problems_release(&problems);
    return set;
}

const struct policy_set *policies_load(const char *const *paths, size_t count, struct arena *arena)
{
    struct error err = {.text = "out of memory"};
    struct policy_files *files = policy_files_new(arena);
    if (!files)
        return fail(&err);
    for (size_t i = 0; i < count; i++) {
        if (!policy_files_add(files, paths[i], &err))
            return fail(&err);
    }
    return compile(files);
}

static const struct policy_set *load_configured(const struct config *config, struct arena *arena)
{
    struct error why = {.text = "out of memory"}, err;
    struct policy_files *files = policy_files_new(arena);
    if (!files)
        return fail(&why);
    for (size_t i = 0; i < config->policy_count; i++) {
        if (policy_files_add(files, config->policies[i].value.data, &why))
            continue;
        (void)config_error(&config->policies[i].place, &err, "%s", why.text);
        return fail(&err);
    }
    return compile(files);
}

const struct policy_set *policies_load_configured(const char *config_path, struct arena *arena)
{
    struct error err;
    struct config *config = config_load(config_path, &err);
    if (!config)
        return fail(&err);
    const struct policy_set *set = load_configured(config, arena);
    config_free(config);
    return set;
}
