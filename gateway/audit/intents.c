/*
 *     segments --every record--> who is open, and where --from the oldest on--> what they are
 *
 * The reader has checked every record's hash, and the gateway writes records in one way, with kind
 * and id in front: so the many that matter little are told by their text, and only the few that
 * matter are parsed. A quotation mark within a string is escaped, so `"created":"` is a key.
 */
#include "audit/intents.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json_read.h"
#include "base/limits.h"

#define INTENTS_ARENA_BYTES (256UL << 20) /* LIMIT_INTENTS records, as large as they come */

/* ---- a record at a glance ---- */

struct glance {
    struct str kind, id; /* the id may be empty */
};

static struct str quoted_behind(struct str json, size_t *at, struct str key)
{
    struct str rest = str_slice(json, *at, json.len);
    if (!str_starts(rest, key))
        return (struct str){0};
    rest = str_slice(rest, key.len, rest.len);
    struct str value = str_slice(rest, 0, str_find(rest, '"'));
    *at += key.len + value.len + 1;
    return value;
}

static struct glance glance_at(struct str json)
{
    struct str number, rest;
    (void)str_cut(json, ',', &number, &rest);
    size_t at = number.len + 1 + sizeof("\"prev\":\"\",") - 1 + DIGEST_HEX;
    struct glance glance = {.kind = quoted_behind(json, &at, STR("\"kind\":\""))};
    glance.id = quoted_behind(json, &at, STR(",\"id\":\""));
    return glance;
}

static bool has(struct str json, struct str text)
{
    return memmem(json.data, json.len, text.data, text.len) != NULL;
}

static bool is_kind(struct glance glance, const char *kind)
{
    return str_equal(glance.kind, str_from(kind));
}

static bool opens(struct glance glance, struct str json)
{
    return is_kind(glance, "decision") && has(json, STR("\"verdict\":\"allow\""));
}

static bool closes(struct glance glance, struct str json)
{
    return is_kind(glance, "closed") ||
           (is_kind(glance, "outcome") && !has(json, STR("\"created\":\"unknown\"")));
}

/* ---- who is open ---- */

struct open_list {
    struct intent *items;
    size_t count, capacity;
    bool truncated;
};

/* From the end: what is closed was mostly opened a moment ago. NULL: it is not open. */
static struct intent *find_open(const struct open_list *list, struct str id)
{
    for (size_t i = list->count; i-- > 0;) {
        if (str_equal(str_from(list->items[i].id), id))
            return &list->items[i];
    }
    return NULL;
}

static bool add_open(struct open_list *list, struct str id, uint64_t seq, struct error *err)
{
    struct intent intent = {.seq = seq};
    if (!id_unix_ms(id, &intent.time_unix_ms) || find_open(list, id))
        return true;
    if (list->count == LIMIT_INTENTS) {
        list->truncated = true;
        return true;
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        struct intent *grown = reallocarray(list->items, capacity, sizeof(*grown));
        if (!grown)
            return error_set(err, "out of memory");
        list->items = grown;
        list->capacity = capacity;
    }
    memcpy(intent.id, id.data, id.len);
    list->items[list->count++] = intent;
    return true;
}

static void remove_open(struct open_list *list, struct str id)
{
    struct intent *intent = find_open(list, id);
    if (!intent)
        return;
    struct intent *behind = intent + 1;
    memmove(intent, behind, (size_t)(list->items + list->count - behind) * sizeof(*intent));
    list->count--;
}

/* The first segment that is there tells who was open before it. */
static bool add_inherited(struct open_list *list, struct str json, struct arena *arena,
                          struct error *err)
{
    struct json_fault fault;
    const struct json_value *root = json_read(json, arena, &fault);
    const struct json_value *ids = root ? json_member(root, STR("open")) : NULL;
    if (!ids || json_kind(ids) != JSON_KIND_ARRAY)
        return error_set(err, "the journal's first record does not say which campaigns are open");
    for (const struct json_value *id = json_first(ids); id; id = json_next(id)) {
        if (json_kind(id) == JSON_KIND_STRING && !add_open(list, json_string(id), 0, err))
            return false;
    }
    return true;
}

static bool note_record(struct open_list *list, const struct reader_record *record, bool is_first,
                        struct arena *arena, struct error *err)
{
    struct glance glance = glance_at(record->json);
    if (is_first && is_kind(glance, "segment"))
        return add_inherited(list, record->json, arena, err);
    if (opens(glance, record->json))
        return add_open(list, glance.id, record->head.seq, err);
    if (closes(glance, record->json)) {
        remove_open(list, glance.id);
    } else if (is_kind(glance, "outcome")) {
        struct intent *intent = find_open(list, glance.id);
        if (intent)
            intent->outcome_unknown = true;
    }
    return true;
}

