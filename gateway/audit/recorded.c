#include "audit/recorded.h"

#include "base/clock.h"
#include "base/json_read.h"
#include "base/limits.h"
#include "base/zones.h"
#include "campaign/daytime.h"

#define MOST_UNITS 100000000 /* of a text's size: more than any body has */

/* One record being read; the first thing that is wrong ends it. */
struct source {
    struct arena *arena;
    struct error *err;
    bool failed;
};

static void fail(struct source *s, const char *what, struct str key)
{
    if (!s->failed)
        error_set(s->err, "%s '%.*s'", what, SHOW_ARGS(key));
    s->failed = true;
}

static void *take(struct source *s, size_t count, size_t size)
{
    void *memory = arena_zalloc(s->arena, count, size);
    if (!memory)
        fail(s, "no memory for", STR("the record"));
    return memory;
}

/* ---- members ---- */

/* The member, of that kind; NULL when it is absent. */
static const struct json_value *member(struct source *s, const struct json_value *of,
                                       const char *key, enum json_kind kind)
{
    const struct json_value *value = json_member(of, str_from(key));
    if (!value || json_kind(value) == kind)
        return value;
    fail(s, "of another type than the gateway writes is", str_from(key));
    return NULL;
}

static struct str text_member(struct source *s, const struct json_value *of, const char *key)
{
    const struct json_value *value = member(s, of, key, JSON_KIND_STRING);
    return value ? json_string(value) : (struct str){0};
}

static bool true_member(struct source *s, const struct json_value *of, const char *key)
{
    const struct json_value *value = member(s, of, key, JSON_KIND_BOOL);
    return value && json_bool(value);
}

/* A whole number from 0 to `most`; `absent` when there is none. */
static int64_t number_member(struct source *s, const struct json_value *of, const char *key,
                             int64_t most, int64_t absent)
{
    const struct json_value *value = member(s, of, key, JSON_KIND_NUMBER);
    double number = value ? json_number(value) : 0;
    if (!value)
        return absent;
    if (number >= 0 && number <= (double)most && number == (double)(int64_t)number)
        return (int64_t)number;
    fail(s, "no number that the gateway writes is", str_from(key));
    return absent;
}

/* Its elements, all of one kind; the first of them, or NULL, and how many. */
static const struct json_value *list_member(struct source *s, const struct json_value *of,
                                            const char *key, enum json_kind kind, size_t *ret_count)
{
    const struct json_value *list = member(s, of, key, JSON_KIND_ARRAY);
    *ret_count = 0;
    if (!list)
        return NULL;
    for (const struct json_value *each = json_first(list); each; each = json_next(each)) {
        if (json_kind(each) != kind)
            fail(s, "of another type than the gateway writes is an element of", str_from(key));
    }
    if (s->failed)
        return NULL;
    *ret_count = json_count(list);
    return json_first(list);
}

/* ---- what is hidden ---- */

static bool holds(struct str text, struct str part)
{
    return part.len <= text.len && memmem(text.data, text.len, part.data, part.len);
}

/* As privacy_mask makes them. */
static bool is_masked(const struct recorded_decision *d, struct str text)
{
    return d->hash_key.len && (holds(text, STR("{hmac:")) || holds(text, STR("{number}")));
}

/* A name of the campaign, and its hash when not all of it is there. */
static struct str read_name(struct source *s, const struct json_value *of, const char *key,
                            const char *hash_key, enum policy_part part,
                            struct recorded_decision *d)
{
    struct str text = text_member(s, of, key), hash = text_member(s, of, hash_key);
    if (is_masked(d, text)) {
        d->gaps[part] = GAP_UNKNOWN;
        d->exact[part] = hash;
    }
    return text;
}

/* "hmac:KEY-ID:HEX" -> KEY-ID. */
static struct str key_id_of(struct str hash)
{
    struct str word, id, rest;
    bool fine = str_cut(hash, ':', &word, &rest) && str_equal(word, STR("hmac")) &&
                str_cut(rest, ':', &id, &rest);
    return fine ? id : (struct str){0};
}

/* ---- the campaign ---- */

static void read_block(struct source *s, const struct json_value *value, size_t place,
                       struct calling_block *ret, bool *has_index)
{
    struct str day = text_member(s, value, "day");
    char text[DAYTIME_SIZE];
    int64_t start = number_member(s, value, "start_min", MINUTES_PER_DAY, -1);
    int64_t end = number_member(s, value, "end_min", MINUTES_PER_DAY, -1);
    int64_t index = number_member(s, value, "index", MOST_UNITS, -1);
    if (!weekday_parse(day, &ret->day) || start < 0 || end <= start) {
        fail(s, "no block that the gateway writes begins with the day", day);
        return;
    }
    ret->start_min = (int)start;
    ret->end_min = (int)end;
    ret->index = index < 0 ? place : (size_t)index;
    *has_index = index >= 0;
    daytime_format(ret->start_min, text);
    ret->start_text = arena_copy(s->arena, str_from(text));
    daytime_format(ret->end_min, text);
    ret->end_text = arena_copy(s->arena, str_from(text));
}

