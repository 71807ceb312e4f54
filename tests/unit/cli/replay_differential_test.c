/*
 * Replay against the truth: random policies judge random campaigns, the decisions are recorded, and
 * the records are replayed by random policies. Whatever replay claims to know must be what judging
 * the original body says; by the policy that decided nothing may change.
 *
 *     body --campaign_decode, policy_check--> record_decision --recorded_read--> replay_judge
 *       `------------------ trial_run by the other policy ------ the same? ----------'
 */
#include <unistd.h>

#include "audit/digest.h"
#include "audit/hash_keys.h"
#include "audit/record.h"
#include "base/limits.h"
#include "campaign/encoding.h"
#include "cli/replay_judge.h"
#include "cli/trial.h"
#include "http/refusal.h"
#include "policy_support.h"

/* ---- chance ---- */

static uint64_t chance;

static size_t below(size_t count)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(chance >> 33) % count;
}

static bool one_in(size_t count)
{
    return below(count) == 0;
}

#define PICK(list) ((list)[below(COUNT_OF(list))])

/* ---- random policies ---- */

/* Of each rule a few settings, so that two policies often share one or have one freer. */
static const char *const settings[] = {
    "caller_ids: ['+919561612345', ACME]",
    "caller_ids: ['+919561612345', '+14155550100', '+4915112345678', ACME, AD-5616123456]",
    "caller_ids: [{id: '+919561612345', classes: [service]}, ACME, '+14155550100']",
    "caller_ids: [{id: '+919561612345', timezones: [Asia/Kolkata]}, '+4915112345678']",
    "contact_lists: [All customers, 'BIL-*']",
    "contact_lists: [All customers, 'BIL-*', 'US-TX-9', 'List 4915112345678']",
    "contact_lists: [All customers, 'List 4915112345678', 'BIL-1', 'US-TX-9']",
    "contact_lists: [All customers, 'List +4915112345678', 'BIL-1']", /* hidden, it looks the same
                                                                       */
    "contact_lists: ['*']",
    "dnc_required: true",
    "dnc_lists: [National registry]",
    "dnc_lists: [National registry, 'DNC*']",
    "dnc_lists: [National registry, 'DNC 1234567890']",
    "priority_cap: 2",
    "priority_cap: 4",
    "name_pattern: '^BIL-'",
    "name_pattern: '^(BIL-|Promo|Sale)'",
    "name_pattern: '[0-9]{4}'",
    "description_pattern: '^[^0-9]*$'",
    "description_pattern: {pattern: 'bill|offer', hint: say what it is}",
    "timezones: [Asia/Kolkata, America/New_York]",
    "timezones: [Asia/Kolkata, America/New_York, Europe/London]",
    "frequencies: [WEEKLY]",
    "frequencies: [WEEKLY, DAILY]",
    "days: MO-FR",
    "days: MO-SU",
    "business_hours: {'*': {MO-SU: 8:00 AM - 9:00 PM}}",
    "business_hours: {'*': {MO-SU: 12:00 AM - 24:00}}",
    "business_hours: {Asia/Kolkata: {MO-FR: 9:00 AM - 6:00 PM}, '*': {MO-SU: 10:00 AM - 2:00 AM}}",
    "blocks: {shortest_minutes: 90}",
    "blocks: {shortest_minutes: 180, most_per_day: 2}",
    "blocks: {shortest_minutes: 90, most_hours_per_week: 20}",
    "blackout: [{name: Test day, on: 2026-11-25}]",
    "blackout: [{name: Christmas, on: 12-25, notice_days: 20}]",
    "scheduling_allowed: false",
    "templates: [Welcome, Promo]",
    "templates: {Welcome: {class: service, text: 'Dear {name}, your bill of {amount} is due.', "
    "slots: {name: , amount: {kind: digits, most: 8}}}, Promo: {class: promotional}, "
    "'T 9876543210': {class: transactional}}",
    "templates: {Welcome: {class: service, versions: [{text: 'Dear {name}, your bill of {amount} "
    "is "
    "due.', slots: {name: , amount: {kind: digits, most: 8}}, valid_to: 2026-11-25}, {text: 'Dear "
    "{x}', slots: {x: }, valid_from: 2026-11-26}]}, Promo: , OTP: {retired: true}}",
    "templates: {Welcome: {class: transactional, versions: [{sha256: SHA_OF_PLEASE}, {text: 'Dear "
    "Ann, your bill of 12 is due.'}]}, Promo: {class: service, language: hi}, OTP: , 'T "
    "9876543210': {versions: [{sha256: SHA_OF_PLEASE, valid_to: 2026-11-25}]}}",
    "banned_words: [loan, casino]",
    "banned_words: [loan, casino, easy money]",
    "banned_words: [casino]",
    "urls: [acme.com, '*.acme.com']",
    "urls: {hosts: [acme.com, '*.acme.com', evil.com], schemes: [https, http]}",
    "urls: none",
    "urls: {hosts: [acme.com, bit.ly], shorteners: true}",
    "opt_out: [reply STOP]",
    "opt_out: [reply STOP, ARRET]",
    "sender_identity: [Acme]",
    "sender_identity: [Acme, Evil Corp]",
    "markup: {placeholders: [First Name]}",
    "markup: {placeholders: [First Name, Address, Due Date]}",
    "markup: none",
    "segments: 1",
    "segments: 3",
    "segments: {most: 2, placeholder_characters: 20}",
    "segments: {most: 4, gsm_only: true, placeholder_characters: 40}",
    "segments: {gsm_only: true}",
};

