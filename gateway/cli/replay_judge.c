#include "cli/replay_judge.h"

#include "base/limits.h"
#include "cli/trial.h"

/* ---- what is no matter of policy ---- */

static bool is_of_tenant(const struct recorded_violation *violation)
{
    return str_equal(violation->code, str_from(violation_code_text(VIOLATION_TENANT_MISMATCH)));
}

/* Whether all that refused are rules of a policy, rather than quotas or the like. */
static bool was_refused_by_rules(const struct recorded_decision *decision)
{
    enum policy_rule rule;
    bool any = false;
    for (size_t i = 0; i < decision->violation_count; i++) {
        const struct recorded_violation *each = &decision->violations[i];
        if (each->effect != EFFECT_ENFORCED)
            continue;
        if (!policy_rule_parse(each->rule, &rule))
            return false;
        any = true;
    }
    return any;
}

static bool was_refused_for_tenant(const struct recorded_decision *decision)
{
    for (size_t i = 0; i < decision->violation_count; i++) {
        if (is_of_tenant(&decision->violations[i]))
            return true;
    }
    return false;
}

/* True when no policy can change the decision; *ret then says what it is. */
static bool is_settled(const struct recorded_decision *decision, struct replayed *ret)
{
    bool by_contract = decision->status == 422 && str_equal(decision->type, STR("contract"));
    bool by_policy = decision->status == 403 && str_equal(decision->type, STR("policy"));
    ret->result = REPLAY_NOT_POLICY;
    if (!decision->has_campaign)
        return true;
    if (decision->allowed)
        return false;
    if (by_contract || (by_policy && was_refused_for_tenant(decision))) {
        ret->result = REPLAY_STILL_DENIED;
        ret->is_fixed = true;
        return true;
    }
    return !by_policy || !was_refused_by_rules(decision);
}

/* ---- the verdict ---- */

static enum replay_result compared(const struct recorded_decision *decision, bool allowed)
{
    if (decision->allowed)
        return allowed ? REPLAY_STILL_ALLOWED : REPLAY_NEWLY_DENIED;
    return allowed ? REPLAY_NEWLY_ALLOWED : REPLAY_STILL_DENIED;
}

/* A list that is cut for want of memory says nothing. */
static bool is_out_of_memory(const struct violations *violations)
{
    return violations->truncated && violations->count < LIMIT_VIOLATIONS;
}

static void conclude(const struct recorded_decision *decision, struct replayed *ret)
{
    if (is_out_of_memory(ret->violations)) {
        ret->result = REPLAY_UNTOLD;
        ret->reason = "there is no memory to judge it";
    } else if (violations_clean(ret->violations) && ret->gap_count) {
        ret->result = REPLAY_UNTOLD;
    } else {
        ret->result = compared(decision, violations_clean(ret->violations));
    }
}

/* ---- by the whole body ---- */

static bool judge_whole(const struct replay *replay, const struct policy_team *team,
                        const struct recorded_decision *decision, struct arena *arena,
                        struct replayed *ret)
{
    struct trial_question question = {.contract = replay->contract,
                                      .policy = replay->candidate,
                                      .team = team,
                                      .now_unix_ms = decision->time_unix_ms};
    struct trial *trial = arena_zalloc(arena, 1, sizeof(*trial));
    if (!trial || !replay->bodies.open || decision->capture.len == 0 ||
        !replay->bodies.open(replay->bodies.context, decision, arena, &question.body))
        return false;
    trial_run(&question, arena, trial);
    /* the body of another campaign, put in its place */
    if (!trial->decoded || !str_equal(str_from(trial->message_sha256), decision->message_sha256))
        return false;
    ret->is_whole = true;
    ret->violations = &trial->violations;
    conclude(decision, ret);
    return true;
}

/* ---- by what is known ---- */

/* What becomes of the candidate's settings. */
struct asking {
    const struct replay *replay;
    struct recorded_decision *decision;
    struct arena *arena;
    const struct policy_team *team;
    struct policy_context context;
    struct policy_gaps gaps;
    struct violations violations;
    struct policy_findings findings;
    struct replay_gap *found;
    size_t found_count, found_capacity;
};

