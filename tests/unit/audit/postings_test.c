/* Sets of records: written and read, joined and walked through. */
#include "audit/postings_block.h"

#include "test.h"

static struct postings set, other;

static void empty(void)
{
    memset(&set, 0, sizeof(set));
    memset(&other, 0, sizeof(other));
}

/* Writes what the numbers say, reads it again into `other`. */
static size_t write_and_read(const uint64_t *numbers, size_t count)
{
    struct buf out;
    buf_init(&out, POSTINGS_BYTES);
    empty();
    for (size_t i = 0; i < count; i++)
        postings_put(&set, numbers[i] & 0xffff);
    postings_write(numbers, count, &out);
    assert_true(postings_add_written(&other, buf_str(&out)));
    assert_memory_equal(&set, &other, sizeof(set));
    size_t len = out.len;
    buf_release(&out);
    return len;
}

TEST(few_numbers_take_few_bytes)
{
    assert_int_equal(write_and_read((const uint64_t[]){0}, 1), 1);
    assert_int_equal(write_and_read((const uint64_t[]){127}, 1), 1);
    assert_int_equal(write_and_read((const uint64_t[]){128}, 1), 2);
    assert_int_equal(write_and_read((const uint64_t[]){POSTINGS_BLOCK - 1}, 1), 3);
    assert_int_equal(write_and_read((const uint64_t[]){5, 6, 7, 32767}, 4), 6);
}

TEST(a_number_that_comes_several_times_is_there_once)
{
    assert_int_equal(write_and_read((const uint64_t[]){0, 0, 0, 3, 3}, 5), 2);
}

TEST(only_the_lower_bits_are_written)
{
    assert_int_equal(write_and_read((const uint64_t[]){7ULL << 16 | 4, 7ULL << 16 | 9}, 2), 2);
    assert_true(postings_have(&other, 4) && postings_have(&other, 9));
}

TEST(many_numbers_take_a_bit_each)
{
    static uint64_t numbers[POSTINGS_BLOCK];
    for (size_t step = 1; step <= 16; step++) {
        size_t count = 0;
        for (uint64_t i = 0; i < POSTINGS_BLOCK; i += step)
            numbers[count++] = i;
        assert_true(write_and_read(numbers, count) <= POSTINGS_BYTES);
    }
}

TEST(a_whole_set_is_written_as_its_numbers_are)
{
    struct buf out;
    buf_init(&out, POSTINGS_BYTES);
    for (size_t step = 1; step < POSTINGS_BLOCK; step = step * 3 + 1) {
        empty();
        for (size_t i = 0; i < POSTINGS_BLOCK; i += step)
            postings_put(&set, i);
        buf_clear(&out);
        postings_write_set(&set, &out);
        assert_true(postings_add_written(&other, buf_str(&out)));
        assert_memory_equal(&set, &other, sizeof(set));
    }
    buf_release(&out);
}

TEST(what_is_no_written_set_is_refused)
{
    empty();
    assert_false(postings_add_written(&set, STR("\x80")));             /* ends in the middle */
    assert_false(postings_add_written(&set, STR("\xff\xff\xff\x01"))); /* too large a number */
    assert_false(postings_add_written(&set, STR("\xff\xff\x7f")));
    assert_false(postings_add_written(&set, STR("\xff\xff\x01\x01"))); /* beyond, in two steps */
    assert_true(postings_add_written(&set, (struct str){0}));
}

TEST(numbers_are_found_from_either_end)
{
    static const int numbers[] = {0, 1, 7, 8, 9, 255, 256, 4095, 32767};
    empty();
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        postings_put(&set, (size_t)numbers[i]);
    int at = postings_next(&set, 0);
    for (size_t i = 0; i < COUNT_OF(numbers); i++, at = postings_next(&set, at + 1))
        assert_int_equal(at, numbers[i]);
    assert_int_equal(at, -1);
    at = postings_previous(&set, POSTINGS_BLOCK - 1);
    for (size_t i = COUNT_OF(numbers); i-- > 0; at = postings_previous(&set, at - 1))
        assert_int_equal(at, numbers[i]);
    assert_int_equal(at, -1);
    assert_int_equal(postings_next(&set, POSTINGS_BLOCK), -1);
    assert_int_equal(postings_previous(&set, -1), -1);
}