static struct str rule_of(const char *setting)
{
    struct str name, rest;
    (void)str_cut(str_from(setting), ':', &name, &rest);
    return name;
}

/* Each of a layer's settings once; in a fifth of the layers some only report, or are off. */
static void put_settings(struct buf *out, const char *indent, size_t least, size_t most,
                         bool with_modes)
{
    bool has[POLICY_RULES] = {0};
    enum policy_rule rule;
    struct buf modes;
    buf_init(&modes, 10000);
    for (size_t i = least + below(most); i > 0; i--) {
        const char *setting = PICK(settings);
        assert_true(policy_rule_parse(rule_of(setting), &rule));
        if (has[rule])
            continue;
        has[rule] = true;
        buf_format(out, "%s%s\n", indent, setting);
        if (with_modes && one_in(5))
            buf_format(&modes, "%.*s: %s, ", STR_ARGS(rule_of(setting)),
                       one_in(3)   ? "off"
                       : one_in(2) ? "{mode: report, enforce_from: 2026-11-25}"
                                   : "report");
    }
    if (modes.len)
        buf_format(out, "%smodes: {%.*s}\n", indent, STR_ARGS(buf_str(&modes)));
    buf_release(&modes);
}

static void put_cases(struct buf *out, const char *indent, size_t count)
{
    static const char *const scopes[] = {
        "classes: [promotional]",
        "classes: [service, transactional], timezones: [Asia/Kolkata]",
        "languages: [hi]",
        "timezones: [Europe/London]",
        "caller_ids: ['+919561612345']",
        "caller_ids: ['+91*', ACME]",
        "contact_lists: ['US-*']",
        "contact_lists: ['List 4915112345678', 'BIL-1']",
        "other_contact_lists: ['BIL-*', 'List 4915112345678']",
        "other_contact_lists: ['BIL-1', 'Only 4915112345670']",
        "other_contact_lists: ['BIL-1', 'US-TX-9'], caller_ids: [ACME, '+14155550100']",
    };
    if (count)
        buf_format(out, "%scases:\n", indent);
    for (size_t i = 0; i < count; i++) {
        buf_format(out, "%s  - name: case %zu\n%s    applies_to: {%s}\n", indent, i, indent,
                   PICK(scopes));
        char deeper[32];
        (void)snprintf(deeper, sizeof(deeper), "%s    ", indent);
        put_settings(out, deeper, 1, 2, one_in(3));
    }
}

