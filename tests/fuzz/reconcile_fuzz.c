/* answer_read_page, answer_read_campaign, match_find: whatever the upstream says, a decision is
 * only ever given a campaign that the list has, and that fits. */
#include <assert.h>
#include <stdlib.h>

#include "fuzz.h"
#include "reconcile_match.h"

#define CREATED_UNIX_MS 1764922125668LL /* 2025-12-05T08:08:45.668Z, as in the corpus */

static const struct match_terms terms = {.total_timeout_ms = 60000};

static void check_page(const struct listing_page *page)
{
    assert(page->total >= -1);
    for (size_t i = 0; i < page->count; i++)
        assert(str_is_identifier(page->items[i].id) && page->items[i].name.len > 0);
}

static void check_match(const struct match *match, const struct intent *intent,
                        const struct listing_page *page, struct arena *arena)
{
    int64_t from, to;
    if (match->verdict == MATCH_UNKNOWN)
        assert(match->reason[0]);
    if (match->verdict != MATCH_CREATED)
        return;
    const struct listed *campaign = match->campaign;
    match_window(intent, &terms, &from, &to);
    assert(campaign >= page->items && campaign < page->items + page->count);
    assert(campaign->created_unix_ms >= from && campaign->created_unix_ms <= to);
    assert(match_name(intent, campaign, &terms, arena) == MATCH_NAME_SAME);
    assert(!match_contradiction(intent, campaign, &terms, arena));
}

static void match_page(const struct listing_page *page, struct arena *arena)
{
    struct intent intent = {.id = "01936b2f-0000-7000-8000-00000000000a",
                            .seq = 1,
                            .time_unix_ms = CREATED_UNIX_MS,
                            .name = STR("Bills"),
                            .priority = 5};
    const struct intents intents = {.items = &intent, .count = 1};
    struct claim *claims = calloc(page->count + 1, sizeof(*claims));
    assert(claims);
    const struct match_listing listing = {
        .items = page->items, .claims = claims, .count = page->count};
    struct match match;
    match_find(&intent, &intents, &listing, &terms, arena, &match);
    check_match(&match, &intent, page, arena);
    free(claims);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str body = {(const char *)data, size};
    struct arena arena, scratch;
    struct listing_page page;
    struct listed campaign;
    arena_init(&arena, 8 << 20);
    arena_init(&scratch, 4 << 20);
    if (!answer_read_page(body, &arena, &page)) {
        check_page(&page);
        match_page(&page, &scratch);
    }
    if (!answer_read_campaign(body, &arena, &campaign))
        assert(str_is_identifier(campaign.id) && campaign.name.len > 0);
    arena_release(&arena);
    arena_release(&scratch);
    return 0;
}
