/*
 *     options -> policies, keys, journal
 *     journal --reader.h--> decision after decision --replay_judge--> tally -> report
 */
#include <stdio.h>
#include <sys/stat.h>

#include "audit/reader.h"
#include "base/clock.h"
#include "base/limits.h"
#include "cli/arguments.h"
#include "cli/audit_place.h"
#include "cli/captured_bodies.h"
#include "cli/cli.h"
#include "cli/moment.h"
#include "cli/policies.h"
#include "cli/print.h"
#include "cli/replay_report.h"

static const char help[] =
    "usage: campaign-gateway replay --policy PATH [OPTION...]\n"
    "\n"
    "Says what another policy would have done with the campaigns of the past: which would now be\n"
    "denied, which allowed, by team and by rule, with examples. Every recorded decision is judged\n"
    "again, at its own time and for its own team. Nothing is sent or recorded.\n"
    "\n"
    "A record holds no message and no description. Where the policy asks for what it does not "
    "hold,\n"
    "the answer is \"could not be told\", unless it follows from what is known: from what the "
    "policy\n"
    "that decided then said, or from the whole body, if it was kept.\n"
    "\n"
    "      --policy PATH     the policy to try, a file or a directory; may be "
    "repeated\n" AUDIT_PLACE_HELP "      --since TIME      only decisions from this moment on, "
    "such as 2026-11-24T10:00:00+05:30\n"
    "                        or 2026-11-24, which begins in UTC\n"
    "      --until TIME      only decisions before this moment\n"
    "      --team NAME       only this team's\n"
    "      --recorded-policy PATH\n"
    "                        a policy that decided then; may be repeated, each is one policy. The\n"
    "                        configuration's own is known without\n"
    "      --keys-directory DIR\n"
    "                        the keys of hidden numbers; otherwise the configuration's, or those "
    "in\n"
    "                        the journal's directory\n"
    "      --capture-key FILE\n"
    "                        the auditor's private key (PEM): opens whole bodies that were kept,\n"
    "                        and judges them in full, by the configuration's contract\n"
    "      --examples N      examples of each kind; 5 otherwise, at most 1000\n"
    "      --format FORMAT   text (for people) or json\n"
    "\n"
    "exit codes\n"
    "  0  nothing would have been decided otherwise\n"
    "  1  something would, or could not be told\n"
    "  2  the command line, a policy or the journal is wrong\n"
    "\n"
    "example\n"
    "  campaign-gateway replay --policy policies/example \\\n"
    "      --config /etc/campaign-gateway/gateway.yaml --since 2026-11-01\n";

#define LIMIT_EXAMPLES 1000
#define EXAMPLES_SHOWN 5
/* A whole body takes twice its bytes sealed and open, and then as much as a request. */
#define DECISION_ARENA_BYTES (2 * LIMIT_ARENA_BYTES)
#define TALLY_ARENA_BYTES (256UL << 20) /* full tables take a tenth of it */

enum { FORMAT_TEXT, FORMAT_JSON };

struct replaying {
    struct audit_place place;
    struct argument_list policies, recorded;
    const char *since_text, *until_text, *team, *hash_keys, *capture_key, *examples_text;
    size_t format;

    struct arena arena;    /* policies, names, what is worked out about them */
    struct arena decision; /* of one decision after the other */
    struct arena counts;   /* of the tally */
    struct problems problems;
    struct error err;

    int64_t since_unix_ms, until_unix_ms;
    uint64_t examples;
    const struct policy_set *known[LIMIT_ARGUMENTS + 2]; /* the candidate first */
    size_t known_count;
    struct capture_key *key;
    struct captured_bodies bodies;
    struct replay replay;
    struct tally tally;
};

/* ---- options ---- */

