#include "cli/audit_filters.h"

#include <stdio.h>

#include "audit/numbers.h"
#include "audit/privacy.h"
#include "audit/record.h"
#include "base/clock.h"
#include "base/limits.h"
#include "cli/audit_record.h"
#include "cli/moment.h"

/* ---- times ---- */

static bool read_times(struct audit_filters *filters, int64_t now_unix_ms, struct error *err)
{
    struct search_query *query = &filters->query;
    if (!moment_read("since", filters->since, now_unix_ms, &query->from_unix_ms, err) ||
        !moment_read_end("until", filters->until, now_unix_ms, &query->to_unix_ms, err))
        return false;
    if (filters->since && filters->until && query->from_unix_ms >= query->to_unix_ms)
        return error_set(err, "--since is not before --until: nothing lies between");
    return true;
}

/* ---- numbers ---- */

/* All that the numbers may stand as, one list behind the other. */
static bool hash_list(const struct audit_filters *filters, const struct argument_list *list,
                      bool words, struct arena *arena, const struct str **ret, size_t *ret_count,
                      struct error *err)
{
    const size_t each = filters->numbers.key_count + 2;
    struct str *all = arena_zalloc(arena, list->count * each, sizeof(*all));
    size_t count = 0;
    if (!all)
        return error_set(err, "out of memory");
    for (size_t i = 0; i < list->count; i++) {
        struct audit_number number;
        if (!audit_numbers_hash(&filters->numbers, str_from(list->items[i]), arena, &number, err))
            return false;
        for (size_t k = 0; k < (words ? number.word_count : number.text_count); k++)
            all[count++] = words ? number.words[k] : number.texts[k];
        if (words && number.word_count == 0)
            return error_set(err, "--number: '%s' is no number", list->items[i]);
    }
    *ret = all;
    *ret_count = count;
    return true;
}

static bool read_numbers(struct audit_filters *filters, const struct audit_place *place,
                         struct arena *arena, struct error *err)
{
    struct search_query *query = &filters->query;
    filters->asks_for_numbers = filters->caller_ids.count + filters->number_list.count > 0;
    if (!filters->asks_for_numbers)
        return true;
    return audit_numbers_read_keys(&filters->numbers, place, arena, err) &&
           hash_list(filters, &filters->caller_ids, false, arena, &query->caller_ids,
                     &query->caller_id_count, err) &&
           hash_list(filters, &filters->number_list, true, arena, &query->numbers,
                     &query->number_count, err);
}

/* ---- the query ---- */

static bool read_verdict(struct audit_filters *filters, struct error *err)
{
    struct str verdict = str_from(filters->verdict);
    filters->query.verdict = verdict;
    return verdict.len == 0 || str_equal(verdict, STR("allow")) ||
           str_equal(verdict, STR("deny")) ||
           error_set(err, "--verdict takes allow or deny, not '%s'", filters->verdict);
}

bool audit_filters_read(struct audit_filters *filters, const struct audit_place *place,
                        struct str kind, int64_t now_unix_ms, struct arena *arena,
                        struct error *err)
{
    struct str asked = str_from(filters->kind);
    filters->query = (struct search_query){
        .source = str_from(filters->source),
        .id = str_from(filters->id),
        .kind = asked.len == 0                 ? kind
                : str_equal(asked, STR("any")) ? (struct str){0}
                                               : asked,
        .team = str_from(filters->team),
        .caller = str_from(filters->caller),
        .code = str_from(filters->code),
        .outcome = str_from(filters->outcome),
        .campaign = str_from(filters->campaign),
        .template = str_from(filters->template),
        .campaign_id = str_from(filters->campaign_id),
        .policy_revision = str_from(filters->policy),
        .text = str_from(filters->text),
    };
    return read_verdict(filters, err) && read_times(filters, now_unix_ms, err) &&
           read_numbers(filters, place, arena, err);
}

/* ---- recording, and hints ---- */

/* The hashes of caller IDs are texts, those of other numbers words; of the former all that begin
 * so, of the latter what is as long as a digest. */
static size_t collect_hashes(const struct search_query *query, struct str *hashes, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < query->caller_id_count && count < most; i++) {
        if (str_starts(query->caller_ids[i], STR("hmac:")))
            hashes[count++] = query->caller_ids[i];
    }
    for (size_t i = 0; i < query->number_count && count < most; i++) {
        if (query->numbers[i].len == DIGEST_HEX)
            hashes[count++] = query->numbers[i];
    }
    return count;
}