TEST(ranges_have_both_ends)
{
    static const size_t ends[][2] = {{0, 0}, {3, 3}, {0, 7}, {1, 8}, {7, 40}, {0, 32767}, {9, 8}};
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        empty();
        postings_put_range(&set, ends[i][0], ends[i][1]);
        for (size_t k = 0; k < POSTINGS_BLOCK; k++)
            assert_int_equal(postings_have(&set, k), k >= ends[i][0] && k <= ends[i][1]);
    }
}

TEST(what_both_have_is_kept)
{
    empty();
    postings_put_range(&set, 0, 100);
    postings_put_range(&other, 90, 200);
    assert_int_equal(postings_keep(&set, &other), 11);
    assert_int_equal(postings_count(&set), 11);
    assert_int_equal(postings_next(&set, 0), 90);
    assert_int_equal(postings_previous(&set, 1000), 100);
    empty();
    postings_put(&set, 1);
    postings_put(&other, 2);
    assert_int_equal(postings_keep(&set, &other), 0);
}

TEST(sorting_is_sorting)
{
    static uint64_t items[10000], scratch[10000];
    uint64_t x = 88172645463325252;
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        items[i] = i % 3 ? x : x % 50;
    }
    postings_sort(items, scratch, COUNT_OF(items));
    for (size_t i = 1; i < COUNT_OF(items); i++)
        assert_true(items[i - 1] <= items[i]);
    postings_sort(items, scratch, 0);
}

/* ---- collecting ---- */

#define TERMS 20000

static struct postings *expected[TERMS];
static size_t seen;

static bool compare(void *arg, const struct postings_found *found)
{
    (void)arg;
    struct postings all = {0};
    assert_true(found->term < TERMS && expected[found->term]);
    if (found->set)
        all = *found->set;
    for (size_t i = 0; i < found->count; i++)
        postings_put(&all, found->sorted[i] & 0xffff);
    assert_memory_equal(&all, expected[found->term], sizeof(all));
    free(expected[found->term]);
    expected[found->term] = NULL;
    seen++;
    return true;
}

/* Terms of which some are frequent, many rare, and a few share a slot of the table. */
TEST(every_term_is_told_once_with_all_its_records)
{
    struct postings_block *block = postings_block_new();
    uint64_t x = 88172645463325252;
    size_t terms = 0;
    assert_non_null(block);
    for (int round = 0; round < 2; round++) {
        seen = terms = 0;
        for (size_t i = 0; i < 300000; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            size_t term = i % 4 == 0 ? x % TERMS : i % 4 == 1 ? 4096 * (x % 4) : x % 100;
            size_t number = x >> 40 & (POSTINGS_BLOCK - 1);
            if (!expected[term]) {
                expected[term] = calloc(1, sizeof(struct postings));
                terms++;
            }
            postings_put(expected[term], number);
            postings_block_add(block, term, number);
        }
        assert_true(postings_block_take(block, compare, NULL));
        assert_int_equal(seen, terms);
    }
    assert_true(postings_block_take(block, compare, NULL)); /* nothing is left */
    assert_int_equal(seen, terms);
    postings_block_free(block);
}

static bool refuse(void *arg, const struct postings_found *found)
{
    (void)found;
    return ++*(int *)arg < 2;
}

TEST(whoever_is_told_may_stop_it)
{
    struct postings_block *block = postings_block_new();
    int told = 0;
    for (uint64_t term = 0; term < 100; term++)
        postings_block_add(block, term, 1);
    assert_false(postings_block_take(block, refuse, &told));
    assert_int_equal(told, 2);
    postings_block_free(block);
}

TESTS(UNIT(few_numbers_take_few_bytes), UNIT(a_number_that_comes_several_times_is_there_once),
      UNIT(only_the_lower_bits_are_written), UNIT(many_numbers_take_a_bit_each),
      UNIT(a_whole_set_is_written_as_its_numbers_are), UNIT(what_is_no_written_set_is_refused),
      UNIT(numbers_are_found_from_either_end), UNIT(ranges_have_both_ends),
      UNIT(what_both_have_is_kept), UNIT(sorting_is_sorting),
      UNIT(every_term_is_told_once_with_all_its_records), UNIT(whoever_is_told_may_stop_it))
