#include "base/glob.h"

bool glob_match(struct str pattern, struct str text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, resume = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++; /* tries the shortest text first, and comes back for more */
            resume = t;
        } else if (p < pattern.len && pattern.data[p] == text.data[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*')
        p++;
    return p == pattern.len;
}

static bool has_star(struct str pattern)
{
    return str_find(pattern, '*') < pattern.len;
}

/* What stands before the first '*' and behind the last. */
static struct str head_of(struct str pattern)
{
    return str_slice(pattern, 0, str_find(pattern, '*'));
}

static struct str tail_of(struct str pattern)
{
    size_t start = pattern.len;
    while (start > 0 && pattern.data[start - 1] != '*')
        start--;
    return str_slice(pattern, start, pattern.len);
}

/* Two patterns with '*' have a text in common exactly when their ends do not contradict. */
bool glob_intersect(struct str a, struct str b)
{
    if (!has_star(a))
        return glob_match(b, a);
    if (!has_star(b))
        return glob_match(a, b);
    struct str head_a = head_of(a), head_b = head_of(b);
    struct str tail_a = tail_of(a), tail_b = tail_of(b);
    return (str_starts(head_a, head_b) || str_starts(head_b, head_a)) &&
           (str_ends(tail_a, tail_b) || str_ends(tail_b, tail_a));
}
