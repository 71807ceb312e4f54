/* The files beside each other, and what stands beside them. */
#include "audit/listing.h"

#include "audit/promise.h"
#include "written_journal.h"

static struct written w;
static struct listing listing;
static struct error err;

static int begin(void **state)
{
    (void)state;
    written_begin(&w);
    return 0;
}

static int end(void **state)
{
    (void)state;
    listing_release(&listing);
    written_end(&w);
    return 0;
}

static void put(const char *name, struct str bytes)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", w.directory, name);
    write_test_file(path, bytes, 0600);
}

static void list(void)
{
    const char *directories[] = {w.directory, "/"};
    listing_release(&listing);
    assert_true(listing_read(directories, 2, &listing, &err));
}

TEST(lists_segments_in_order_and_nothing_else)
{
    put("00000000000000000007.jsonl", STR(""));
    put("00000000000000000001.jsonl", STR(""));
    put("00000000000000000007.jsonl.torn-1", STR(""));
    put("7.jsonl", STR(""));
    put("durable", STR(""));
    list();
    assert_int_equal(listing.count, 2);
    assert_int_equal(listing.files[0].first_seq, 1);
    assert_int_equal(listing.files[1].first_seq, 7);
}

TEST(says_which_directory_cannot_be_read)
{
    const char *directory = "/nowhere/at/all";
    assert_false(listing_read(&directory, 1, &listing, &err));
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
}

TEST(counts_what_is_there)
{
    written_segment(&w);
    written_other(&w);
    written_checkpoint(&w);
    written_segment(&w);
    list();
    struct listing_totals totals = listing_count(&listing);
    assert_int_equal(totals.lines, 4);
    assert_int_equal(totals.notes, 3);
}

/* The text stands over every place where one piece that is read ends and the next begins. */
TEST(finds_a_text_wherever_it_stands)
{
    static char bytes[3 * 256 * 1024];
    for (size_t at = 256 * 1024 - 12; at <= 256 * 1024 + 2; at++) {
        memset(bytes, ' ', sizeof(bytes));
        bytes[at - 1] = bytes[at + 10] = '\n';
        put("00000000000000000001.jsonl", (struct str){bytes, sizeof(bytes)});
        memcpy(bytes + at, "\"id\":\"abc\"", 10);
        put("00000000000000000007.jsonl", (struct str){bytes, sizeof(bytes)});
        list();
        assert_ptr_equal(listing_find(&listing, STR("\"id\":\"abc\"")), &listing.files[1]);
        assert_null(listing_find(&listing, STR("\"id\":\"abd\"")));
        assert_int_equal(listing_count(&listing).lines, 4);
    }
}

/* ---- the promise ---- */

#define DIGITS "00000000000000000042"
#define HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

TEST(reads_how_far_the_journal_went)
{
    struct promise promise = promise_read(w.directory);
    assert_true(promise.durable_seq == 0 && promise.receipt.seq == 0);
    put("durable", STR(DIGITS "\n"));
    put("receipt", STR(DIGITS " " HASH " " DIGITS "\n"));
    promise = promise_read(w.directory);
    assert_int_equal(promise.durable_seq, 42);
    assert_int_equal(promise.receipt.seq, 42);
    assert_int_equal(promise.receipt.hash[0], 0xe3);
}

TEST(believes_nothing_that_is_half_written)
{
    static const char *const receipts[] = {
        "", DIGITS, DIGITS " " HASH " 00000000000000000041\n",
        DIGITS " " HASH " 0000000000000000004",
        DIGITS " X3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 " DIGITS "\n"};
    for (size_t i = 0; i < COUNT_OF(receipts); i++) {
        put("receipt", str_from(receipts[i]));
        assert_int_equal(promise_read(w.directory).receipt.seq, 0);
    }
    put("durable", STR("000000000000000042"));
    assert_int_equal(promise_read(w.directory).durable_seq, 0);
    put("durable", STR("0000000000000000004x\n"));
    assert_int_equal(promise_read(w.directory).durable_seq, 0);
}

#define IN_DIRECTORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(IN_DIRECTORY(lists_segments_in_order_and_nothing_else),
      IN_DIRECTORY(says_which_directory_cannot_be_read), IN_DIRECTORY(counts_what_is_there),
      IN_DIRECTORY(finds_a_text_wherever_it_stands), IN_DIRECTORY(reads_how_far_the_journal_went),
      IN_DIRECTORY(believes_nothing_that_is_half_written))