static bool read_options(struct replaying *r, int argc, char **argv, int *exit_code)
{
    const struct argument_option options[] = {
        {.name = "policy", .value = "PATH", .list = &r->policies, .required = true},
        AUDIT_PLACE_OPTIONS(&r->place),
        {.name = "since", .value = "TIME", .text = &r->since_text},
        {.name = "until", .value = "TIME", .text = &r->until_text},
        {.name = "team", .value = "NAME", .text = &r->team},
        {.name = "recorded-policy", .value = "PATH", .list = &r->recorded},
        {.name = "keys-directory", .value = "DIR", .text = &r->hash_keys},
        {.name = "capture-key", .value = "FILE", .text = &r->capture_key},
        {.name = "examples", .value = "N", .text = &r->examples_text},
        {.name = "format", .value = "text|json", .choice = &r->format},
    };
    const struct arguments spec = {
        .help = help, .options = options, .option_count = COUNT_OF(options)};
    return arguments_read(&spec, argc, argv, exit_code);
}

static bool read_times(struct replaying *r)
{
    int64_t now_unix_ms = clock_unix_ms();
    struct error why;
    r->since_unix_ms = INT64_MIN;
    r->until_unix_ms = INT64_MAX;
    return (moment_read("since", r->since_text, now_unix_ms, &r->since_unix_ms, &why) &&
            moment_read_end("until", r->until_text, now_unix_ms, &r->until_unix_ms, &why)) ||
           error_set(&r->err, "campaign-gateway replay: %s", why.text);
}

static bool read_values(struct replaying *r)
{
    r->examples = EXAMPLES_SHOWN;
    if (r->examples_text &&
        (!str_to_u64(str_from(r->examples_text), &r->examples) || r->examples > LIMIT_EXAMPLES))
        return error_set(&r->err, "campaign-gateway replay: --examples: '%s' is no number up to %d",
                         r->examples_text, LIMIT_EXAMPLES);
    if (r->capture_key && !r->place.config_path)
        return error_set(&r->err, "campaign-gateway replay: --capture-key needs --config FILE too, "
                                  "which says what the contract accepts");
    return read_times(r);
}

/* ---- policies ---- */

static bool load_policy(struct replaying *r, const char *const *paths, size_t count)
{
    const struct policy_set *policy = policies_load(paths, count, &r->arena, &r->problems);
    if (policy)
        r->known[r->known_count++] = policy;
    return policy != NULL;
}

/* What is in force decided most likely. It need not be fit to run for that. */
static void load_configured(struct replaying *r)
{
    const struct config *config = r->place.config;
    struct problems ignored;
    if (!config)
        return;
    problems_init(&ignored);
    const struct policy_set *policy =
        policy_load(config->policies, config->policy_count, &r->arena, NULL, &ignored);
    if (policy)
        r->known[r->known_count++] = policy;
    problems_release(&ignored);
}

static bool load_policies(struct replaying *r)
{
    bool fine = load_policy(r, r->policies.items, r->policies.count);
    for (size_t i = 0; i < r->recorded.count; i++)
        fine = load_policy(r, &r->recorded.items[i], 1) && fine;
    load_configured(r);
    r->replay.candidate = r->known[0];
    r->replay.old = r->known;
    r->replay.old_count = r->known_count;
    return fine;
}

/* ---- keys ---- */

static const char *key_directory(struct replaying *r)
{
    const struct audit_place *place = &r->place;
    if (r->hash_keys)
        return r->hash_keys;
    if (place->config)
        return place->config->audit.hash_keys.value.data;
    return arena_format(&r->arena, "%s/hash-keys", place->directories[0]).data;
}

/* Without the directory numbers would only not be told; who names one should hear of it. */
static bool check_keys(struct replaying *r)
{
    struct stat info;
    return !r->hash_keys || (stat(r->hash_keys, &info) == 0 && S_ISDIR(info.st_mode)) ||
           error_set(&r->err, "campaign-gateway replay: --keys-directory: '%s' is no directory",
                     r->hash_keys);
}

static bool prepare_names(struct replaying *r)
{
    if (!check_keys(r))
        return false;
    r->replay.names = hidden_names_of(r->known, r->known_count, key_directory(r), &r->arena);
    recall_init(&r->replay.recall, &r->arena);
    return r->replay.names || error_set(&r->err, "out of memory");
}