/* Without their places, a block to the day's end and one from the next day's beginning may be one.
 */
static bool may_join(const struct calling_block *evening, const struct calling_block *morning)
{
    return evening->end_min == MINUTES_PER_DAY && morning->start_min == 0 &&
           morning->day == (evening->day + 1) % WEEKDAYS;
}

static void read_blocks(struct source *s, const struct json_value *of, struct recorded_decision *d)
{
    size_t count, i = 0;
    const struct json_value *each = list_member(s, of, "blocks", JSON_KIND_OBJECT, &count);
    struct calling_block *blocks = take(s, count, sizeof(*blocks));
    for (; blocks && each && !s->failed; each = json_next(each), i++) {
        bool has_index = false;
        read_block(s, each, i, &blocks[i], &has_index);
        if (!s->failed && !has_index && i > 0 && may_join(&blocks[i - 1], &blocks[i]))
            d->gaps[PART_BLOCKS] = GAP_UNKNOWN;
    }
    d->campaign.blocks = blocks;
    d->campaign.block_count = i;
}

static void read_list_hashes(struct source *s, const struct json_value *of,
                             struct recorded_decision *d)
{
    size_t count, i = 0;
    const struct json_value *each =
        list_member(s, of, "contact_list_hmacs", JSON_KIND_STRING, &count);
    for (; each && i < d->campaign.contact_list_count; each = json_next(each))
        d->exact_lists[i++] = json_string(each);
}

static void read_lists(struct source *s, const struct json_value *of, struct recorded_decision *d)
{
    size_t count, i = 0;
    const struct json_value *each = list_member(s, of, "contact_lists", JSON_KIND_STRING, &count);
    struct str *lists = take(s, count, sizeof(*lists));
    d->list_gaps = take(s, count, sizeof(*d->list_gaps));
    d->exact_lists = take(s, count, sizeof(*d->exact_lists));
    for (; !s->failed && each; each = json_next(each), i++) {
        lists[i] = json_string(each);
        d->list_gaps[i] = is_masked(d, lists[i]) ? GAP_UNKNOWN : GAP_NONE;
        if (d->list_gaps[i] == GAP_UNKNOWN)
            d->gaps[PART_CONTACT_LISTS] = GAP_UNKNOWN;
    }
    d->campaign.contact_lists = lists;
    d->campaign.contact_list_count = i;
    read_list_hashes(s, of, d);
}

static enum frequency read_frequency(struct source *s, const struct json_value *of)
{
    struct str text = text_member(s, of, "frequency");
    for (enum frequency each = FREQUENCY_WEEKLY; each <= FREQUENCY_CUSTOM; each++) {
        if (str_equal(text, str_from(frequency_text(each))))
            return each;
    }
    if (text.len)
        fail(s, "no frequency that the gateway writes is", text);
    return FREQUENCY_ABSENT;
}

/* A number is hashed as a whole; a sender ID is a name. */
static void read_caller(struct source *s, const struct json_value *of, struct recorded_decision *d)
{
    struct str text = read_name(s, of, "caller_id", "caller_id_hmac", PART_CALLER_ID, d);
    if (d->hash_key.len && str_starts(text, STR("hmac:"))) {
        d->gaps[PART_CALLER_ID] = GAP_UNKNOWN;
        d->exact[PART_CALLER_ID] = text;
    }
    d->campaign.caller_id = text;
}

/* What no campaign that kept the contract is without. */
static const char *find_missing(const struct recorded_decision *d)
{
    const struct campaign *campaign = &d->campaign;
    struct str zone;
    const struct {
        bool is_there;
        const char *what;
    } needed[] = {
        {campaign->name.len > 0, "the record lacks its name"},
        {campaign->caller_id.len > 0, "the record lacks its caller ID"},
        {campaign->frequency != FREQUENCY_ABSENT, "the record lacks its frequency"},
        {zone_canonical(campaign->timezone, &zone),
         "the record lacks a time zone that this version knows"},
        {campaign->block_count > 0, "the record lacks its calling hours"},
        {campaign->contact_list_count > 0, "the record lacks its contact lists"},
        {campaign->priority > 0, "the record lacks its priority"},
        {campaign->template_name.len > 0, "the record lacks its template"},
        {d->message_sha256.len == POLICY_DIGEST_HEX - 1, "the record lacks the message's digest"},
    };
    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        if (!needed[i].is_there)
            return needed[i].what;
    }
    return NULL;
}

