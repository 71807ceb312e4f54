/*
 * What the upstream answers when it is asked which campaigns there are (kore-api.md A1: list and
 * get). Pure, and trusting nothing: an answer that is not as documented is no answer, because a
 * campaign might hide in what was not understood.
 */
#pragma once

#include "base/arena.h"

/* A campaign of the upstream's. Texts are empty where it says nothing; they live in the arena. */
struct listed {
    struct str id, name;
    struct str created_text;
    int64_t created_unix_ms;
    struct str type, format, priority, dnc_list, template;
    struct str *contact_lists;
    size_t contact_list_count;
    bool has_contact_lists;

    /* by the get call alone */
    struct str caller_id, timezone, template_id;
    struct str message; /* as it is stored: base64 */
};

struct listing_page {
    struct listed *items;
    size_t count;
    bool has_more;
    int64_t total; /* campaigns on all pages; -1: it does not say */
};

/* NULL, or why the answer says nothing: a sentence's end, static. */
MUST_USE const char *answer_read_page(struct str body, struct arena *arena,
                                      struct listing_page *ret);
MUST_USE const char *answer_read_campaign(struct str body, struct arena *arena, struct listed *ret);
