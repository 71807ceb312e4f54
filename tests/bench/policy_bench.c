/*
 * What a verdict costs as policies grow, and what loading costs: decode and all rules of the sample
 * campaign, with a policy whose rules and lists are made here. Prints the tables of README.md.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "campaign/decode.h"
#include "policy/policy.h"

#define NOW_MS INT64_C(1795608000000)
#define ARENA_BYTES (2UL << 30)

static struct str read_file(const char *path, struct arena *arena)
{
    char *text = arena_alloc(arena, LIMIT_BODY_BYTES);
    FILE *file = fopen(path, "rb");
    if (!file || !text) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    size_t len = fread(text, 1, LIMIT_BODY_BYTES, file);
    (void)fclose(file);
    return (struct str){text, len};
}

static const struct policy_set *compile(struct str text, struct arena *arena)
{
    struct problems problems;
    const struct policy_source source = {"bench.yaml", text};
    problems_init(&problems);
    const struct policy_set *set = policy_compile(&source, 1, NULL, arena, &problems);
    if (!set) {
        (void)fprintf(stderr, "%.*s", STR_ARGS(buf_str(&problems.lines)));
        exit(2);
    }
    problems_release(&problems);
    return set;
}

/* One verdict; dies unless the campaign passes, so that what is measured is the ordinary way. */
static void judge(const struct policy_set *set, struct str body, struct arena *arena, bool rules)
{
    static const struct decode_options options;
    const struct policy_context context = {.now_unix_ms = NOW_MS};
    struct campaign campaign;
    struct violations violations;
    struct policy_findings findings;
    struct json_fault fault;
    arena_reset(arena);
    violations_init(&violations, arena);
    if (campaign_decode(body, &options, arena, &campaign, &violations, &fault) != DECODE_DONE)
        exit(2);
    if (rules)
        policy_check(set, policy_team(set, STR("billing")), &campaign, &context, &violations,
                     &findings, NULL);
    if (!violations_clean(&violations)) {
        (void)fprintf(stderr, "%.*s\n", STR_ARGS(violations.items[0].message));
        exit(2);
    }
}

/* Microseconds for one, the best of five rounds: others share the machine. */
static double time_judge(const struct policy_set *set, struct str body, bool rules)
{
    enum { ROUNDS = 5, VERDICTS = 4000 };
    struct arena arena;
    double best = 1e9;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t before_us = clock_mono_us();
        for (int i = 0; i < VERDICTS; i++)
            judge(set, body, &arena, rules);
        double spent = (double)(clock_mono_us() - before_us) / VERDICTS;
        best = spent < best ? spent : best;
    }
    arena_release(&arena);
    return best;
}

/* Every kind of rule once, with lists of so many entries. */
static void write_rules(struct buf *out, const char *indent, int entries)
{
    static const char plain[] =
        "%1$sdnc_required: true\n%1$spriority_cap: 5\n%1$sname_pattern: \"^.{1,48}$\"\n"
        "%1$stimezones: [Asia/Kolkata, America/New_York]\n%1$sfrequencies: [WEEKLY]\n"
        "%1$sdays: MO-SU\n%1$sblocks: {shortest_minutes: 15, most_per_day: 4}\n"
        "%1$sbusiness_hours: {Asia/Kolkata: {MO-SU: 8:00 AM - 9:00 PM}, '*': {MO-FR: closed}}\n"
        "%1$sblackout: [{name: Christmas, on: 12-25}, {name: Easter, on: easter}]\n"
        "%1$sscheduling_allowed: false\n%1$ssegments: 10\n%1$smarkup: {placeholders: [First "
        "Name]}\n"
        "%1$surls: {hosts: [acme.com, '*.acme.com']}\n";
    buf_format(out, plain, indent);
    buf_format(out, "%scaller_ids:\n", indent);
    buf_format(out, "%s  - \"+919561612345\"\n", indent);
    for (int i = 1; i < entries; i++)
        buf_format(out, "%s  - \"+4915%08d\"\n", indent, i);
    buf_format(out, "%sbanned_words:\n", indent);
    for (int i = 0; i < entries; i++)
        buf_format(out, "%s  - bad word %d\n", indent, i);
    buf_format(out, "%stemplates:\n%s  Welcome:\n", indent, indent);
    for (int i = 1; i < entries; i++)
        buf_format(out, "%s  Template %d:\n", indent, i);
    buf_format(out, "%scontact_lists:\n%s  - mycontactlist\n%s  - testcontactlist\n%s  - \"*\"\n",
               indent, indent, indent, indent);
}

