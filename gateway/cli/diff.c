#include "policy/diff.h"

#include <stdio.h>

#include "base/json_write.h"
#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/policies.h"
#include "cli/print.h"

static const char help[] =
    "usage: campaign-gateway diff [OPTION...] OLD NEW\n"
    "\n"
    "Says in sentences who may do more by the policy NEW than by OLD, who may do less, and who is\n"
    "bound differently. OLD and NEW are each a file or a directory. Comments, order and the\n"
    "revision are no difference; whatever changes a verdict is told. A campaign must satisfy "
    "every\n"
    "layer, so each sentence holds as far as its own layer is concerned. A rule that only reports\n"
    "lets nobody do more or less: its changes are told as \"bound differently\".\n"
    "\n"
    "      --format FORMAT  text (for people) or json\n"
    "\n"
    "exit codes\n"
    "  0  no difference\n"
    "  1  differences\n"
    "  2  the command line or a policy is wrong\n"
    "\n"
    "example\n"
    "  $ campaign-gateway diff /etc/campaign-gateway/policies policies/example\n"
    "  everybody may do more: hours in Asia/Kolkata: also Saturday 8:00 PM - 9:00 PM\n"
    "  team billing may do less: the caller ID +919561612345 is no longer allowed\n"
    "  team marketing may do less: priority at most 3 (was 5)\n";

struct comparands {
    struct argument_list paths;
    size_t format;
    struct arena before_arena, after_arena, arena;
    struct problems problems;
};

static void write_side(struct json_writer *json, const char *key, const struct policy_set *set)
{
    json_open_object_at(json, key);
    json_put_str(json, "revision", set->revision);
    json_put_str(json, "digest", str_from(set->digest));
    json_close_object(json);
}

static void write_difference(struct json_writer *json, const struct policy_difference *each)
{
    json_open_object(json);
    json_put_str(json, "change", str_from(change_text(each->change)));
    json_put_str(json, "who", each->who);
    json_put_str(json, "where", each->where);
    json_put_str(json, "rule", each->rule);
    json_put_str(json, "text", each->text);
    json_close_object(json);
}

static void write_json(const struct policy_set *before, const struct policy_set *after,
                       const struct policy_differences *differences, struct buf *out)
{
    struct json_writer json = json_writer(out);
    json_open_object(&json);
    write_side(&json, "old", before);
    write_side(&json, "new", after);
    json_open_array_at(&json, "differences");
    for (size_t i = 0; i < differences->count; i++)
        write_difference(&json, &differences->items[i]);
    json_close_array(&json);
    json_close_object(&json);
    buf_append_byte(out, '\n');
}

static int compare(struct comparands *c)
{
    struct buf out;
    struct policy_differences differences;
    const struct policy_set *before =
        policies_load(&c->paths.items[0], 1, &c->before_arena, &c->problems);
    const struct policy_set *after =
        policies_load(&c->paths.items[1], 1, &c->after_arena, &c->problems);
    if (!before || !after) {
        print_problems(&c->problems);
        return EXIT_USAGE;
    }
    buf_init(&out, LIMIT_REPORT_BYTES);
    out.failed = !policy_diff(before, after, &c->arena, &differences);
    if (c->format)
        write_json(before, after, &differences, &out);
    else if (differences.count == 0)
        buf_append(&out, STR("no difference\n"));
    else
        policy_differences_write(&differences, &out);
    if (!print_answer(&out))
        return EXIT_USAGE;
    return differences.count ? EXIT_FINDINGS : EXIT_FINE;
}

int cli_diff(int argc, char **argv)
{
    int exit_code;
    struct comparands c = {0};
    const struct argument_option options[] = {
        {.name = "format", .value = "text|json", .choice = &c.format}};
    const struct arguments spec = {.help = help,
                                   .options = options,
                                   .option_count = COUNT_OF(options),
                                   .rest = &c.paths,
                                   .rest_name = "OLD NEW",
                                   .least = 2,
                                   .most = 2};
    if (!arguments_read(&spec, argc, argv, &exit_code))
        return exit_code;
    arena_init(&c.before_arena, LIMIT_POLICY_ARENA_BYTES);
    arena_init(&c.after_arena, LIMIT_POLICY_ARENA_BYTES);
    arena_init(&c.arena, LIMIT_POLICY_ARENA_BYTES);
    problems_init(&c.problems);
    exit_code = compare(&c);
    arena_release(&c.before_arena);
    arena_release(&c.after_arena);
    arena_release(&c.arena);
    problems_release(&c.problems);
    return exit_code;
}