static void put_exceptions(struct buf *out)
{
    static const char *const rules[] = {"banned_words", "[caller_ids, contact_lists]",
                                        "urls",         "[business_hours, days, blocks]",
                                        "opt_out",      "templates"};
    static const char *const fits[] = {
        "",
        ", campaign: 'BIL-*'",
        ", campaign: 'Sale 49151999888'",
        ", caller_id: '+91*'",
        ", caller_id: '+919561612345', template: Welcome",
        ", template: 'T *'",
    };
    if (one_in(2))
        return;
    buf_format(out,
               "exceptions:\n  - {id: EX-1, team: %s, rule: %s%s, not_before: 2026-11-%d, expires: "
               "2026-11-28, approver: Ann, ticket: T-1}\n",
               one_in(2) ? "billing" : "'*'", PICK(rules), PICK(fits), one_in(2) ? 20 : 26);
}

static void write_policy(struct buf *out, size_t number)
{
    buf_format(out, "revision: r%zu\norganisation:\n", number);
    if (one_in(3))
        buf_format(out, "  message_class: %s\n", one_in(2) ? "service" : "promotional");
    if (one_in(25))
        buf_format(out, "  kill_switch: wait\n");
    if (one_in(4))
        buf_format(out, "  overridable: [banned_words, caller_ids, urls, opt_out]\n");
    if (one_in(6))
        buf_format(out, "  team_modes: {billing: report}\n");
    put_settings(out, "  ", 1, 4, one_in(3));
    put_cases(out, "  ", one_in(2) ? below(3) : 0);
    buf_format(out, "teams:\n  billing:\n");
    put_settings(out, "    ", 0, 3, one_in(3));
    put_cases(out, "    ", one_in(4) ? 1 : 0);
    if (!one_in(5))
        buf_format(out, "  marketing:\n");
    put_exceptions(out);
}

static struct buf with_digest_in(const struct buf *text)
{
    char sha[DIGEST_HEX_SIZE];
    struct buf out;
    struct str rest = buf_str(text), mark = STR("SHA_OF_PLEASE");
    buf_init(&out, 1 << 20);
    assert_true(digest_hex(STR("Please pay your bill."), sha));
    for (const char *at; (at = memmem(rest.data, rest.len, mark.data, mark.len));) {
        buf_append(&out, (struct str){rest.data, (size_t)(at - rest.data)});
        buf_append(&out, str_from(sha));
        rest = str_slice(rest, (size_t)(at - rest.data) + mark.len, rest.len);
    }
    buf_append(&out, rest);
    return out;
}

static struct policy_set *random_policy(struct arena *arena, size_t number)
{
    struct buf draft, text;
    struct problems problems;
    buf_init(&draft, 1 << 20);
    write_policy(&draft, number);
    text = with_digest_in(&draft);
    const struct policy_source source = {"p.yaml", arena_copy(arena, buf_str(&text))};
    problems_init(&problems);
    struct policy_set *set = policy_compile(&source, 1, NULL, arena, &problems);
    if (!set)
        fail_msg("%.*s\n%.*s", STR_ARGS(buf_str(&problems.lines)), STR_ARGS(source.text));
    assert_true(digest_hex(source.text, set->digest));
    problems_release(&problems);
    buf_release(&draft);
    buf_release(&text);
    return set;
}

/* ---- random campaigns ---- */

static struct str random_message(struct arena *arena)
{
    static const char *const whole[] = {"Please pay your bill.",
                                        "Dear Ann, your bill of 12 is due.", "Dear Ann"};
    static const char *const pieces[] = {
        "Dear <First Name>, ",
        "loan ",
        "casino! ",
        "Reply STOP ",
        "reply ",
        "easy, money ",
        "from Acme ",
        "acme.com/x ",
        "https://go.acme.com/t?u=1 ",
        "http://evil.com ",
        "bit.ly/a ",
        "http://10.0.0.1/ ",
        "https://u@acme.com/ ",
        "<b>now</b> ",
        "<Address> ",
        "<br/> ",
        "&nbsp;",
        "<Due Date> ",
        "it’s ",
        "€5 [a] ",
        "日本 ",
        "call +49151234567 ",
        "49151999888.acme.com ",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ",
    };
    if (one_in(4))
        return str_from(PICK(whole));
    struct str text = STR("Hi ");
    for (size_t i = below(8); i > 0; i--)
        text = arena_format(arena, "%.*s%s", STR_ARGS(text), PICK(pieces));
    size_t many = one_in(20) ? 30 + below(300) : 0;
    const char *again = one_in(2) ? "acme.com " : "<First Name> ";
    for (size_t i = 0; i < many; i++)
        text = arena_format(arena, "%.*s%s", STR_ARGS(text), again);
    return text;
}

