#include "audit/search_plan.h"

#include "audit/words.h"
#include "base/glob.h"
#include "base/utf8.h"

/* The bits of what a story must meet; words have the upper half. */
enum {
    ASKED_TEAM,
    ASKED_CALLER,
    ASKED_VERDICT,
    ASKED_CODE,
    ASKED_OUTCOME,
    ASKED_CALLER_ID,
    ASKED_CAMPAIGN,
    ASKED_TEMPLATE,
    ASKED_CAMPAIGN_ID,
    ASKED_POLICY,
    ASKED_NUMBER,
    ASKED_FIRST_WORD = 32,
};

#define BIT(number) ((uint64_t)1 << (number))

/* ---- making ready ---- */

/* A decision's id, whole: a UUID of version 7 (base/id.h). Words would part it. */
static bool is_id(struct str text)
{
    static const char form[] = "xxxxxxxx-xxxx-7xxx-xxxx-xxxxxxxxxxxx";
    if (text.len != sizeof(form) - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (form[i] == 'x' ? hex_digit(text.data[i]) < 0 : text.data[i] != form[i])
            return false;
    }
    return true;
}

struct preparing {
    struct search_plan *plan;
    struct arena *arena;
    bool too_many, failed;
};

static void take_word(void *arg, struct str word)
{
    struct preparing *preparing = arg;
    struct search_plan *plan = preparing->plan;
    for (size_t i = 0; i < plan->word_count; i++) {
        if (str_equal(plan->words[i], word))
            return;
    }
    preparing->too_many |= plan->word_count == LIMIT_SEARCH_WORDS;
    if (preparing->too_many)
        return;
    struct str copy = arena_copy(preparing->arena, word);
    preparing->failed |= !copy.data;
    plan->words[plan->word_count++] = copy;
}

/* The text's words; an id among them is asked for as such. */
static bool take_text(struct search_plan *plan, struct arena *arena, struct error *err)
{
    struct preparing preparing = {plan, arena, false, false};
    struct str piece, rest = plan->query->text;
    bool named = false;
    while (rest.len) {
        (void)str_cut(rest, ' ', &piece, &rest);
        if (is_id(piece) && plan->id.len == 0) {
            plan->id = piece;
            named = true;
        } else {
            words_each(piece, arena, take_word, &preparing);
        }
    }
    if (preparing.too_many)
        return error_set(err, "--text has more than %d words", LIMIT_SEARCH_WORDS);
    if (preparing.failed)
        return error_set(err, "out of memory");
    if (plan->word_count == 0 && !named)
        return error_set(err, "--text holds no word: letters and digits are searched");
    return true;
}

static uint64_t asked_of(const struct search_plan *plan)
{
    const struct search_query *query = plan->query;
    const struct {
        bool is_asked;
        unsigned bit;
    } all[] = {
        {query->team.len, ASKED_TEAM},
        {query->caller.len, ASKED_CALLER},
        {query->verdict.len, ASKED_VERDICT},
        {query->code.len, ASKED_CODE},
        {query->outcome.len, ASKED_OUTCOME},
        {query->caller_id_count, ASKED_CALLER_ID},
        {query->campaign.len, ASKED_CAMPAIGN},
        {query->template.len, ASKED_TEMPLATE},
        {query->campaign_id.len, ASKED_CAMPAIGN_ID},
        {query->policy_revision.len, ASKED_POLICY},
        {query->number_count, ASKED_NUMBER},
    };
    uint64_t asked = 0;
    for (size_t i = 0; i < COUNT_OF(all); i++)
        asked |= all[i].is_asked ? BIT(all[i].bit) : 0;
    for (size_t i = 0; i < plan->word_count; i++)
        asked |= BIT(ASKED_FIRST_WORD + i);
    return asked;
}

bool search_prepare(const struct search_query *query, struct arena *arena, struct search_plan *ret,
                    struct error *err)
{
    *ret = (struct search_plan){.query = query, .id = query->id};
    if (utf8_invalid_at(query->text) != query->text.len)
        return error_set(err, "--text is not UTF-8");
    if (utf8_invalid_at(query->campaign_id) != query->campaign_id.len)
        return error_set(err, "--campaign-id is not UTF-8");
    if (query->text.len && !take_text(ret, arena, err))
        return false;
    ret->asked = asked_of(ret);
    return true;
}

