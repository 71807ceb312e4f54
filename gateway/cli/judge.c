/*
 *     options -> config? -> policy (and candidate) -> team, time, body -> trial -> report
 *
 * Certificates, keys and the journal are not needed, so that a policy's author can ask on any
 * machine.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/judge_report.h"
#include "cli/policies.h"
#include "cli/print.h"
#include "policy_files.h"

static const char help[] =
    "usage: campaign-gateway judge [OPTION...] CAMPAIGN.json\n"
    "\n"
    "Says what would happen to a campaign, and why: the verdict, every violation, and what became\n"
    "of every rule in every layer. Offline: nothing is sent, nothing is recorded, and neither\n"
    "certificates nor a running gateway are needed. CAMPAIGN.json is the body as an application\n"
    "would send it; - reads it from standard input.\n"
    "\n"
    "  -c, --config FILE    take policies, team, sender IDs and candidate from this configuration\n"
    "      --policy PATH    judge by this policy, a file or a directory, instead of the\n"
    "                       configuration's; may be repeated\n"
    "      --as-of-policy PATH\n"
    "                       the same, by another name: \"what would last week's policy say?\"\n"
    "      --team NAME      whose campaign it is; not needed when the configuration says so or\n"
    "                       the policy has one team\n"
    "      --at TIME        judge at this moment, such as 2026-11-24T10:00:00+05:30; now "
    "otherwise\n"
    "      --sender-id ID   a caller ID to accept though it is no number; may be repeated\n"
    "      --format FORMAT  text (for people) or json\n"
    "\n"
    "exit codes\n"
    "  0  the campaign would be forwarded\n"
    "  1  it would be refused\n"
    "  2  the command line, the configuration, the policy or the file is wrong\n"
    "\n"
    "example\n"
    "  campaign-gateway judge --policy policies/example --team billing \\\n"
    "      --at 2026-11-24T10:00:00+05:30 deploy/examples/campaign.json\n";

struct judge {
    struct arena arena;   /* policies, and what the options become */
    struct arena request; /* of the trial, limited as in the gateway */
    struct arena second;  /* of the candidate's */
    struct problems problems;
    struct error err;

    const char *config_path, *team_name, *at;
    struct argument_list policies, sender_ids, campaign;
    size_t format;

    struct config *config; /* NULL: none was given */
    const struct policy_set *candidate;
    struct trial_question question;
};

enum { FORMAT_TEXT, FORMAT_JSON };

static bool read_options(struct judge *j, int argc, char **argv, int *exit_code)
{
    const struct argument_option options[] = {
        {.name = "config", .letter = 'c', .value = "FILE", .text = &j->config_path},
        {.name = "policy", .value = "PATH", .list = &j->policies},
        {.name = "as-of-policy", .value = "PATH", .list = &j->policies},
        {.name = "team", .value = "NAME", .text = &j->team_name},
        {.name = "at", .value = "TIME", .text = &j->at},
        {.name = "sender-id", .value = "ID", .list = &j->sender_ids},
        {.name = "format", .value = "text|json", .choice = &j->format},
    };
    const struct arguments spec = {.help = help,
                                   .options = options,
                                   .option_count = COUNT_OF(options),
                                   .rest = &j->campaign,
                                   .rest_name = "CAMPAIGN.json",
                                   .least = 1,
                                   .most = 1};
    return arguments_read(&spec, argc, argv, exit_code);
}

/* ---- policies ---- */

static bool load_policies(struct judge *j)
{
    const struct config *config = j->config;
    if (!config && j->policies.count == 0)
        return error_set(&j->err, "campaign-gateway judge: --config FILE or --policy PATH is "
                                  "missing; try --help");
    if (config && j->policies.count == 0 && config->candidate_count) {
        j->candidate =
            policy_load(config->candidates, config->candidate_count, &j->arena, NULL, &j->problems);
        if (!j->candidate)
            return false;
    }
    j->question.policy =
        j->policies.count
            ? policies_load(j->policies.items, j->policies.count, &j->arena, &j->problems)
            : policy_load(config->policies, config->policy_count, &j->arena, NULL, &j->problems);
    return j->question.policy != NULL;
}

/* ---- the rest of the question ---- */

static bool find_team(struct judge *j)
{
    struct str name = str_from(j->team_name);
    struct error why;
    if (!j->team_name && j->config)
        name = j->config->team.value;
    j->question.team = trial_team(j->question.policy, name, &j->arena, &why);
    return j->question.team || error_set(&j->err, "campaign-gateway judge: --team: %s", why.text);
}

