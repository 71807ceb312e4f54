/*
 * What has been found out about a message on the way, however many rules, layers and policies ask:
 * its words, its links, its tags and placeholders, how many SMS it takes.
 *
 *     text --reading_init--> reading --reading_fold, _links, _spans, _segments--> the rules
 *     record --------------> reading without text: links, spans and size may be known all the same
 *
 * Everything is in the arena. One thread at a time.
 */
#pragma once

#include "policy/links.h"
#include "policy/markup.h"
#include "policy/segments.h"
#include "policy/text.h"

struct reading {
    struct str text;
    struct arena *arena;

    struct folded folded;
    bool is_folded;
    bool cannot_fold; /* it was tried: once is enough */

    const struct link *links; /* at most LIMIT_LINKS + 1 */
    size_t link_count;
    bool has_links;

    const struct markup_span *spans; /* at most LIMIT_MARKUP + 1 */
    size_t span_count;
    bool has_spans;

    struct segments segments; /* as counted last */
    size_t counted_characters;
    bool is_counted;

    struct message_size size; /* only without text */
    bool has_size;
};

/* Nothing is found out yet. The text and the arena must live as long. */
void reading_init(struct reading *reading, struct str text, struct arena *arena);

/* The words; NULL when memory is out. */
const struct folded *reading_fold(struct reading *reading);

/* False when memory is out; `links`, or `spans`, is then not there. */
MUST_USE bool reading_links(struct reading *reading);
MUST_USE bool reading_spans(struct reading *reading);

/* Counted again only when it is to be in another way than the last time; without the text, the
 * least that it can be. */
struct segments reading_segments(struct reading *reading, size_t placeholder_characters);