static bool find_all_open(const struct reader_options *place, struct open_list *ret,
                          struct arena *arena, struct error *err)
{
    struct reader_record record;
    enum reader_result result;
    struct reader *reader = reader_open(place, err);
    bool fine = reader != NULL, is_first = true;
    while (fine && (result = reader_next(reader, &record, err)) != READER_END) {
        fine = result == READER_RECORD && note_record(ret, &record, is_first, arena, err);
        is_first = false;
    }
    reader_close(reader);
    return fine;
}

/* ---- what they are ---- */

static struct str text_of(const struct json_value *object, const char *key)
{
    const struct json_value *value =
        object && json_kind(object) == JSON_KIND_OBJECT ? json_member(object, str_from(key)) : NULL;
    return value && json_kind(value) == JSON_KIND_STRING ? json_string(value) : (struct str){0};
}

static const struct json_value *object_of(const struct json_value *object, const char *key)
{
    const struct json_value *value = json_member(object, str_from(key));
    return value && json_kind(value) == JSON_KIND_OBJECT ? value : NULL;
}

/* What the record has is kept even where memory for the rest is out. */
static void take_contact_lists(const struct json_value *campaign, struct arena *arena,
                               struct intent *ret)
{
    const struct json_value *lists = json_member(campaign, STR("contact_lists"));
    size_t count = lists && json_kind(lists) == JSON_KIND_ARRAY ? json_count(lists) : 0;
    ret->contact_lists = arena_zalloc(arena, count, sizeof(*ret->contact_lists));
    for (const struct json_value *each = count > 0 ? json_first(lists) : NULL;
         each && ret->contact_lists; each = json_next(each)) {
        if (json_kind(each) == JSON_KIND_STRING)
            ret->contact_lists[ret->contact_list_count++] = json_string(each);
    }
}

static void take_campaign(const struct json_value *campaign, struct arena *arena,
                          struct intent *ret)
{
    const struct json_value *priority = json_member(campaign, STR("priority"));
    ret->name = text_of(campaign, "name");
    ret->caller_id = text_of(campaign, "caller_id");
    ret->timezone = text_of(campaign, "timezone");
    ret->format = text_of(campaign, "format");
    ret->dnc_list = text_of(campaign, "dnc_list");
    ret->template = text_of(campaign, "template");
    if (priority && json_kind(priority) == JSON_KIND_NUMBER)
        ret->priority = (int)json_number(priority);
    take_contact_lists(campaign, arena, ret);
}

static bool take_decision(struct str json, struct arena *arena, struct intent *ret,
                          struct error *err)
{
    struct json_fault fault;
    const struct json_value *root = json_read(json, arena, &fault);
    if (!root)
        return error_set(err, "the decision %s cannot be read: %s", ret->id,
                         json_fault_sentence(fault.kind));
    const struct json_value *campaign = object_of(root, "campaign");
    const struct json_value *policy = object_of(root, "policy");
    if (!clock_parse_utc(text_of(root, "time"), &ret->time_unix_ms))
        return error_set(err, "the decision %s has no time", ret->id);
    ret->team = text_of(root, "team");
    ret->stream_id = text_of(root, "stream_id");
    ret->account_id = text_of(root, "account_id");
    ret->policy_revision = text_of(policy, "revision");
    ret->policy_digest = text_of(policy, "digest");
    if (campaign)
        take_campaign(campaign, arena, ret);
    return true;
}

/* The decisions' own records, from the oldest on. What is not found has no seq afterwards. */
static bool fill(struct intents *intents, const struct reader_options *place, struct error *err)
{
    size_t next = 0;
    while (next < intents->count && intents->items[next].seq == 0)
        next++; /* their decisions stood in segments that are gone */
    if (next == intents->count)
        return true;
    struct reader_options from = *place;
    struct reader_record record;
    from.from_seq = intents->items[next].seq;
    struct reader *reader = reader_open(&from, err);
    bool fine = reader != NULL;
    while (fine && next < intents->count) {
        enum reader_result result = reader_next(reader, &record, err);
        if (result == READER_END)
            break;
        fine = result == READER_RECORD;
        while (fine && next < intents->count && intents->items[next].seq < record.head.seq)
            intents->items[next++].seq = 0; /* its segment was removed meanwhile */
        if (fine && next < intents->count && intents->items[next].seq == record.head.seq)
            fine = take_decision(record.json, &intents->arena, &intents->items[next++], err);
    }
    reader_close(reader);
    return fine;
}

