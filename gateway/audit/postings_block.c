#include "audit/postings_block.h"

#include <stdlib.h>

#define SLOTS 4096            /* a power of two; more than there are frequent terms */
#define FREQUENT 24           /* of one term, and it gets a set */
#define MOST_KEPT (4UL << 20) /* 32 MB, and as much for sorting */

/* What was seen of a term; another one that falls into the same slot wears it off. */
struct slot {
    uint64_t term;
    unsigned seen;
    struct postings *set; /* from FREQUENT on */
};

struct postings_block {
    struct slot slots[SLOTS];
    uint64_t *kept; /* term and number, as postings.h has them */
    uint64_t *scratch;
    size_t count, capacity;
    bool has_failed;
};

struct postings_block *postings_block_new(void)
{
    return calloc(1, sizeof(struct postings_block));
}

static void empty(struct postings_block *block)
{
    for (size_t i = 0; i < SLOTS; i++)
        free(block->slots[i].set);
    memset(block->slots, 0, sizeof(block->slots));
    block->count = 0;
}

void postings_block_free(struct postings_block *block)
{
    if (!block)
        return;
    empty(block);
    free(block->kept);
    free(block->scratch);
    free(block);
}

bool postings_block_is_full(const struct postings_block *block)
{
    return block->count >= MOST_KEPT;
}

bool postings_block_has_failed(const struct postings_block *block)
{
    return block->has_failed;
}

/* ---- adding ---- */

static bool grow(struct postings_block *block)
{
    size_t capacity = block->capacity ? block->capacity * 2 : 1 << 16;
    uint64_t *kept = realloc(block->kept, capacity * sizeof(*kept));
    if (kept)
        block->kept = kept;
    uint64_t *scratch = kept ? realloc(block->scratch, capacity * sizeof(*scratch)) : NULL;
    if (!scratch)
        return false;
    block->scratch = scratch;
    block->capacity = capacity;
    return true;
}

static void keep(struct postings_block *block, uint64_t term, size_t number)
{
    if (block->count == block->capacity && !grow(block)) {
        block->has_failed = true;
        return;
    }
    block->kept[block->count++] = term << 16 | number;
}

static struct slot *slot_of(struct postings_block *block, uint64_t term)
{
    return &block->slots[term % SLOTS];
}

/* The slot is the term's, or becomes it. */
static void see(struct slot *slot, uint64_t term)
{
    if (slot->term == term) {
        slot->seen++;
    } else if (!slot->set && (slot->seen == 0 || --slot->seen == 0)) {
        slot->term = term;
        slot->seen = 1;
    }
}

void postings_block_add(struct postings_block *block, uint64_t term, size_t number)
{
    struct slot *slot = slot_of(block, term);
    if (slot->set && slot->term == term) {
        postings_put(slot->set, number);
        return;
    }
    see(slot, term);
    if (slot->term == term && slot->seen == FREQUENT)
        slot->set = calloc(1, sizeof(*slot->set)); /* without memory for it, it is kept as well */
    keep(block, term, number);
}

/* ---- taking ---- */

/* Those that were kept before the term had a set go into the set. */
static bool take_kept(struct postings_block *block, const struct postings_found *postings,
                      bool (*found)(void *arg, const struct postings_found *postings), void *arg)
{
    struct slot *slot = slot_of(block, postings->term);
    if (!slot->set || slot->term != postings->term)
        return found(arg, postings);
    for (size_t i = 0; i < postings->count; i++)
        postings_put(slot->set, postings->sorted[i] & 0xffff);
    return true;
}

static bool take_sets(struct postings_block *block,
                      bool (*found)(void *arg, const struct postings_found *postings), void *arg)
{
    bool fine = true;
    for (size_t i = 0; fine && i < SLOTS; i++) {
        struct postings_found postings = {.term = block->slots[i].term, .set = block->slots[i].set};
        fine = !postings.set || found(arg, &postings);
    }
    return fine;
}

bool postings_block_take(struct postings_block *block,
                         bool (*found)(void *arg, const struct postings_found *postings), void *arg)
{
    bool fine = !block->has_failed;
    if (fine && block->count)
        postings_sort(block->kept, block->scratch, block->count);
    for (size_t start = 0, end; fine && start < block->count; start = end) {
        uint64_t term = block->kept[start] >> 16;
        for (end = start + 1; end < block->count && block->kept[end] >> 16 == term;)
            end++;
        struct postings_found postings = {
            .term = term, .sorted = block->kept + start, .count = end - start};
        fine = take_kept(block, &postings, found, arg);
    }
    fine = fine && take_sets(block, found, arg);
    empty(block);
    return fine;
}
