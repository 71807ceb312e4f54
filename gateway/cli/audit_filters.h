/*
 * What is asked of the record: the options that `audit search` and `audit export` share.
 */
#pragma once

#include "audit/search.h"
#include "base/json_write.h"
#include "cli/audit_numbers.h"

struct audit_filters {
    /* filled by arguments_read */
    const char *since, *until, *source, *id, *kind, *team, *caller, *verdict, *code, *outcome;
    const char *campaign, *template, *campaign_id, *policy, *text;
    struct argument_list caller_ids, number_list;
    struct audit_numbers numbers;

    /* filled by audit_filters_read; in the arena */
    struct search_query query;
    bool asks_for_numbers;
};

#define AUDIT_FILTERS_OPTIONS(filters)                                                             \
    {.name = "since", .value = "TIME", .text = &(filters)->since},                                 \
        {.name = "until", .value = "TIME", .text = &(filters)->until},                             \
        {.name = "team", .value = "NAME", .text = &(filters)->team},                               \
        {.name = "caller", .value = "CALLER", .text = &(filters)->caller},                         \
        {.name = "verdict", .value = "VERDICT", .text = &(filters)->verdict},                      \
        {.name = "code", .value = "CODE", .text = &(filters)->code},                               \
        {.name = "outcome", .value = "OUTCOME", .text = &(filters)->outcome},                      \
        {.name = "caller-id", .value = "NUMBER", .list = &(filters)->caller_ids},                  \
        {.name = "number", .value = "NUMBER", .list = &(filters)->number_list},                    \
        {.name = "campaign", .value = "NAME", .text = &(filters)->campaign},                       \
        {.name = "template", .value = "NAME", .text = &(filters)->template},                       \
        {.name = "campaign-id", .value = "ID", .text = &(filters)->campaign_id},                   \
        {.name = "policy", .value = "REVISION", .text = &(filters)->policy},                       \
        {.name = "text", .value = "WORDS", .text = &(filters)->text},                              \
        {.name = "id", .value = "ID", .text = &(filters)->id},                                     \
        {.name = "kind", .value = "KIND", .text = &(filters)->kind},                               \
        {.name = "source", .value = "SOURCE", .text = &(filters)->source},                         \
        AUDIT_NUMBERS_OPTIONS(&(filters)->numbers)

#define AUDIT_FILTERS_HELP                                                                         \
    "      --since TIME      from then on; TIME as 2026-11-28T10:00:00Z, a day in UTC\n"           \
    "                        (2026-11-28), or how long ago (90s, 30m, 24h, 7d)\n"                  \
    "      --until TIME      before then; of a day, up to its end\n"                               \
    "      --team NAME, --caller CALLER, --verdict allow|deny\n"                                   \
    "      --code CODE       of a violation, refusing or only reported; or of the refusal\n"       \
    "      --outcome OUTCOME created, refused_upstream, failed, unknown, client_gone, expired, "   \
    "…\n"                                                                                        \
    "      --campaign NAME   * stands for anything: 'Diwali *'\n"                                  \
    "      --template NAME\n"                                                                      \
    "      --campaign-id ID  as Kore.ai named it\n"                                                \
    "      --caller-id NUMBER  the campaign's; several: any of them\n"                             \
    "      --number NUMBER   wherever it stands in the record; several: any of them\n"             \
    "      --policy REVISION   that decided; or the beginning of its digest\n"                     \
    "      --text WORDS      all of these words, anywhere, in any case\n"                          \
    "      --id ID           the decision's, or its beginning\n"                                   \
    "      --kind KIND       decision, outcome, closed, started, reloaded, exported, …; any\n"   \
    "      --source SOURCE   which gateway, where there are several\n" AUDIT_NUMBERS_HELP

/*
 * Makes the query. `kind` is what is asked for when no --kind is given; empty: any. False with
 * `err`, in words that follow the verb's name. All that is asked must hold of a campaign's records
 * together (audit/search.h).
 */
MUST_USE bool audit_filters_read(struct audit_filters *filters, const struct audit_place *place,
                                 struct str kind, int64_t now_unix_ms, struct arena *arena,
                                 struct error *err);

/*
 * Who looks for numbers is to be known: records it in the journal that the configuration names, and
 * says on stderr when that could not be done. To be called before anything is told.
 */
void audit_filters_record_lookup(const struct audit_filters *filters,
                                 const struct audit_place *place, const char *verb);

/* What may have gone wrong when nothing was found: a sentence on stderr, or nothing. */
void audit_filters_hint(const struct audit_filters *filters, const char *verb);

/* What was asked, as an object for the record and for others: numbers stand there as their hashes,
 * or not at all. `arena` lends memory; out->failed when it does not suffice. */
void audit_filters_put(const struct audit_filters *filters, struct arena *arena, struct buf *out);