static bool prepare_bodies(struct replaying *r)
{
    const struct config *config = r->place.config;
    if (!r->capture_key)
        return true;
    r->key = capture_key_load(r->capture_key, &r->err);
    r->bodies = (struct captured_bodies){r->key, r->place.directories, r->place.directory_count};
    r->replay.bodies = (struct replay_bodies){captured_body_open, &r->bodies};
    r->replay.contract = (struct decode_options){config->sender_ids, config->sender_id_count,
                                                 config->allow_unknown_fields, config->midnight};
    return r->key != NULL;
}

/* ---- the walk ---- */

static bool is_asked_for(const struct replaying *r, const struct recorded_decision *decision)
{
    return decision->time_unix_ms >= r->since_unix_ms &&
           decision->time_unix_ms < r->until_unix_ms &&
           (!r->team || str_equal(decision->team, str_from(r->team)));
}

static void replay_record(struct replaying *r, const struct reader_record *record)
{
    struct recorded_decision decision;
    struct replayed replayed;
    struct error why;
    arena_reset(&r->decision);
    switch (recorded_read(record->json, &r->decision, &decision, &why)) {
    case RECORDED_OTHER:
        break;
    case RECORDED_WRONG:
        tally_add_wrong(&r->tally, record->head.seq, why.text, &r->decision);
        break;
    case RECORDED_DECISION:
        if (!is_asked_for(r, &decision))
            break;
        replay_judge(&r->replay, &decision, &r->decision, &replayed);
        tally_add(&r->tally, &decision, &replayed, &r->decision);
        break;
    }
}

static bool walk(struct replaying *r)
{
    const struct reader_options options = {.directories = r->place.directories,
                                           .directory_count = r->place.directory_count,
                                           .durable_only = true};
    struct reader *reader = reader_open(&options, &r->err);
    struct reader_record record;
    enum reader_result result = READER_FAILED;
    while (reader && (result = reader_next(reader, &record, &r->err)) == READER_RECORD)
        replay_record(r, &record);
    reader_close(reader);
    return result == READER_END &&
           (!r->tally.failed || error_set(&r->err, "out of memory while counting"));
}

/* ---- the answer ---- */

static bool prepare(struct replaying *r)
{
    tally_init(&r->tally, &r->counts, r->examples);
    return load_policies(r) && prepare_names(r) && prepare_bodies(r) && walk(r);
}

static int answer(struct replaying *r)
{
    struct buf out;
    const struct replay_report report = {r->replay.candidate, &r->tally, &r->counts};
    buf_init(&out, LIMIT_REPORT_BYTES);
    if (r->format == FORMAT_JSON)
        replay_report_json(&report, &out);
    else
        replay_report_text(&report, &out);
    if (!print_answer(&out))
        return EXIT_USAGE;
    return replay_differences(&r->tally) ? EXIT_FINDINGS : EXIT_FINE;
}

static int replay(struct replaying *r)
{
    if (!read_values(r) || !audit_place_resolve(&r->place, "replay")) {
        if (r->err.text[0])
            (void)fprintf(stderr, "%s\n", r->err.text);
        return EXIT_USAGE;
    }
    if (prepare(r))
        return answer(r);
    if (r->err.text[0])
        (void)problems_add(&r->problems, &r->err);
    print_problems(&r->problems);
    return EXIT_USAGE;
}

int cli_replay(int argc, char **argv)
{
    static struct replaying r; /* large: its lists of arguments */
    int exit_code;
    if (!read_options(&r, argc, argv, &exit_code))
        return exit_code;
    arena_init(&r.arena, LIMIT_POLICY_ARENA_BYTES);
    arena_init(&r.decision, DECISION_ARENA_BYTES);
    arena_init(&r.counts, TALLY_ARENA_BYTES);
    problems_init(&r.problems);
    exit_code = replay(&r);
    problems_release(&r.problems);
    arena_release(&r.counts);
    arena_release(&r.decision);
    arena_release(&r.arena);
    capture_key_free(r.key);
    audit_place_release(&r.place);
    return exit_code;
}