static void put_blocks(struct buf *out)
{
    static const char *const days[] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};
    static const char *const hours[] = {
        "\"start\": \"9:00 AM\", \"end\": \"6:00 PM\"",
        "\"start\": \"10:00 AM\", \"end\": \"11:00 AM\"",
        "\"start\": \"7:00 AM\", \"end\": \"9:00 PM\"",
        "\"start\": \"11:00 PM\", \"end\": \"12:00 AM\"",
        "\"start\": \"11:00 PM\", \"end\": \"1:00 AM\"",
        "\"start\": \"12:00 AM\", \"end\": \"2:00 AM\"",
        "\"start\": \"12:00 PM\", \"end\": \"1:00 PM\"",
    };
    size_t day = below(7), count = 1 + below(3);
    for (size_t i = 0; i < count; i++)
        buf_format(out, "%s{\"day\": \"%s\", %s}", i ? ", " : "", days[(day + i) % 7], PICK(hours));
}

/* Now and then it breaks the contract. */
static struct str random_body(struct arena *arena)
{
    static const char *const names[] = {"BIL-2026-11", "Promo", "Sale 49151999888", "MKT-1"};
    static const char *const descriptions[] = {"the bill", "our offer", "number 12", "x"};
    static const char *const lists[] = {"\"All customers\"",
                                        "\"BIL-1\"",
                                        "\"US-TX-9\"",
                                        "\"List 4915112345678\"",
                                        "\"BIL-4915112345678\"",
                                        "\"Other 4915112345679\", \"BIL-1\"",
                                        "\"Only 4915112345670\"",
                                        "\"List +4915112345678\"",
                                        "\"+4915112345678\""};
    static const char *const dnc[] = {"", "", "\"dncLists\": {\"name\": \"National registry\"}, ",
                                      "\"dncLists\": {\"name\": \"DNC 1234567890\"}, ",
                                      "\"dncLists\": {\"name\": \"DNC 1234567891\"}, "};
    static const char *const templates[] = {"Welcome", "Welcome", "Promo", "OTP", "T 9876543210"};
    static const char *const callers[] = {"+919561612345", "+14155550100",  "+4915112345678",
                                          "ACME",          "AD-5616123456", "+919561612346"};
    static const char *const zones[] = {"Asia/Kolkata", "Asia/Calcutta", "America/New_York",
                                        "Europe/London"};
    static const char *const frequencies[] = {"WEEKLY", "WEEKLY", "WEEKLY", "DAILY", "CUSTOM"};
    static const char *const schedules[] = {"", "",
                                            ", \"schedule\": {\"isSchedulingEnabled\": true}",
                                            ", \"schedule\": {\"isSchedulingEnabled\": false}"};
    struct buf out;
    struct str message = message_encode(random_message(arena), arena);
    buf_init(&out, 1 << 20);
    buf_format(&out, "{\"name\": \"%s\", \"description\": \"%s\", \"contactLists\": [%s], %s",
               PICK(names), PICK(descriptions), PICK(lists), PICK(dnc));
    buf_format(&out, "\"campaignType\": \"sms\", \"priority\": \"%zu\", \"format\": \"simple\", ",
               one_in(40) ? 9 : 1 + below(5));
    buf_format(&out, "\"message\": {\"template_name\": \"%s\", \"message\": \"%.*s\"}, ",
               PICK(templates), STR_ARGS(message));
    buf_format(&out,
               "\"dialingStrategy\": {\"callerId\": {\"phoneNumber\": \"%s\"}, \"callingHours\": "
               "{\"frequency\": \"%s\", \"timezone\": \"%s\", \"days\": [",
               PICK(callers), PICK(frequencies), PICK(zones));
    put_blocks(&out);
    buf_format(&out, "]}}%s}", PICK(schedules));
    assert_false(out.failed);
    struct str body = arena_copy(arena, buf_str(&out));
    buf_release(&out);
    return body;
}

