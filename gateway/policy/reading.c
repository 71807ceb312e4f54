#include "policy/reading.h"

#include "base/limits.h"

void reading_init(struct reading *reading, struct str text, struct arena *arena)
{
    *reading = (struct reading){.text = text, .arena = arena};
}

const struct folded *reading_fold(struct reading *reading)
{
    if (!reading->is_folded && !reading->cannot_fold)
        reading->is_folded = text_fold(reading->text, reading->arena, &reading->folded);
    reading->cannot_fold = !reading->is_folded;
    return reading->is_folded ? &reading->folded : NULL;
}

/* Most messages have no link: room is taken when the first one is found. */
bool reading_links(struct reading *reading)
{
    if (reading->has_links)
        return true;
    const struct folded *text = reading_fold(reading);
    struct links links;
    struct link link, *found = NULL;
    if (!text || !links_init(&links, text->text, reading->arena))
        return false;
    while (reading->link_count <= LIMIT_LINKS && links_next(&links, &link)) {
        found = found ? found : arena_zalloc(reading->arena, LIMIT_LINKS + 1, sizeof(*found));
        if (!found)
            return false;
        found[reading->link_count++] = link;
    }
    reading->links = found;
    return reading->has_links = true;
}

bool reading_spans(struct reading *reading)
{
    if (reading->has_spans)
        return true;
    struct markup markup;
    struct markup_span span, *found = NULL;
    markup_init(&markup, reading->text);
    while (reading->span_count <= LIMIT_MARKUP && markup_next(&markup, &span)) {
        found = found ? found : arena_zalloc(reading->arena, LIMIT_MARKUP + 1, sizeof(*found));
        if (!found)
            return false;
        found[reading->span_count++] = span;
    }
    reading->spans = found;
    return reading->has_spans = true;
}

struct segments reading_segments(struct reading *reading, size_t placeholder_characters)
{
    struct segments most;
    if (reading->is_counted && reading->counted_characters == placeholder_characters)
        return reading->segments;
    if (reading->has_size)
        segments_range(&reading->size, placeholder_characters, &reading->segments, &most);
    else
        reading->segments = segments_count(reading->text, placeholder_characters);
    reading->counted_characters = placeholder_characters;
    reading->is_counted = true;
    return reading->segments;
}