bool intents_read(const struct reader_options *place, struct intents *ret, struct error *err)
{
    struct open_list list = {0};
    *ret = (struct intents){0};
    arena_init(&ret->arena, INTENTS_ARENA_BYTES);
    bool fine = find_all_open(place, &list, &ret->arena, err);
    ret->items = list.items;
    ret->count = fine ? list.count : 0;
    ret->truncated = list.truncated;
    return fine && fill(ret, place, err);
}

void intents_release(struct intents *intents)
{
    free(intents->items);
    arena_release(&intents->arena);
    *intents = (struct intents){0};
}

/* ---- whose a campaign is ---- */

/* What an outcome, or a person, says of the campaign. */
struct told {
    struct str created, campaign_id;
};

static bool read_told(struct str json, struct arena *arena, struct told *ret)
{
    struct json_fault fault;
    arena_reset(arena);
    const struct json_value *root = json_read(json, arena, &fault);
    if (!root)
        return false;
    ret->created = text_of(root, "created");
    ret->campaign_id = text_of(root, "campaign_id");
    if (ret->campaign_id.len == 0)
        ret->campaign_id = text_of(object_of(root, "upstream"), "campaign_id");
    return true;
}

static void note_claim(struct claim *claims, size_t count, struct str campaign_id)
{
    for (size_t i = 0; i < count; i++)
        claims[i].taken |= str_equal(claims[i].campaign_id, campaign_id);
}

bool intents_find_claims(const struct reader_options *place, struct claim *claims, size_t count,
                         int64_t from_unix_ms, int64_t to_unix_ms, bool *ret_nameless,
                         struct error *err)
{
    struct arena arena;
    struct reader_record record;
    struct reader *reader = reader_open(place, err);
    bool fine = reader != NULL;
    enum reader_result result;
    *ret_nameless = false;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    while (fine && (result = reader_next(reader, &record, err)) != READER_END) {
        struct told told;
        int64_t time;
        struct glance glance = glance_at(record.json);
        fine = result == READER_RECORD;
        if (!fine || (!is_kind(glance, "outcome") && !is_kind(glance, "closed")) ||
            !read_told(record.json, &arena, &told))
            continue;
        note_claim(claims, count, told.campaign_id);
        bool is_named = told.campaign_id.len > 0 && !has(told.campaign_id, STR("{"));
        if (str_equal(told.created, STR("yes")) && !is_named && id_unix_ms(glance.id, &time) &&
            time >= from_unix_ms && time <= to_unix_ms)
            *ret_nameless = true;
    }
    reader_close(reader);
    arena_release(&arena);
    return fine;
}

/* ---- one of them ---- */

static void tell(struct intent_story *story, enum intent_state state, const char *words)
{
    story->state = state;
    (void)snprintf(story->words, sizeof(story->words), "%s", words);
}

static void tell_outcome(struct intent_story *story, struct str json, struct arena *arena)
{
    struct told told;
    if (!read_told(json, arena, &told))
        return;
    story->state = INTENT_ENDED;
    if (str_equal(told.created, STR("yes")))
        (void)snprintf(story->words, sizeof(story->words), "was created%s%.*s",
                       told.campaign_id.len ? " as " : "", SHOW_ARGS(told.campaign_id));
    else
        tell(story, INTENT_ENDED, "was not created");
}

static void note_story(struct intent_story *story, struct glance glance, struct str json,
                       struct arena *arena)
{
    if (opens(glance, json))
        tell(story, INTENT_OPEN, "is open");
    else if (is_kind(glance, "decision"))
        tell(story, INTENT_REFUSED, "was refused by the gateway, so it was never created");
    else if (is_kind(glance, "closed"))
        tell(story, INTENT_CLOSED, "was closed by a person");
    else if (closes(glance, json))
        tell_outcome(story, json, arena);
}

bool intents_find(const struct reader_options *place, struct str id, struct intent_story *ret,
                  struct error *err)
{
    struct arena arena;
    struct reader_record record;
    struct reader *reader = reader_open(place, err);
    bool fine = reader != NULL, is_first = true;
    enum reader_result result;
    tell(ret, INTENT_ABSENT, "is in no record");
    arena_init(&arena, LIMIT_ARENA_BYTES);
    while (fine && (result = reader_next(reader, &record, err)) != READER_END) {
        fine = result == READER_RECORD;
        struct glance glance = fine ? glance_at(record.json) : (struct glance){0};
        if (is_first && is_kind(glance, "segment") && has(record.json, id))
            tell(ret, INTENT_OPEN, "is open");
        if (fine && str_equal(glance.id, id))
            note_story(ret, glance, record.json, &arena);
        is_first = false;
    }
    reader_close(reader);
    arena_release(&arena);
    return fine;
}