/* ---- recording ---- */

static const struct str sender_ids[] = {STR("ACME"), STR("AD-5616123456")};

static struct decode_options contract(enum decode_midnight midnight)
{
    return (struct decode_options){sender_ids, COUNT_OF(sender_ids), false, midnight};
}

/* The line that the journal would hold, as exchange.c has it written. */
static struct str record_of(const struct trial_question *question, const struct trial *trial,
                            const struct hash_key *key, struct arena *arena)
{
    struct privacy privacy = {.in_clear = !key, .key = key, .arena = arena};
    struct refusal refusal = refusal_of(refusal_of_violations(&trial->violations));
    const struct decision_record record = {
        .id = "01936c3e-0000-7000-8000-000000000000",
        .time_unix_ms = question->now_unix_ms,
        .allowed = refusal.status == 0,
        .status = refusal.status,
        .type = refusal.type,
        .team = question->team->name,
        .peer = STR("127.0.0.1:1"),
        .body = question->body,
        .campaign = &trial->campaign,
        .message_sha256 = str_from(trial->message_sha256),
        .violations = &trial->violations,
        .findings = &trial->findings,
        .policy_revision = question->policy->revision,
        .policy_digest = str_from(question->policy->digest),
        .privacy = &privacy,
    };
    struct buf out;
    buf_init(&out, LIMIT_RECORD_BYTES);
    buf_append(&out, STR("{\"seq\":1,\"prev\":\"00\","));
    record_decision(&record, &out);
    buf_append(&out, STR("}"));
    assert_false(out.failed);
    struct str json = arena_copy(arena, buf_str(&out));
    buf_release(&out);
    return json;
}

/* As a version before this one wrote it: nothing about the message, no places of blocks. */
static struct str as_before(struct str json, struct arena *arena)
{
    struct buf out;
    buf_init(&out, LIMIT_RECORD_BYTES);
    for (struct str rest = json; rest.len;) {
        size_t skipped = 0;
        if (str_starts(rest, STR(",\"index\":")))
            skipped = 9 + strspn(rest.data + 9, "0123456789");
        if (str_starts(rest, STR(",\"message\":{"))) {
            int depth = 1;
            for (skipped = 12; depth > 0; skipped++)
                depth += (rest.data[skipped] == '{') - (rest.data[skipped] == '}');
        }
        if (!skipped)
            buf_append_byte(&out, rest.data[0]);
        rest = str_slice(rest, skipped ? skipped : 1, rest.len);
    }
    struct str shorter = arena_copy(arena, buf_str(&out));
    buf_release(&out);
    return shorter;
}

/* ---- comparing ---- */

static uint64_t seen[REPLAY_RESULTS], told_by_recall, denied_with_gaps;

static enum replay_result truth_of(const struct trial *was, const struct trial *is)
{
    bool allowed = violations_clean(&was->violations);
    if (allowed)
        return violations_clean(&is->violations) ? REPLAY_STILL_ALLOWED : REPLAY_NEWLY_DENIED;
    return violations_clean(&is->violations) ? REPLAY_NEWLY_ALLOWED : REPLAY_STILL_DENIED;
}

/* Everything that is said to refuse does. Which of a template's texts it is, no record tells. */
static bool is_true(const struct violation *claim, const struct trial *truth)
{
    for (size_t i = 0; i < truth->violations.count; i++) {
        const struct violation *each = &truth->violations.items[i];
        if (str_equal(claim->source.rule, each->source.rule) &&
            str_equal(claim->source.layer, each->source.layer) &&
            (claim->code == each->code || str_equal(claim->source.rule, STR("templates"))))
            return true;
    }
    return truth->violations.truncated;
}