static void read_campaign(struct source *s, const struct json_value *of,
                          struct recorded_decision *d)
{
    struct campaign *campaign = &d->campaign;
    campaign->name = read_name(s, of, "name", "name_hmac", PART_NAME, d);
    campaign->timezone = text_member(s, of, "timezone");
    campaign->frequency = read_frequency(s, of);
    campaign->dnc_list = read_name(s, of, "dnc_list", "dnc_list_hmac", PART_DNC_LIST, d);
    campaign->priority = (int)number_member(s, of, "priority", 5, 0);
    campaign->format = text_member(s, of, "format");
    campaign->template_name = read_name(s, of, "template", "template_hmac", PART_TEMPLATE, d);
    campaign->has_schedule = member(s, of, "scheduling_enabled", JSON_KIND_BOOL) != NULL;
    campaign->scheduling_enabled = true_member(s, of, "scheduling_enabled");
    d->message_sha256 = text_member(s, of, "message_sha256");
    read_caller(s, of, d);
    read_blocks(s, of, d);
    read_lists(s, of, d);
    d->gaps[PART_DESCRIPTION] = d->gaps[PART_MESSAGE] = GAP_UNKNOWN;
    d->lacks = find_missing(d);
}

/* ---- what is known of the message ---- */

static enum segments_encoding read_encoding(struct source *s, const struct json_value *of,
                                            const char *key)
{
    struct str text = text_member(s, of, key);
    if (!str_equal(text, STR("gsm7")) && !str_equal(text, STR("ucs2")))
        fail(s, "no encoding that the gateway writes is", text);
    return str_equal(text, STR("gsm7")) ? SEGMENTS_GSM : SEGMENTS_UCS2;
}

static void read_size(struct source *s, const struct json_value *of, struct reading *reading)
{
    struct message_size *size = &reading->size;
    size->written.encoding = read_encoding(s, of, "encoding");
    size->written.units = (size_t)number_member(s, of, "units", MOST_UNITS, 0);
    size->written.count = (size_t)number_member(s, of, "segments", MOST_UNITS, 0);
    size->placeholders = (size_t)number_member(s, of, "placeholder_count", MOST_UNITS, 0);
    if (size->placeholders) {
        size->bare.encoding = read_encoding(s, of, "bare_encoding");
        size->bare.units = (size_t)number_member(s, of, "bare_units", MOST_UNITS, 0);
    }
    reading->has_size = size->written.count > 0;
}

static void read_link(struct source *s, const struct json_value *of, struct link *ret)
{
    ret->scheme = text_member(s, of, "scheme");
    ret->host = text_member(s, of, "host");
    ret->has_userinfo = true_member(s, of, "userinfo");
    ret->is_address = true_member(s, of, "address");
    ret->is_international = holds(ret->host, STR("xn--"));
    for (size_t i = 0; i < ret->host.len; i++)
        ret->is_international |= (unsigned char)ret->host.data[i] >= 0x80;
}

static void read_links(struct source *s, const struct json_value *of, struct recorded_decision *d)
{
    size_t count, i = 0;
    const struct json_value *each = list_member(s, of, "links", JSON_KIND_OBJECT, &count);
    struct link *links = take(s, count, sizeof(*links));
    bool is_whole = true;
    for (; links && each; each = json_next(each), i++) {
        read_link(s, each, &links[i]);
        is_whole = is_whole && !is_masked(d, links[i].host) && !is_masked(d, links[i].scheme);
    }
    d->reading.links = links;
    d->reading.link_count = i;
    d->reading.has_links = is_whole;
}

/* <name> as it stood in the message, HTML's or not. */
static struct markup_span bare_span(struct source *s, struct str name)
{
    struct markup markup;
    struct markup_span span;
    struct str whole = arena_format(s->arena, "<%.*s>", STR_ARGS(name));
    markup_init(&markup, whole);
    if (!whole.data || !markup_next(&markup, &span) || !str_equal(span.name, name))
        fail(s, "no placeholder is", name);
    return s->failed ? (struct markup_span){0} : span;
}

/* Other HTML is only counted: what it is called nobody knows. */
static void read_spans(struct source *s, const struct json_value *of, struct recorded_decision *d)
{
    size_t count, i = 0;
    size_t tags = (size_t)number_member(s, of, "tags", MOST_UNITS, 0);
    const struct json_value *each = list_member(s, of, "placeholders", JSON_KIND_STRING, &count);
    struct markup_span *spans = take(s, count + 1, sizeof(*spans));
    bool is_whole = true;
    for (; spans && each; each = json_next(each)) {
        bool masked = is_masked(d, json_string(each));
        is_whole = is_whole && !masked;
        if (!masked)
            spans[i++] = bare_span(s, json_string(each));
    }
    if (spans && tags)
        spans[i++] = (struct markup_span){MARKUP_HTML, STR("…"), STR("…")};
    d->reading.spans = spans;
    d->reading.span_count = i;
    d->reading.has_spans = is_whole;
}

