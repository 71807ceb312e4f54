#include "cli/trial.h"

#include "audit/digest.h"
#include "base/limits.h"
#include "http/refusal.h"

#define TEAMS_LISTED 10 /* in a sentence */

/* ---- running ---- */

/* There is a row for every setting, so the room is known. */
static void note(void *context, const struct policy_setting *setting, enum policy_answer answer,
                 struct str why, const struct violation *violations, size_t count)
{
    struct trial *trial = context;
    struct violation *copy = arena_zalloc(trial->violations.arena, count, sizeof(*copy));
    if (trial->row_count == trial->row_capacity || !copy) {
        violations_lose(&trial->violations);
        return;
    }
    if (count)
        memcpy(copy, violations, count * sizeof(*copy));
    trial->rows[trial->row_count++] = (struct trial_row){setting, answer, why, copy, count};
}

static void ask_policy(const struct trial_question *question, struct trial *trial)
{
    struct policy_context context = {.now_unix_ms = question->now_unix_ms};
    const struct policy_trace trace = {trial, note};
    struct str message = trial->campaign.message;
    if (message.len > 0 && !digest_hex(message, trial->message_sha256))
        violations_lose(&trial->violations);
    context.message_sha256 = str_from(trial->message_sha256);
    policy_check(question->policy, question->team, &trial->campaign, &context, &trial->violations,
                 &trial->findings, &trace);
}

void trial_run(const struct trial_question *question, struct arena *arena, struct trial *ret)
{
    *ret = (struct trial){.decoded = false};
    violations_init(&ret->violations, arena);
    ret->row_capacity = question->policy->shared.count + question->team->settings.count;
    ret->rows = arena_zalloc(arena, ret->row_capacity, sizeof(*ret->rows));
    if (!ret->rows)
        ret->row_capacity = 0;
    ret->decoded = campaign_decode(question->body, &question->contract, arena, &ret->campaign,
                                   &ret->violations, &ret->fault) == DECODE_DONE;
    if (ret->decoded)
        ask_policy(question, ret);
}

/* ---- what it means ---- */

int trial_status(const struct trial *trial)
{
    enum refusal_kind kind = refusal_of_violations(&trial->violations);
    if (!trial->decoded)
        kind = trial->fault.kind == JSON_MEMORY ? REFUSAL_NO_MEMORY : REFUSAL_NOT_JSON;
    return kind == REFUSAL_NONE ? 200 : refusal_of(kind).status;
}

/* ---- teams ---- */

static struct str team_names(const struct policy_set *policy, struct arena *arena)
{
    struct str names = STR("");
    size_t count = policy->teams.count;
    for (size_t i = 0; i < count && i < TEAMS_LISTED; i++)
        names = arena_format(arena, "%.*s%s%.*s", STR_ARGS(names), i ? ", " : "",
                             STR_ARGS(policy->team_list[i].name));
    if (count > TEAMS_LISTED)
        names = arena_format(arena, "%.*s and %zu more", STR_ARGS(names), count - TEAMS_LISTED);
    return names;
}

const struct policy_team *trial_team(const struct policy_set *policy, struct str name,
                                     struct arena *arena, struct error *err)
{
    const struct policy_team *team = policy_team(policy, name);
    struct str names = team_names(policy, arena);
    if (name.len == 0 && policy->teams.count == 1)
        return &policy->team_list[0];
    if (team)
        return team;
    if (policy->teams.count == 0)
        error_set(err, "the policy has no teams; name one under 'teams', even if without rules of "
                       "its own");
    else if (name.len == 0)
        error_set(err, "the policy has several teams; choose one of %.*s", STR_ARGS(names));
    else
        error_set(err, "the policy knows no team '%.*s'; its teams are %.*s", SHOW_ARGS(name),
                  STR_ARGS(names));
    return NULL;
}