static void note_gap(void *context, const struct policy_setting *setting, enum policy_answer answer,
                     struct str why, const struct violation *violations, size_t count)
{
    struct asking *asking = context;
    (void)violations, (void)count;
    if ((answer == ANSWER_UNKNOWN || answer == ANSWER_UNBOUND) &&
        asking->found_count < asking->found_capacity)
        asking->found[asking->found_count++] = (struct replay_gap){setting, why};
}

static void ask(struct asking *asking)
{
    const struct policy_trace trace = {asking, note_gap};
    asking->found_count = 0;
    asking->findings = (struct policy_findings){0};
    violations_init(&asking->violations, asking->arena);
    policy_check(asking->replay->candidate, asking->team, &asking->decision->campaign,
                 &asking->context, &asking->violations, &asking->findings, &trace);
}

static bool is_open(const struct asking *asking)
{
    return asking->found_count > 0 && violations_clean(&asking->violations);
}

static const struct policy_set *old_policy(const struct replay *replay, struct str digest)
{
    for (size_t i = 0; i < replay->old_count; i++) {
        if (str_equal(digest, str_from(replay->old[i]->digest)))
            return replay->old[i];
    }
    return NULL;
}

/* Once more, with what the policy that decided is known to have said. */
static void ask_with_recall(struct replay *replay, struct asking *asking,
                            const struct policy_set *old)
{
    if (!recall_decision(&replay->recall, old, asking->decision, &asking->context,
                         asking->findings.class, asking->arena))
        return;
    asking->gaps.recall = recall_setting;
    asking->gaps.context = &replay->recall;
    ask(asking);
}

static void judge_known(struct replay *replay, const struct policy_team *team,
                        struct recorded_decision *decision, struct arena *arena,
                        struct replayed *ret)
{
    struct asking *asking = arena_zalloc(arena, 1, sizeof(*asking));
    size_t settings = replay->candidate->shared.count + team->settings.count;
    if (!asking || !(asking->found = arena_zalloc(arena, settings, sizeof(*asking->found)))) {
        ret->result = REPLAY_UNTOLD;
        ret->reason = "there is no memory to judge it";
        return;
    }
    asking->replay = replay;
    asking->decision = decision;
    asking->arena = arena;
    asking->team = team;
    asking->found_capacity = settings;
    memcpy(asking->gaps.parts, decision->gaps, sizeof(decision->gaps));
    asking->gaps.lists = decision->list_gaps;
    asking->context = (struct policy_context){.now_unix_ms = decision->time_unix_ms,
                                              .message_sha256 = decision->message_sha256,
                                              .reading = &decision->reading,
                                              .gaps = &asking->gaps};
    ask(asking);
    const struct policy_set *old = old_policy(replay, decision->digest);
    if (is_open(asking) && old)
        ask_with_recall(replay, asking, old);
    ret->lacks_old = is_open(asking) && !old;
    /* what cannot be asked again was asked once: by this very policy, at this moment */
    if (is_open(asking) && old == replay->candidate) {
        ret->result = compared(decision, decision->allowed);
        return;
    }
    ret->violations = &asking->violations;
    ret->gaps = asking->found;
    ret->gap_count = asking->found_count;
    conclude(decision, ret);
}

/* ---- all of it ---- */

/* Why the candidate cannot even be asked; NULL: it can. */
static const char *find_obstacle(const struct recorded_decision *decision)
{
    if (decision->gaps[PART_TEMPLATE] == GAP_UNKNOWN) /* its class decides much */
        return "the record holds a hash of a part of the template's name";
    return decision->lacks;
}

void replay_judge(struct replay *replay, struct recorded_decision *decision, struct arena *arena,
                  struct replayed *ret)
{
    *ret = (struct replayed){0};
    if (is_settled(decision, ret))
        return;
    const struct policy_team *team = policy_team(replay->candidate, decision->team);
    if (!team) {
        ret->result = compared(decision, false);
        ret->reason = "the policy does not know the team";
        return;
    }
    if (judge_whole(replay, team, decision, arena, ret))
        return;
    hidden_names_resolve(replay->names, decision);
    const char *obstacle = find_obstacle(decision);
    if (!obstacle) {
        judge_known(replay, team, decision, arena, ret);
    } else if (old_policy(replay, decision->digest) == replay->candidate) {
        ret->result = compared(decision, decision->allowed);
    } else {
        ret->result = REPLAY_UNTOLD;
        ret->reason = obstacle;
    }
}