static void read_message(struct source *s, const struct json_value *of, struct recorded_decision *d)
{
    read_size(s, of, &d->reading);
    if (true_member(s, of, "truncated"))
        return;
    read_links(s, of, d);
    read_spans(s, of, d);
}

/* ---- what was against it ---- */

static void read_violations(struct source *s, const struct json_value *record, const char *key,
                            enum violation_effect effect, struct recorded_decision *d)
{
    size_t count;
    const struct json_value *each = list_member(s, record, key, JSON_KIND_OBJECT, &count);
    struct recorded_violation *all = take(s, d->violation_count + count, sizeof(*all));
    if (!all || count == 0)
        return;
    if (d->violation_count)
        memcpy(all, d->violations, d->violation_count * sizeof(*all));
    d->violations = all;
    for (; each; each = json_next(each))
        all[d->violation_count++] = (struct recorded_violation){
            text_member(s, each, "code"),  text_member(s, each, "pointer"),
            text_member(s, each, "rule"),  text_member(s, each, "team"),
            text_member(s, each, "layer"), effect};
}

static void read_all_violations(struct source *s, const struct json_value *record,
                                struct recorded_decision *d)
{
    read_violations(s, record, "violations", EFFECT_ENFORCED, d);
    size_t enforced = d->violation_count;
    read_violations(s, record, "reported", EFFECT_REPORTED, d);
    read_violations(s, record, "waived", EFFECT_WAIVED, d);
    /* of those that did not refuse, no record says whether there were more */
    d->has_all_violations =
        !true_member(s, record, "truncated") && d->violation_count - enforced < LIMIT_VIOLATIONS;
}

/* ---- the record ---- */

static void read_verdict(struct source *s, const struct json_value *record,
                         struct recorded_decision *d)
{
    struct str verdict = text_member(s, record, "verdict");
    struct str time = text_member(s, record, "time");
    d->id = text_member(s, record, "id");
    d->allowed = str_equal(verdict, STR("allow"));
    d->status = number_member(s, record, "status", 599, 0);
    d->type = text_member(s, record, "type");
    d->team = text_member(s, record, "team");
    if (!d->allowed && !str_equal(verdict, STR("deny")))
        fail(s, "no verdict that the gateway writes is", verdict);
    if (!clock_parse_utc(time, &d->time_unix_ms))
        fail(s, "no time that the gateway writes is", time);
    if (d->id.len == 0)
        fail(s, "absent is", STR("id"));
}

static void read_decision(struct source *s, const struct json_value *record,
                          struct recorded_decision *d)
{
    const struct json_value *policy = member(s, record, "policy", JSON_KIND_OBJECT);
    const struct json_value *capture = member(s, record, "capture", JSON_KIND_OBJECT);
    const struct json_value *campaign = member(s, record, "campaign", JSON_KIND_OBJECT);
    const struct json_value *message = member(s, record, "message", JSON_KIND_OBJECT);
    read_verdict(s, record, d);
    d->hash_key = key_id_of(text_member(s, record, "body_hmac"));
    d->has_campaign = campaign != NULL;
    if (policy) {
        d->revision = text_member(s, policy, "revision");
        d->digest = text_member(s, policy, "digest");
    }
    if (capture) {
        d->capture = text_member(s, capture, "file");
        d->capture_sha = text_member(s, capture, "sha256");
    }
    if (campaign)
        read_campaign(s, campaign, d);
    if (campaign && message)
        read_message(s, message, d);
    read_all_violations(s, record, d);
}

/* Most records are of other kinds, and say so right behind seq and prev. */
static bool is_plainly_other(struct str json)
{
    struct str front = str_slice(json, 0, 160);
    return holds(front, STR("\"kind\":\"")) && !holds(front, STR("\"kind\":\"decision\""));
}

enum recorded_result recorded_read(struct str json, struct arena *arena,
                                   struct recorded_decision *ret, struct error *err)
{
    struct source s = {.arena = arena, .err = err};
    struct json_fault fault;
    *ret = (struct recorded_decision){0};
    if (is_plainly_other(json))
        return RECORDED_OTHER;
    const struct json_value *record = json_read(json, arena, &fault);
    if (!record || json_kind(record) != JSON_KIND_OBJECT) {
        error_set(err, "%s", record ? "the record is no object" : json_fault_sentence(fault.kind));
        return RECORDED_WRONG;
    }
    if (!str_equal(text_member(&s, record, "kind"), STR("decision")))
        return s.failed ? RECORDED_WRONG : RECORDED_OTHER;
    read_decision(&s, record, ret);
    return s.failed ? RECORDED_WRONG : RECORDED_DECISION;
}