struct subject {
    struct str body, json;
    const struct trial *was, *is;
    const struct policy_set *old, *new;
};

static void compare(const struct subject *s, const struct replayed *replayed)
{
    enum replay_result truth = truth_of(s->was, s->is);
    bool claims = true;
    if (violations_break_contract(&s->was->violations))
        truth = REPLAY_STILL_DENIED;
    seen[replayed->result]++;
    for (size_t i = 0; replayed->violations && i < replayed->violations->count; i++)
        claims = claims && is_true(&replayed->violations->items[i], s->is);
    denied_with_gaps += replayed->gap_count && replayed->result != REPLAY_UNTOLD;
    if (claims && (replayed->result == REPLAY_UNTOLD || replayed->result == truth))
        return;
    for (size_t i = 0; i < s->is->violations.count; i++)
        print_error("true: %.*s, %.*s: %.*s\n", STR_ARGS(s->is->violations.items[i].source.rule),
                    STR_ARGS(s->is->violations.items[i].source.layer),
                    STR_ARGS(s->is->violations.items[i].message));
    for (size_t i = 0; replayed->violations && i < replayed->violations->count; i++)
        print_error("claim: %.*s, %.*s: %.*s\n",
                    STR_ARGS(replayed->violations->items[i].source.rule),
                    STR_ARGS(replayed->violations->items[i].source.layer),
                    STR_ARGS(replayed->violations->items[i].message));
    fail_msg("replay says %d, the truth is %d\nbody %.*s\nrecord %.*s\nold policy %.*s, new %.*s",
             (int)replayed->result, (int)truth, STR_ARGS(s->body), STR_ARGS(s->json),
             STR_ARGS(s->old->revision), STR_ARGS(s->new->revision));
}

/* ---- the rounds ---- */

static char key_directory[64];
static struct hash_key the_key;

static void take_key(void *arg, const struct hash_key *key)
{
    *(struct hash_key *)arg = *key;
}

static int make_keys(void **ignored)
{
    struct error err;
    (void)ignored;
    strcpy(key_directory, "/tmp/replay-keys-XXXXXX");
    if (!mkdtemp(key_directory))
        return 1;
    struct hash_keys *keys = hash_keys_open(key_directory, ORDINARY_MS, &err);
    hash_keys_close(keys);
    return !keys || !hash_keys_each(key_directory, take_key, &the_key, &err);
}

static int remove_keys(void **ignored)
{
    char command[128];
    (void)ignored;
    (void)snprintf(command, sizeof(command), "rm -r %s", key_directory);
    return system(command);
}

/* What is at hand besides the record. */
struct means {
    const struct policy_set *old; /* NULL: not at hand */
    bool keys;
    bool before; /* the record is of a former version */
};

/* With the key every name is told, or told to be none of the policies'. */
static void expect_names_told(const struct recorded_decision *decision,
                              const struct replayed *replayed)
{
    bool was_asked = replayed->violations || replayed->gap_count;
    assert_null(replayed->reason);
    for (enum policy_part part = 0; part < POLICY_PARTS && was_asked; part++) {
        bool is_name = part != PART_MESSAGE && part != PART_DESCRIPTION && part != PART_BLOCKS;
        assert_true(!is_name || decision->gaps[part] != GAP_UNKNOWN);
    }
}

static enum replay_result replay_once(struct subject s, const struct means *means,
                                      struct arena *memory, struct arena *arena)
{
    const struct policy_set *known[] = {s.new, means->old};
    struct recorded_decision decision;
    struct replayed replayed;
    struct error err;
    struct replay replay = {.candidate = s.new,
                            .old = known,
                            .old_count = means->old ? 2 : 1,
                            .names = hidden_names_of(known, means->old ? 2 : 1,
                                                     means->keys ? key_directory : NULL, memory)};
    recall_init(&replay.recall, memory);
    if (means->before)
        s.json = as_before(s.json, arena);
    if (recorded_read(s.json, arena, &decision, &err) != RECORDED_DECISION)
        fail_msg("%s: %.*s", err.text, STR_ARGS(s.json));
    replay_judge(&replay, &decision, arena, &replayed);
    compare(&s, &replayed);
    if (means->keys)
        expect_names_told(&decision, &replayed);
    return replayed.result;
}