static bool record_lookup_of(const struct audit_filters *filters, const struct config *config,
                             struct error *err)
{
    struct str hashes[1024]; /* what fits a record */
    char by[OPERATOR_NAME_SIZE];
    struct lookup_record record = {
        .hashes = hashes, .hash_count = collect_hashes(&filters->query, hashes, COUNT_OF(hashes))};
    struct buf members;
    operator_name(by);
    record.by = str_from(by);
    buf_init(&members, LIMIT_RECORD_BYTES);
    record_lookup(&record, &members);
    bool done = members.failed ? error_set(err, "it is too large for a record; look for fewer")
                               : audit_record(config, buf_str(&members), err);
    buf_release(&members);
    return done;
}

void audit_filters_record_lookup(const struct audit_filters *filters,
                                 const struct audit_place *place, const char *verb)
{
    struct error err;
    if (!filters->asks_for_numbers || filters->numbers.key_count == 0)
        return;
    if (!place->config)
        (void)fprintf(stderr,
                      "campaign-gateway %s: that a number was looked for is not recorded: that "
                      "takes --config, which names the journal\n",
                      verb);
    else if (!record_lookup_of(filters, place->config, &err))
        (void)fprintf(stderr,
                      "campaign-gateway %s: that a number was looked for COULD NOT BE RECORDED: "
                      "%s\n",
                      verb, err.text);
}

static bool holds_number(const char *text)
{
    struct number number;
    return text && number_find(str_from(text), 0, &number);
}

void audit_filters_hint(const struct audit_filters *filters, const char *verb)
{
    if (holds_number(filters->campaign) || holds_number(filters->text) ||
        holds_number(filters->template) || holds_number(filters->caller))
        (void)fprintf(stderr,
                      "campaign-gateway %s: what looks like a phone number stands in the record as "
                      "its hash: look for it with --number, and put * in its place in --campaign\n",
                      verb);
    if (filters->asks_for_numbers && filters->numbers.key_count == 0)
        (void)fprintf(stderr,
                      "campaign-gateway %s: there is no key to hash numbers with, so only those in "
                      "the clear were found; --keys-directory DIR names them\n",
                      verb);
}

/* ---- what was asked ---- */

/* What looks like a number becomes {number}. */
static void put_masked(struct json_writer *w, const char *key, struct str text, struct arena *arena)
{
    static const struct hash_key none = {.id = "none"};
    struct privacy privacy = {.key = &none, .arena = arena, .hashed = LIMIT_HASHED_NUMBERS};
    struct str masked = text.len ? privacy_mask(&privacy, text) : text;
    w->out->failed |= text.len && !masked.data;
    json_put_str_if_any(w, key, masked);
}

static void put_time(struct json_writer *w, const char *key, const char *asked, int64_t unix_ms)
{
    char text[CLOCK_UTC_SIZE];
    clock_format_utc(unix_ms, text);
    if (asked)
        json_put_str(w, key, str_from(text));
}

static void put_hashes(struct json_writer *w, const char *key, const struct str *texts,
                       size_t count)
{
    if (count == 0)
        return;
    json_open_array_at(w, key);
    for (size_t i = 0; i < count; i++) {
        if (str_starts(texts[i], STR("hmac:")) || texts[i].len == DIGEST_HEX)
            json_put_str(w, NULL, texts[i]);
    }
    json_close_array(w);
}

void audit_filters_put(const struct audit_filters *filters, struct arena *arena, struct buf *out)
{
    const struct search_query *query = &filters->query;
    const struct {
        const char *key;
        struct str text;
    } texts[] = {{"source", query->source},
                 {"id", query->id},
                 {"kind", query->kind},
                 {"team", query->team},
                 {"caller", query->caller},
                 {"verdict", query->verdict},
                 {"code", query->code},
                 {"outcome", query->outcome},
                 {"campaign", query->campaign},
                 {"template", query->template},
                 {"campaign_id", query->campaign_id},
                 {"policy", query->policy_revision},
                 {"text", query->text}};
    struct json_writer w = json_writer(out);
    json_open_object(&w);
    put_time(&w, "since", filters->since, query->from_unix_ms);
    put_time(&w, "until", filters->until, query->to_unix_ms);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        put_masked(&w, texts[i].key, texts[i].text, arena);
    put_hashes(&w, "caller_ids", query->caller_ids, query->caller_id_count);
    put_hashes(&w, "numbers", query->numbers, query->number_count);
    json_close_object(&w);
}