/* ---- the record itself ---- */

static bool is_in_time(const struct search_query *query, const struct json_value *record)
{
    int64_t time;
    if (!query->from_unix_ms && !query->to_unix_ms)
        return true;
    return record_time(record, &time) && time >= query->from_unix_ms &&
           (!query->to_unix_ms || time < query->to_unix_ms);
}

bool search_is_asked(const struct search_plan *plan, uint64_t seq, const struct json_value *record)
{
    const struct search_query *query = plan->query;
    return seq >= query->from_seq && (!query->to_seq || seq < query->to_seq) &&
           (!query->kind.len || str_equal(query->kind, record_text(record, "kind"))) &&
           (!plan->id.len || str_starts(record_text(record, "id"), plan->id)) &&
           is_in_time(query, record);
}

/* ---- its story ---- */

/* An empty text that is asked for is asked by nobody, and so is never equal. */
static bool is(struct str asked, const struct json_value *record, const char *path)
{
    return asked.len && str_equal(asked, record_text(record, path));
}

static bool has_caller_id(const struct search_query *query, const struct json_value *record)
{
    for (size_t i = 0; i < query->caller_id_count; i++) {
        if (is(query->caller_ids[i], record, "campaign.caller_id"))
            return true;
    }
    return false;
}

static bool has_campaign(const struct search_query *query, const struct json_value *record)
{
    struct str name = record_text(record, "campaign.name");
    return query->campaign.len && name.len && glob_match(query->campaign, name);
}

static bool has_policy(const struct search_query *query, const struct json_value *record)
{
    return is(query->policy_revision, record, "policy.revision") ||
           (query->policy_revision.len &&
            str_starts(record_text(record, "policy.digest"), query->policy_revision));
}

struct meeting {
    const struct search_plan *plan;
    struct arena *scratch;
    uint64_t met;
};

static void meet_code(void *arg, struct str code)
{
    struct meeting *meeting = arg;
    if (str_equal(code, meeting->plan->query->code))
        meeting->met |= BIT(ASKED_CODE);
}

static void meet_word(void *arg, struct str word)
{
    struct meeting *meeting = arg;
    const struct search_query *query = meeting->plan->query;
    for (size_t i = 0; i < query->number_count; i++) {
        if (str_equal(word, query->numbers[i]))
            meeting->met |= BIT(ASKED_NUMBER);
    }
    for (size_t i = 0; i < meeting->plan->word_count; i++) {
        if (str_equal(word, meeting->plan->words[i]))
            meeting->met |= BIT(ASKED_FIRST_WORD + i);
    }
}

static void meet_text(void *arg, struct str text)
{
    struct meeting *meeting = arg;
    words_each(text, meeting->scratch, meet_word, meeting);
}

uint64_t search_met(const struct search_plan *plan, const struct json_value *record,
                    struct arena *scratch)
{
    const struct search_query *query = plan->query;
    struct meeting meeting = {plan, scratch, 0};
    const struct {
        bool met;
        unsigned bit;
    } all[] = {
        {is(query->team, record, "team"), ASKED_TEAM},
        {is(query->caller, record, "caller"), ASKED_CALLER},
        {is(query->verdict, record, "verdict"), ASKED_VERDICT},
        {is(query->outcome, record, "outcome"), ASKED_OUTCOME},
        {has_caller_id(query, record), ASKED_CALLER_ID},
        {has_campaign(query, record), ASKED_CAMPAIGN},
        {is(query->template, record, "campaign.template"), ASKED_TEMPLATE},
        {is(query->campaign_id, record, "upstream.campaign_id") ||
             is(query->campaign_id, record, "campaign_id"),
         ASKED_CAMPAIGN_ID},
        {has_policy(query, record), ASKED_POLICY},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++)
        meeting.met |= all[i].met ? BIT(all[i].bit) : 0;
    if (query->code.len)
        record_each_code(record, meet_code, &meeting);
    if (plan->word_count || query->number_count)
        record_each_text(record, meet_text, &meeting);
    return meeting.met & plan->asked;
}