static struct arena policies, memory, arena;

static const struct policy_team *any_team(const struct policy_set *set)
{
    return &set->team_list[below(set->teams.count)];
}

/* One campaign under the policy `old`, replayed by `new` with more and less at hand. */
static void try_one(const struct policy_set *old, const struct policy_set *new)
{
    struct trial was, is;
    arena_reset(&arena);
    arena_reset(&memory);
    struct trial_question question = {.body = random_body(&arena),
                                      .contract = contract((enum decode_midnight)below(3)),
                                      .policy = old,
                                      .team = any_team(old),
                                      .now_unix_ms =
                                          ORDINARY_MS + (int64_t)(below(96) * 3600) * 1000};
    trial_run(&question, &arena, &was);
    assert_true(was.decoded);
    const struct policy_team *team = policy_team(new, question.team->name);
    bool clear = one_in(4);
    struct subject s = {.body = question.body, .was = &was, .old = old, .new = new};
    s.json = record_of(&question, &was, clear ? NULL : &the_key, &arena);

    /* by the policy that decided: always told, and never otherwise */
    struct subject itself = s;
    itself.is = &was;
    itself.new = old;
    const struct means alone = {.before = clear && one_in(3)};
    if (replay_once(itself, &alone, &memory, &arena) == REPLAY_UNTOLD)
        fail_msg("the policy that decided does not know: %.*s", STR_ARGS(s.json));

    if (!team)
        return;
    question.policy = new;
    question.team = team;
    trial_run(&question, &arena, &is);
    s.is = &is;
    const struct means more = {old, true, clear && one_in(3)},
                       less = {NULL, one_in(2), more.before};
    enum replay_result with = replay_once(s, &more, &memory, &arena),
                       without = replay_once(s, &less, &memory, &arena);
    assert_true(with != REPLAY_UNTOLD || without == REPLAY_UNTOLD);
    told_by_recall += with != REPLAY_UNTOLD && without == REPLAY_UNTOLD;
}

#define ROUNDS 300
#define CAMPAIGNS 30

TEST(whatever_replay_claims_is_true)
{
    arena_init(&policies, 256 << 20);
    arena_init(&memory, 256 << 20);
    arena_init(&arena, 256 << 20);
    const char *seed = getenv("REPLAY_SEED");
    chance = seed ? strtoull(seed, NULL, 10) : 1;
    for (size_t round = 0; round < ROUNDS; round++) {
        arena_reset(&policies);
        const struct policy_set *old = random_policy(&policies, 2 * round),
                                *new = random_policy(&policies, 2 * round + 1);
        for (size_t i = 0; i < CAMPAIGNS; i++)
            try_one(old, new);
    }
    arena_release(&policies);
    arena_release(&memory);
    arena_release(&arena);
    print_message("still allowed %llu, still denied %llu, newly denied %llu, newly allowed %llu, "
                  "untold %llu; told by recall %llu; denied in spite of gaps %llu\n",
                  (unsigned long long)seen[0], (unsigned long long)seen[1],
                  (unsigned long long)seen[2], (unsigned long long)seen[3],
                  (unsigned long long)seen[4], (unsigned long long)told_by_recall,
                  (unsigned long long)denied_with_gaps);
    /* the test sees every kind often enough to mean something */
    for (enum replay_result each = REPLAY_STILL_ALLOWED; each <= REPLAY_UNTOLD; each++)
        assert_true(seen[each] > 100);
    assert_true(told_by_recall > 100 && denied_with_gaps > 100);
    assert_int_equal(seen[REPLAY_NOT_POLICY], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {UNIT(whatever_replay_claims_is_true)};
    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