static void by_entries(struct str body)
{
    static const int entries[] = {10, 100, 1000, 10000, 100000};
    (void)printf("one layer with 17 rules; three of them have lists\n"
                 "| entries in each list | us a verdict | of it rules | load, ms | memory, MB |\n"
                 "|---:|---:|---:|---:|---:|\n");
    for (size_t i = 0; i < COUNT_OF(entries); i++) {
        struct arena arena;
        struct buf text;
        arena_init(&arena, ARENA_BYTES);
        buf_init(&text, 64UL << 20);
        buf_format(&text, "revision: r\nteams:\n  billing:\n");
        write_rules(&text, "    ", entries[i]);
        int64_t before_us = clock_mono_us();
        const struct policy_set *set = compile(buf_str(&text), &arena);
        double load_ms = (double)(clock_mono_us() - before_us) / 1000;
        double all = time_judge(set, body, true), decode = time_judge(set, body, false);
        (void)printf("| %d | %.2f | %.2f | %.1f | %.1f |\n", entries[i], all, all - decode, load_ms,
                     (double)arena.used_bytes / 1e6);
        buf_release(&text);
        arena_release(&arena);
    }
}

/* So many settings, 17 in each layer: the organisation, then cases that all apply. */
static void by_rules(struct str body)
{
    static const int layers[] = {1, 2, 4, 8, 12};
    (void)printf("\nlayers of 17 rules, lists of 100\n"
                 "| settings asked | us a verdict | of it rules |\n|---:|---:|---:|\n");
    for (size_t i = 0; i < COUNT_OF(layers); i++) {
        struct arena arena;
        struct buf text;
        arena_init(&arena, ARENA_BYTES);
        buf_init(&text, 64UL << 20);
        buf_format(&text, "revision: r\nteams: {billing: }\norganisation:\n");
        write_rules(&text, "  ", 100);
        buf_format(&text, layers[i] > 1 ? "  cases:\n" : "");
        for (int k = 1; k < layers[i]; k++) {
            buf_format(&text,
                       "    - name: case %d\n      applies_to: {timezones: [Asia/Kolkata]}\n", k);
            write_rules(&text, "      ", 100);
        }
        const struct policy_set *set = compile(buf_str(&text), &arena);
        double all = time_judge(set, body, true), decode = time_judge(set, body, false);
        (void)printf("| %zu | %.2f | %.2f |\n", set->shared.count, all, all - decode);
        buf_release(&text);
        arena_release(&arena);
    }
}

/* One rule alone, and 200 cases of which none applies. */
static void by_cases(struct str body)
{
    static const int cases[] = {0, 50, 200};
    (void)printf("\none rule in force, and cases that do not apply\n"
                 "| cases | us a verdict | of it rules |\n|---:|---:|---:|\n");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena;
        struct buf text;
        arena_init(&arena, ARENA_BYTES);
        buf_init(&text, 64UL << 20);
        buf_format(&text, "revision: r\nteams: {billing: }\norganisation:\n  priority_cap: 5\n");
        buf_format(&text, cases[i] ? "  cases:\n" : "");
        for (int k = 0; k < cases[i]; k++)
            buf_format(&text,
                       "    - {name: c%d, applies_to: {contact_lists: ['*US-%d*']}, "
                       "priority_cap: 1}\n",
                       k, k);
        const struct policy_set *set = compile(buf_str(&text), &arena);
        double all = time_judge(set, body, true), decode = time_judge(set, body, false);
        (void)printf("| %d | %.2f | %.2f |\n", cases[i], all, all - decode);
        buf_release(&text);
        arena_release(&arena);
    }
}

static void by_teams(void)
{
    static const int teams[] = {100, 1000, 10000};
    (void)printf("\nteams with a caller ID, hours, templates and a name pattern of their own\n"
                 "| teams | YAML, MB | load, ms | memory, MB |\n|---:|---:|---:|---:|\n");
    for (size_t i = 0; i < COUNT_OF(teams); i++) {
        struct arena arena;
        struct buf text;
        arena_init(&arena, ARENA_BYTES);
        buf_init(&text, 64UL << 20);
        buf_format(&text, "revision: r\norganisation: {timezones: [Asia/Kolkata]}\nteams:\n");
        for (int k = 0; k < teams[i]; k++)
            buf_format(&text,
                       "  team-%d:\n    caller_ids: [\"+4915%08d\"]\n    name_pattern: \"^T%d-\"\n"
                       "    business_hours: {Asia/Kolkata: {MO-FR: 9:00 AM - 6:00 PM}}\n"
                       "    templates: {Welcome %d: {class: service, text: \"Dear {name}\", slots: "
                       "{name: }}}\n",
                       k, k, k, k);
        int64_t before_us = clock_mono_us();
        (void)compile(buf_str(&text), &arena);
        (void)printf("| %d | %.1f | %.0f | %.1f |\n", teams[i], (double)text.len / 1e6,
                     (double)(clock_mono_us() - before_us) / 1000, (double)arena.used_bytes / 1e6);
        buf_release(&text);
        arena_release(&arena);
    }
}

int main(int argc, char **argv)
{
    struct arena arena;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: policy_bench CAMPAIGN.json\n");
        return 2;
    }
    arena_init(&arena, LIMIT_ARENA_BYTES);
    struct str body = read_file(argv[1], &arena);
    by_entries(body);
    by_rules(body);
    by_cases(body);
    by_teams();
    arena_release(&arena);
    return 0;
}
