/* What is found out about a message, once; and what a record's size of it still tells. */
#include "base/limits.h"
#include "policy/reading.h"
#include "test.h"

static struct arena arena;

static struct reading read_text(struct str text, size_t memory)
{
    struct reading reading;
    arena_release(&arena);
    arena_init(&arena, memory);
    reading_init(&reading, text, &arena);
    return reading;
}

TEST(finds_links_and_spans_once)
{
    struct reading reading = read_text(
        STR("Dear <First Name>, see https://acme.com/t/1 and bit.ly/x"), LIMIT_ARENA_BYTES);
    for (int i = 0; i < 2; i++) {
        size_t before = arena.used_bytes;
        assert_true(reading_links(&reading) && reading_spans(&reading));
        assert_int_equal(reading.link_count, 2);
        EXPECT_STR(reading.links[0].host, "acme.com");
        assert_int_equal(reading.span_count, 1);
        EXPECT_STR(reading.spans[0].name, "First Name");
        assert_true(i == 0 || arena.used_bytes == before);
    }
}

TEST(finds_nothing_in_a_plain_text_without_taking_room_for_it)
{
    struct reading reading = read_text(STR("Your invoice is due."), LIMIT_ARENA_BYTES);
    assert_true(reading_links(&reading) && reading_spans(&reading));
    assert_int_equal(reading.link_count + reading.span_count, 0);
    assert_true(arena.used_bytes < 500);
}

TEST(says_so_when_memory_is_out)
{
    struct reading reading = read_text(STR("see https://acme.com/t/1, <First Name>"), 600);
    assert_false(reading_links(&reading) || reading_spans(&reading));
    assert_false(reading.has_links || reading.has_spans);
}

TEST(keeps_one_more_than_the_limit_so_that_rules_see_it_was_passed)
{
    char text[LIMIT_LINKS * 2 * 10] = "";
    for (size_t i = 0; i < COUNT_OF(text) / 10 - 1; i++)
        memcpy(text + i * 10, "acme.com  ", 10);
    struct reading reading = read_text(str_from(text), LIMIT_ARENA_BYTES);
    assert_true(reading_links(&reading));
    assert_int_equal(reading.link_count, LIMIT_LINKS + 1);
}

/* A text of random pieces: plain, of two units, beyond GSM, and placeholders. */
static struct str random_text(char *room, size_t size, bool ucs2)
{
    static const char *const pieces[] = {"a",   "some words ", "[",   "€", "{}", "<First Name>",
                                         "<x>", "&amp;",       "<b>", "<", "🎉",  "é",
                                         "日本"};
    size_t len = 0, count = ucs2 ? COUNT_OF(pieces) : COUNT_OF(pieces) - 3;
    size_t wanted = (size_t)rand() % 60;
    for (size_t i = 0; i < wanted; i++) {
        const char *piece = pieces[(size_t)rand() % count];
        if (len + strlen(piece) > size)
            break;
        memcpy(room + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return (struct str){room, len};
}

/* As a record has it. */
static struct message_size size_of(struct str text)
{
    struct message_size size = {.written = segments_count(text, 0)};
    struct segments one = segments_count(text, 1), two = segments_count(text, 2);
    size.placeholders = two.units - one.units;
    size.bare = (struct segments){.encoding = one.encoding, .units = one.units - size.placeholders};
    return size;
}

TEST(the_size_without_the_text_holds_the_size_with_it)
{
    char room[2000];
    size_t exact = 0, tried = 0;
    srand(7);
    for (int round = 0; round < 20000; round++, tried++) {
        struct str text = random_text(room, sizeof(room), round % 2);
        struct message_size size = size_of(text);
        size_t characters = (size_t)rand() % 40;
        struct segments truth = segments_count(text, characters), least, most;
        segments_range(&size, characters, &least, &most);
        assert_true(least.count <= truth.count && truth.count <= most.count);
        assert_true(most.count - least.count <= 1 + truth.count / 60);
        assert_int_equal(least.encoding, truth.encoding);
        assert_int_equal(least.units, truth.units);
        exact += least.count == most.count;
    }
    assert_true(exact > tried * 9 / 10);
}

TEST(counts_from_the_size_where_there_is_no_text)
{
    struct str text = STR("Dear <First Name>, it’s due");
    struct reading with = read_text(text, LIMIT_ARENA_BYTES);
    struct reading without = {.size = size_of(text), .has_size = true};
    for (size_t characters = 0; characters < 60; characters += 5) {
        struct segments a = reading_segments(&with, characters),
                        b = reading_segments(&without, characters);
        assert_int_equal(a.count, b.count);
        assert_int_equal(a.encoding, b.encoding);
    }
    arena_release(&arena);
}

TESTS(UNIT(finds_links_and_spans_once),
      UNIT(finds_nothing_in_a_plain_text_without_taking_room_for_it),
      UNIT(says_so_when_memory_is_out),
      UNIT(keeps_one_more_than_the_limit_so_that_rules_see_it_was_passed),
      UNIT(the_size_without_the_text_holds_the_size_with_it),
      UNIT(counts_from_the_size_where_there_is_no_text))
