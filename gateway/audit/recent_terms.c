#include "audit/recent_terms.h"

#include <stdlib.h>

#define RECORDS 4096
#define TERMS (1UL << 19) /* 4 MB; a decision has about 200 */

/* Where a record's terms stand in the stream of all terms; the last TERMS of it are kept. */
struct place {
    uint64_t seq;
    size_t start, count;
};

struct recent_terms {
    struct place places[RECORDS]; /* by number */
    size_t end;                   /* of the stream */
    uint64_t terms[TERMS];
};

struct recent_terms *recent_terms_new(void)
{
    return calloc(1, sizeof(struct recent_terms));
}

void recent_terms_free(struct recent_terms *recent)
{
    free(recent);
}

void recent_terms_put(struct recent_terms *recent, uint64_t seq, const struct terms *terms)
{
    struct place place = {.seq = seq, .start = recent->end, .count = terms->count};
    if (terms->count > TERMS)
        return;
    if (place.start % TERMS + place.count > TERMS)
        place.start += TERMS - place.start % TERMS; /* in one piece */
    memcpy(recent->terms + place.start % TERMS, terms->items, place.count * sizeof(uint64_t));
    recent->end = place.start + place.count;
    recent->places[seq % RECORDS] = place;
}

const uint64_t *recent_terms_get(const struct recent_terms *recent, uint64_t seq, size_t *ret_count)
{
    const struct place *place = &recent->places[seq % RECORDS];
    if (place->seq != seq || recent->end - place->start > TERMS)
        return NULL;
    *ret_count = place->count;
    return recent->terms + place->start % TERMS;
}