static bool find_time(struct judge *j)
{
    j->question.now_unix_ms = clock_unix_ms();
    return !j->at || clock_parse_utc(str_from(j->at), &j->question.now_unix_ms) ||
           error_set(&j->err,
                     "campaign-gateway judge: --at: '%s' is not a time, such as "
                     "2026-11-24T10:00:00+05:30 or 2026-11-24T04:30:00Z",
                     j->at);
}

/* The configuration's sender IDs and those of the command line. */
static bool set_contract(struct judge *j)
{
    const struct config *config = j->config;
    size_t configured = config ? config->sender_id_count : 0;
    struct str *ids = arena_zalloc(&j->arena, configured + j->sender_ids.count + 1, sizeof(*ids));
    if (!ids)
        return error_set(&j->err, "out of memory");
    for (size_t i = 0; i < configured; i++)
        ids[i] = config->sender_ids[i];
    for (size_t i = 0; i < j->sender_ids.count; i++)
        ids[configured + i] = str_from(j->sender_ids.items[i]);
    j->question.contract = (struct decode_options){ids, configured + j->sender_ids.count,
                                                   config && config->allow_unknown_fields,
                                                   config ? config->midnight : MIDNIGHT_REJECT};
    return true;
}

/* A larger one the gateway would not read either; it would answer 413. */
static size_t most_bytes(const struct judge *j)
{
    return j->config ? (size_t)j->config->framing.body_bytes : LIMIT_BODY_BYTES;
}

static bool read_standard_input(struct judge *j)
{
    struct buf body;
    char piece[65536];
    ssize_t got;
    buf_init(&body, most_bytes(j));
    while ((got = read(STDIN_FILENO, piece, sizeof(piece))) > 0)
        buf_append(&body, (struct str){piece, (size_t)got});
    bool fine = got == 0 && !body.failed;
    if (fine)
        j->question.body = arena_copy(&j->arena, buf_str(&body));
    else if (got < 0)
        error_set(&j->err, "cannot read standard input: %s", strerrordesc_np(errno));
    else
        error_set(&j->err, "standard input holds more than %zu bytes", most_bytes(j));
    buf_release(&body);
    return fine;
}

static bool read_body(struct judge *j)
{
    const char *path = j->campaign.items[0];
    return strcmp(path, "-") == 0
               ? read_standard_input(j)
               : config_read_file(path, most_bytes(j), &j->arena, &j->question.body, &j->err);
}

static bool prepare(struct judge *j)
{
    if (j->config_path && !(j->config = config_load(j->config_path, &j->problems)))
        return false;
    return load_policies(j) && find_team(j) && find_time(j) && set_contract(j) && read_body(j);
}

/* ---- the answer ---- */

/* As in the gateway: what breaks the contract is refused under any policy. */
static bool asks_candidate(const struct judge *j, const struct trial *trial)
{
    return j->candidate && trial->decoded && !violations_break_contract(&trial->violations);
}

static int judge(struct judge *j)
{
    struct trial trial, second;
    struct buf out;
    struct judgement judgement = {.question = &j->question, .trial = &trial};
    struct trial_question question = j->question;
    trial_run(&j->question, &j->request, &trial);
    if (asks_candidate(j, &trial)) {
        judgement.candidate = question.policy = j->candidate;
        question.team = policy_team(j->candidate, j->question.team->name);
        if (question.team) {
            trial_run(&question, &j->second, &second);
            judgement.candidate_trial = &second;
        }
    }
    buf_init(&out, LIMIT_REPORT_BYTES);
    if (j->format == FORMAT_JSON)
        judge_report_json(&judgement, &out);
    else
        judge_report_text(&judgement, &out);
    if (!print_answer(&out))
        return EXIT_USAGE;
    return trial_status(&trial) == 200 ? EXIT_FINE : EXIT_FINDINGS;
}

int cli_judge(int argc, char **argv)
{
    static struct judge j; /* large: its lists of arguments */
    int exit_code;
    if (!read_options(&j, argc, argv, &exit_code))
        return exit_code;
    arena_init(&j.arena, LIMIT_POLICY_ARENA_BYTES);
    arena_init(&j.request, LIMIT_ARENA_BYTES);
    arena_init(&j.second, LIMIT_ARENA_BYTES);
    problems_init(&j.problems);
    if (prepare(&j)) {
        exit_code = judge(&j);
    } else {
        (void)problems_add(&j.problems, &j.err);
        print_problems(&j.problems);
        exit_code = EXIT_USAGE;
    }
    problems_release(&j.problems);
    arena_release(&j.second);
    arena_release(&j.request);
    arena_release(&j.arena);
    config_free(j.config);
    return exit_code;
}
