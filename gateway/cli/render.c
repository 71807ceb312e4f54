#include "policy/render.h"

#include <stdio.h>

#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/policies.h"
#include "cli/print.h"

static const char help[] =
    "usage: campaign-gateway render [OPTION...] POLICY...\n"
    "       campaign-gateway render [OPTION...] --config FILE\n"
    "\n"
    "Prints the whole policy as sentences, for those who answer for it and read no YAML: layer by\n"
    "layer (packs, organisation, teams, each with its cases, then exceptions), rule by rule. The\n"
    "same policy gives the same text, so it can be signed, kept and compared. POLICY is a file or\n"
    "a directory; several together are one policy. A pack's file alone will do.\n"
    "\n"
    "  -c, --config FILE    the policies that this configuration names\n"
    "      --digest         also print the SHA-256 of the policy's files, as answers and audit\n"
    "                       records carry it; it changes with every comment\n"
    "      --format FORMAT  text (for people) or json\n"
    "\n"
    "exit codes\n"
    "  0  done\n"
    "  2  the command line, the configuration or the policy is wrong\n"
    "\n"
    "example\n"
    "  campaign-gateway render policies/example\n"
    "  campaign-gateway render --digest policies/example > for-signature.txt\n";

struct request {
    const char *config_path;
    struct argument_list paths;
    size_t format;
    bool digest;
};

static bool read_request(struct request *request, int argc, char **argv, int *exit_code)
{
    const struct argument_option options[] = {
        {.name = "config", .letter = 'c', .value = "FILE", .text = &request->config_path},
        {.name = "digest", .flag = &request->digest},
        {.name = "format", .value = "text|json", .choice = &request->format},
    };
    const struct arguments spec = {.help = help,
                                   .options = options,
                                   .option_count = COUNT_OF(options),
                                   .rest = &request->paths,
                                   .rest_name = "POLICY"};
    if (!arguments_read(&spec, argc, argv, exit_code))
        return false;
    if ((request->config_path != NULL) != (request->paths.count > 0))
        return true;
    (void)fprintf(stderr, "campaign-gateway render: give either POLICY or --config FILE; try "
                          "--help\n");
    *exit_code = EXIT_USAGE;
    return false;
}

static const struct policy_set *load(const struct request *request, struct arena *arena,
                                     struct problems *problems)
{
    if (!request->config_path)
        return policies_load(request->paths.items, request->paths.count, arena, problems);
    struct config *config = config_load(request->config_path, problems);
    const struct policy_set *set =
        config ? policy_load(config->policies, config->policy_count, arena, NULL, problems) : NULL;
    config_free(config);
    return set;
}

static bool render(const struct request *request, struct arena *arena, struct problems *problems)
{
    struct buf out;
    struct arena scratch;
    const struct render_options options = {request->format ? PAGE_JSON : PAGE_TEXT,
                                           request->digest};
    const struct policy_set *set = load(request, arena, problems);
    if (!set) {
        print_problems(problems);
        return false;
    }
    buf_init(&out, LIMIT_REPORT_BYTES);
    arena_init(&scratch, LIMIT_POLICY_ARENA_BYTES);
    out.failed = !policy_render(set, &options, &scratch, &out);
    arena_release(&scratch);
    return print_answer(&out);
}

int cli_render(int argc, char **argv)
{
    int exit_code;
    struct arena arena;
    struct problems problems;
    struct request request = {0};
    if (!read_request(&request, argc, argv, &exit_code))
        return exit_code;
    arena_init(&arena, LIMIT_POLICY_ARENA_BYTES);
    problems_init(&problems);
    bool fine = render(&request, &arena, &problems);
    problems_release(&problems);
    arena_release(&arena);
    return fine ? EXIT_FINE : EXIT_USAGE;
}
