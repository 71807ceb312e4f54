/* Combinations of labels are told apart, added up by what they say, and bounded in number. */
#include "telemetry/breakdown.h"

#include <pthread.h>

#include "test.h"

static struct breakdown *make(void)
{
    struct breakdown *breakdown = calloc(1, sizeof(*breakdown));
    assert_non_null(breakdown);
    return breakdown;
}

static void count(struct breakdown *breakdown, const char *a, const char *b)
{
    const char *const labels[BREAKDOWN_LABELS] = {a, b};
    breakdown_count(breakdown, labels);
}

static bool says(const struct breakdown_slot *slot, const char *a, const char *b)
{
    return slot->count && strcmp(slot->labels[0], a) == 0 && strcmp(slot->labels[1], b) == 0;
}

static uint64_t counted(const struct breakdown *breakdown, const char *a, const char *b)
{
    uint64_t found = 0, rows = 0;
    for (size_t i = 0; i < BREAKDOWN_SLOTS; i++) {
        rows += says(&breakdown->slots[i], a, b);
        found += says(&breakdown->slots[i], a, b) ? breakdown->slots[i].count : 0;
    }
    assert_true(rows <= 1); /* a scraper refuses one that is told twice */
    return found;
}

TEST(each_combination_is_counted_for_itself)
{
    struct breakdown *all = make();
    for (int i = 0; i < 3; i++)
        count(all, "allow", "billing");
    count(all, "allow", "sales");
    count(all, "deny", "billing");
    assert_int_equal(counted(all, "allow", "billing"), 3);
    assert_int_equal(counted(all, "allow", "sales"), 1);
    assert_int_equal(counted(all, "deny", "billing"), 1);
    free(all);
}

TEST(equal_texts_of_several_threads_are_one_row)
{
    static char here[] = "allow", there[] = "allow";
    struct breakdown *one = make(), *two = make(), *sum = make();
    count(one, here, "billing");
    count(two, there, "billing");
    count(two, here, "billing");
    breakdown_add(sum, one);
    breakdown_add(sum, two);
    assert_int_equal(counted(sum, "allow", "billing"), 3);
    free(one), free(two), free(sum);
}

static char names[2 * BREAKDOWN_SLOTS][8];

TEST(what_finds_no_room_is_counted_all_the_same)
{
    struct breakdown *all = make(), *sum = make();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%zu", i);
        count(all, names[i], "x");
        count(all, names[i], "x");
    }
    breakdown_add(sum, all);
    uint64_t told = 0;
    for (size_t i = 0; i < BREAKDOWN_SLOTS; i++)
        told += sum->slots[i].count;
    assert_int_equal(told, 2 * BREAKDOWN_SLOTS * 3 / 4);
    assert_int_equal(told + sum->other, 2 * COUNT_OF(names));
    assert_int_equal(counted(sum, "0", "x"), 2);
    free(all), free(sum);
}

static void *count_many(void *arg)
{
    for (size_t i = 0; i < 200000; i++)
        count(arg, names[i % 500], "x");
    return NULL;
}

TEST(a_reader_sees_whole_rows_while_others_are_added)
{
    pthread_t thread;
    struct breakdown *all = make();
    assert_int_equal(pthread_create(&thread, NULL, count_many, all), 0);
    for (int i = 0; i < 50; i++) {
        struct breakdown *sum = make();
        breakdown_add(sum, all);
        for (size_t slot = 0; slot < BREAKDOWN_SLOTS; slot++)
            assert_true(!sum->slots[slot].count || sum->slots[slot].labels[0]);
        free(sum);
    }
    pthread_join(thread, NULL);
    assert_int_equal(counted(all, names[7], "x"), 400);
    free(all);
}

TESTS(UNIT(each_combination_is_counted_for_itself),
      UNIT(equal_texts_of_several_threads_are_one_row),
      UNIT(what_finds_no_room_is_counted_all_the_same),
      UNIT(a_reader_sees_whole_rows_while_others_are_added))
