#include "audit/postings.h"

void postings_put_range(struct postings *set, size_t first, size_t last)
{
    for (; first <= last && first % 8; first++)
        postings_put(set, first);
    for (; first + 7 <= last; first += 8)
        set->bits[first / 8] = 0xff;
    for (; first <= last; first++)
        postings_put(set, first);
}

/* Eight bytes at once, in whatever order the machine has them: and, or do not care. */
static uint64_t get_word(const void *bytes, size_t at)
{
    uint64_t word;
    memcpy(&word, (const uint8_t *)bytes + at, sizeof(word));
    return word;
}

static void put_word(void *bytes, size_t at, uint64_t word)
{
    memcpy((uint8_t *)bytes + at, &word, sizeof(word));
}

size_t postings_keep(struct postings *set, const struct postings *other)
{
    size_t left = 0;
    for (size_t at = 0; at < POSTINGS_BYTES; at += sizeof(uint64_t)) {
        uint64_t both = get_word(set->bits, at) & get_word(other->bits, at);
        put_word(set->bits, at, both);
        left += both ? (size_t)__builtin_popcountll(both) : 0;
    }
    return left;
}

size_t postings_count(const struct postings *set)
{
    size_t count = 0;
    for (size_t at = 0; at < POSTINGS_BYTES; at += sizeof(uint64_t)) {
        uint64_t word = get_word(set->bits, at);
        count += word ? (size_t)__builtin_popcountll(word) : 0;
    }
    return count;
}

int postings_next(const struct postings *set, int from)
{
    for (int i = from; i >= 0 && i < POSTINGS_BLOCK;) {
        if (set->bits[i / 8] >> i % 8 == 0)
            i = (i / 8 + 1) * 8;
        else if (postings_have(set, (size_t)i))
            return i;
        else
            i++;
    }
    return -1;
}

int postings_previous(const struct postings *set, int from)
{
    for (int i = from < POSTINGS_BLOCK ? from : POSTINGS_BLOCK - 1; i >= 0;) {
        if ((uint8_t)(set->bits[i / 8] << (7 - i % 8)) == 0)
            i = i / 8 * 8 - 1;
        else if (postings_have(set, (size_t)i))
            return i;
        else
            i--;
    }
    return -1;
}

/* ---- written ---- */

static size_t put_difference(unsigned difference, char *out)
{
    size_t len = 0;
    for (; difference >= 0x80; difference >>= 7)
        out[len++] = (char)(difference | 0x80);
    out[len++] = (char)difference;
    return len;
}

/* The differences, up to what a set of bits takes; 0 when they would not be shorter. */
static size_t put_differences(const uint64_t *sorted, size_t count, char out[POSTINGS_BYTES])
{
    size_t len = 0;
    unsigned before = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned number = sorted[i] & 0xffff;
        if (i > 0 && number == before)
            continue;
        if (len + 3 >= POSTINGS_BYTES)
            return 0;
        len += put_difference(number - before, out + len);
        before = number;
    }
    return len;
}

void postings_write(const uint64_t *sorted, size_t count, struct buf *out)
{
    char differences[POSTINGS_BYTES];
    size_t len = put_differences(sorted, count, differences);
    if (len > 0 || count == 0) {
        buf_append(out, (struct str){differences, len});
        return;
    }
    struct postings set = {0};
    for (size_t i = 0; i < count; i++)
        postings_put(&set, sorted[i] & 0xffff);
    buf_append(out, (struct str){(const char *)set.bits, POSTINGS_BYTES});
}

void postings_write_set(const struct postings *set, struct buf *out)
{
    uint64_t few[POSTINGS_BYTES]; /* more are shorter as bits */
    size_t count = 0;
    for (int i = postings_next(set, 0); i >= 0; i = postings_next(set, i + 1)) {
        if (count == COUNT_OF(few)) {
            buf_append(out, (struct str){(const char *)set->bits, POSTINGS_BYTES});
            return;
        }
        few[count++] = (uint64_t)i;
    }
    postings_write(few, count, out);
}

static bool add_bits(struct postings *set, struct str written)
{
    for (size_t at = 0; at < POSTINGS_BYTES; at += sizeof(uint64_t))
        put_word(set->bits, at, get_word(set->bits, at) | get_word(written.data, at));
    return true;
}

bool postings_add_written(struct postings *set, struct str written)
{
    size_t number = 0, difference = 0;
    unsigned shift = 0;
    if (written.len == POSTINGS_BYTES)
        return add_bits(set, written);
    for (size_t i = 0; i < written.len; i++) {
        uint8_t byte = (uint8_t)written.data[i];
        difference |= (size_t)(byte & 0x7f) << shift;
        shift += 7;
        if (byte & 0x80) {
            if (shift > 14)
                return false;
            continue;
        }
        number += difference;
        if (number >= POSTINGS_BLOCK)
            return false;
        postings_put(set, number);
        difference = shift = 0;
    }
    return shift == 0;
}

/* ---- sorting ---- */

#define DIGIT_BITS 11
#define DIGITS 6 /* of 11 bits make 64 and two more */

/* By one digit, keeping the order of those that have the same. */
static void sort_by(const uint64_t *from, uint64_t *to, size_t count, unsigned shift)
{
    size_t starts[1 << DIGIT_BITS] = {0};
    const uint64_t mask = (1 << DIGIT_BITS) - 1;
    for (size_t i = 0; i < count; i++)
        starts[from[i] >> shift & mask]++;
    size_t start = 0;
    for (size_t digit = 0; digit <= mask; digit++) {
        size_t of_digit = starts[digit];
        starts[digit] = start;
        start += of_digit;
    }
    for (size_t i = 0; i < count; i++)
        to[starts[from[i] >> shift & mask]++] = from[i];
}

/* From the lowest digit to the highest; their number is even, so that the last lands in `items`. */
void postings_sort(uint64_t *items, uint64_t *scratch, size_t count)
{
    for (unsigned digit = 0; digit < DIGITS; digit += 2) {
        sort_by(items, scratch, count, digit * DIGIT_BITS);
        sort_by(scratch, items, count, (digit + 1) * DIGIT_BITS);
    }
}
