#include <stdio.h>

#include "cli/arguments.h"
#include "cli/audit.h"
#include "cli/audit_show_report.h"
#include "cli/cli.h"
#include "cli/print.h"

static const char help[] =
    "usage: campaign-gateway audit show [OPTION...] ID\n"
    "\n"
    "The whole story of one campaign: who asked for it, what was decided and why, under which\n"
    "policy, what became of it, and where each record stands. ID is the decision's (the header\n"
    "x-decision-id of the answer), or its beginning where only one begins so.\n"
    "\n" AUDIT_PLACE_HELP AUDIT_CENTRAL_HELP
    "      --format FORMAT   text or json\n" AUDIT_SOURCE_HELP "\n"
    "exit codes\n"
    "  0  shown\n"
    "  1  there is no such campaign in the journal\n"
    "  2  the command line is wrong, several ids begin so, or the journal is broken or cannot be "
    "read\n"
    "\n"
    "example\n"
    "  campaign-gateway audit show --config /etc/campaign-gateway/gateway.yaml 019ac7c2-70fa\n";

enum { FORMAT_TEXT, FORMAT_JSON };

struct show {
    struct audit_place place;
    struct audit_source_options source_options;
    struct argument_list ids;
    size_t format;
    struct arena arena;
    struct audit_source *source;
    struct story story;
};

static int complain(const struct error *err)
{
    (void)fprintf(stderr, "campaign-gateway audit show: %s\n", err->text);
    return EXIT_USAGE;
}

static bool read_options(struct show *s, int argc, char **argv, int *exit_code)
{
    const struct argument_option options[] = {
        AUDIT_PLACE_OPTIONS(&s->place),
        AUDIT_CENTRAL_OPTIONS(&s->place),
        AUDIT_SOURCE_OPTIONS(&s->source_options),
        {.name = "format", .value = "text|json", .choice = &s->format},
    };
    const struct arguments spec = {.help = help,
                                   .verb = "audit show",
                                   .options = options,
                                   .option_count = COUNT_OF(options),
                                   .rest = &s->ids,
                                   .rest_name = "ID",
                                   .least = 1,
                                   .most = 1};
    return arguments_read(&spec, argc, argv, exit_code);
}

static int print(const struct show *s)
{
    struct buf out;
    buf_init(&out, LIMIT_REPORT_BYTES);
    if (s->format == FORMAT_JSON)
        show_report_json(&s->story, &out);
    else
        show_report_text(&s->story, &out);
    bool done = s->format == FORMAT_JSON ? print_json_answer(&out) : print_answer(&out);
    return done ? EXIT_FINE : EXIT_USAGE;
}

static int show(struct show *s)
{
    struct error err;
    struct str id = str_from(s->ids.items[0]);
    s->source = audit_source_open(&s->place, &s->source_options, "audit show");
    if (!s->source)
        return EXIT_USAGE;
    enum story_result result = story_read(s->source, id, &s->arena, &s->story, &err);
    bool whole = audit_source_report(s->source);
    if (result == STORY_FAILED || result == STORY_AMBIGUOUS)
        return complain(&err);
    if (result == STORY_FOUND) {
        int exit_code = print(s);
        return whole ? exit_code : EXIT_USAGE;
    }
    (void)error_set(&err, "there is no campaign '%.*s' in the journal", SHOW_ARGS(id));
    (void)complain(&err);
    return whole ? EXIT_FINDINGS : EXIT_USAGE;
}

int cli_audit_show(int argc, char **argv)
{
    static struct show s; /* large: its lists of arguments */
    int exit_code = EXIT_USAGE;
    if (!read_options(&s, argc, argv, &exit_code))
        return exit_code;
    arena_init(&s.arena, 64UL << 20); /* a story has at most 64 records */
    exit_code = audit_place_resolve(&s.place, "audit show") ? show(&s) : EXIT_USAGE;
    audit_source_close(s.source);
    arena_release(&s.arena);
    audit_place_release(&s.place);
    return exit_code;
}
