/*
 * Good enough for a few hundred words, asked once when a policy has a mistake: each candidate is
 * compared with the whole word.
 */
#include "policy/nearest.h"

/* Longer words are not compared: no name that we know is that long. */
#define WORD_BYTES 48

/* What stands behind the last '/'. */
static struct str last_part(struct str name)
{
    size_t start = name.len;
    while (start > 0 && name.data[start - 1] != '/')
        start--;
    return str_slice(name, start, name.len);
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Levenshtein's distance without case: letters to add, remove or replace. Row by row. */
static size_t distance(struct str a, struct str b)
{
    size_t row[WORD_BYTES + 1];
    if (a.len > WORD_BYTES || b.len > WORD_BYTES)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = str_equal_nocase(str_slice(a, i - 1, i), str_slice(b, j - 1, j));
            size_t above = row[j];
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + !same);
            diagonal = above;
        }
    }
    return row[b.len];
}

/* At least so many letters are to add or remove: cheaper to know than the distance. */
static size_t length_difference(struct str a, struct str b)
{
    return a.len > b.len ? a.len - b.len : b.len - a.len;
}

/* How many letters may be wrong before it is another word; EST is not a misspelt West. */
static size_t tolerance(struct str part)
{
    return part.len < 4 ? 0 : part.len < 12 ? 1 : 2;
}

struct str nearest_word(struct str word, struct str (*candidate)(size_t index), size_t count)
{
    struct str part = last_part(word), best = {0};
    size_t best_part = tolerance(part), best_whole = SIZE_MAX;
    for (size_t i = 0; part.len > 0 && i < count; i++) {
        struct str known = candidate(i);
        if (length_difference(part, last_part(known)) > best_part)
            continue;
        size_t by_part = distance(part, last_part(known));
        if (by_part > best_part)
            continue;
        size_t by_whole = distance(word, known); /* Eastern: US/Eastern before Canada/Eastern */
        if (by_part == best_part && by_whole >= best_whole)
            continue;
        best = known;
        best_part = by_part;
        best_whole = by_whole;
    }
    return best;
}
