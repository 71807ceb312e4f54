/* Recomputing a journal: what is whole passes; what is altered, missing or signed by another does
 * not. */
#include "audit/verify.h"

#include "audit/reader.h"
#include "base/limits.h"
#include "written_journal.h"

static struct written w;
static char findings[2000];
static struct error wrong; /* of the last check; empty: nothing was */
static struct verify_report report;
static struct pinned_keys *pinned;
static struct verify_expected expected[2];
static size_t expected_count;
static struct promise promise;
static bool has_files;
static struct verify *verify; /* of the last check: `report` looks into it */

static int begin(void **state)
{
    (void)state;
    written_begin(&w);
    pinned = NULL;
    expected_count = 0;
    promise = (struct promise){0};
    has_files = true;
    return 0;
}

static int end(void **state)
{
    (void)state;
    verify_free(verify);
    verify = NULL;
    written_end(&w);
    return 0;
}

static void on_finding(void *arg, const char *sentence)
{
    (void)arg;
    size_t len = strlen(findings);
    (void)snprintf(findings + len, sizeof(findings) - len, "%s\n", sentence);
}

static bool feed(struct reader *reader)
{
    struct reader_record record;
    enum reader_result result;
    while ((result = reader_next(reader, &record, &wrong)) == READER_RECORD) {
        const struct verify_record take = {.json = record.json,
                                           .head = record.head,
                                           .has_file = has_files,
                                           .begins_file = record.line_number == 1};
        if (!verify_take(verify, &take, &wrong))
            return false;
    }
    return result == READER_END && reader_torn_bytes(reader) == 0 && verify_end(verify, &wrong);
}

/* Everything about the journal in the directory. */
static bool verifies(void)
{
    const char *directory = w.directory;
    const struct reader_options reading = {.directories = &directory, .directory_count = 1};
    const struct verify_options options = {.pinned = pinned,
                                           .expected = expected,
                                           .expected_count = expected_count,
                                           .promise = promise,
                                           .directories = &directory,
                                           .directory_count = 1,
                                           .finding = on_finding};
    findings[0] = '\0';
    wrong = (struct error){0};
    struct reader *reader = reader_open(&reading, &wrong);
    verify_free(verify);
    verify = verify_new(&options);
    bool fine = reader && feed(reader);
    report = *verify_report(verify);
    reader_close(reader);
    return fine;
}

static void expect_fine(void)
{
    if (!verifies() || findings[0])
        fail_msg("%s\n%s", wrong.text, findings);
}

static void expect_broken(const char *sentence)
{
    if (verifies() || !strstr(wrong.text, sentence))
        fail_msg("\"%s\" does not say \"%s\"", wrong.text, sentence);
}

static void expect_finding(const char *sentence)
{
    if (!verifies() || !strstr(findings, sentence))
        fail_msg("%s\n\"%s\" does not say \"%s\"", wrong.text, findings, sentence);
    assert_int_equal(report.findings, 1);
}

/* Three segments, with everything in them. */
static void write_example(void)
{
    written_segment(&w);
    written_decision(&w, "a", "allow");
    written_outcome(&w, "a", "yes");
    written_decision(&w, "b", "deny");
    written_checkpoint(&w);
    written_decision(&w, "c", "allow");
    w.open[w.open_count++] = STR("c");
    written_segment(&w);
    written_outcome(&w, "c", "no");
    w.open_count = 0;
    written_key(&w, SECRET_2);
    written_checkpoint(&w);
    written_segment(&w);
    written_other(&w);
}

/* ---- what is whole ---- */

TEST(a_journal_as_it_was_written_is_fine)
{
    write_example();
    expect_fine();
    EXPECT_STR(report.origin, TEST_ORIGIN);
    assert_int_equal(report.first_seq, 1);
    assert_int_equal(report.last_seq, 12);
    assert_int_equal(report.records, 12);
    assert_int_equal(report.segments, 3);
    assert_int_equal(report.notes, 6);
    assert_int_equal(report.uncovered, 1);
    assert_int_equal(report.key_count, 2);
    assert_int_equal(report.allowed, 2);
    assert_int_equal(report.denied, 1);
    assert_int_equal(report.outcomes, 2);
    assert_int_equal(report.open, 0);
    assert_string_equal(report.first_time, "2026-11-28T11:30:00.000Z");
    assert_string_equal(report.last_time, "2026-11-28T11:30:01.100Z");
}

TEST(a_checkpoints_own_record_needs_no_other)
{
    written_segment(&w);
    written_other(&w);
    written_checkpoint(&w);
    expect_fine();
    assert_int_equal(report.uncovered, 0);
    assert_int_equal(report.last_note_size, 2);
}

static void remove_segment(uint64_t first_seq)
{
    char path[128];
    written_path(&w, first_seq, path);
    assert_int_equal(unlink(path), 0);
}

TEST(the_oldest_segments_may_be_gone)
{
    write_example();
    remove_segment(1);
    expect_fine();
    assert_int_equal(report.first_seq, 7);
    assert_int_equal(report.segments, 2);
    remove_segment(7);
    expect_fine();
    assert_int_equal(report.first_seq, 11);
}

TEST(rows_without_files_are_the_same_journal)
{
    write_example();
    has_files = false;
    expect_fine();
    assert_int_equal(report.segments, 3);
}

/* ---- what was altered ---- */

TEST(a_segment_in_the_middle_cannot_be_gone)
{
    write_example();
    remove_segment(7);
    expect_broken("are missing");
}

static void flip(const char *path, size_t bit)
{
    char byte;
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, (off_t)(bit / 8)), 1);
    byte ^= (char)(1 << bit % 8);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
    close(fd);
}

static void expect_every_flip_found(uint64_t first_seq)
{
    char path[128];
    struct stat file;
    written_path(&w, first_seq, path);
    assert_int_equal(stat(path, &file), 0);
    for (size_t bit = 0; bit < (size_t)file.st_size * 8; bit++) {
        flip(path, bit);
        if (verifies())
            fail_msg("bit %zu of %s", bit, path);
        flip(path, bit);
    }
}

TEST(every_flipped_bit_is_found)
{
    written_segment(&w);
    written_decision(&w, "a", "allow");
    written_outcome(&w, "a", "yes");
    written_checkpoint(&w);
    written_segment(&w);
    written_other(&w);
    expect_fine();
    expect_every_flip_found(1);
    expect_every_flip_found(5);
    expect_fine();
}

/* ---- lines ---- */

struct lines {
    char bytes[16384];
    struct str items[32];
    size_t count;
};

static struct lines read_lines(uint64_t first_seq)
{
    static struct lines lines;
    char path[128];
    struct str line, rest;
    lines.count = 0;
    written_path(&w, first_seq, path);
    int fd = open(path, O_RDONLY);
    rest = (struct str){lines.bytes, (size_t)read(fd, lines.bytes, sizeof(lines.bytes))};
    close(fd);
    while (str_cut(rest, '\n', &line, &rest))
        lines.items[lines.count++] = (struct str){line.data, line.len + 1};
    return lines;
}

static void write_lines(uint64_t first_seq, const struct str *lines, size_t count)
{
    remove_segment(first_seq);
    w.file_seq = first_seq;
    for (size_t i = 0; i < count; i++)
        written_put_line(&w, lines[i]);
}

/* But for the last one of all: what is cut off behind the last note does not show. And what stands
 * behind a segment's last record is no record. */
TEST(every_line_that_is_deleted_doubled_or_swapped_is_found)
{
    write_example();
    static const uint64_t segments[] = {1, 7, 11};
    for (size_t s = 0; s < COUNT_OF(segments); s++) {
        struct lines lines = read_lines(segments[s]);
        for (size_t i = 0; i < lines.count; i++) {
            struct str altered[32];
            bool is_last = s == 2 && i + 1 == lines.count;
            memcpy(altered, lines.items, i * sizeof(*altered));
            memcpy(altered + i, lines.items + i + 1, (lines.count - i - 1) * sizeof(*altered));
            write_lines(segments[s], altered, lines.count - 1);
            assert_true(verifies() == is_last);
            memcpy(altered + i + 1, lines.items + i, (lines.count - i) * sizeof(*altered));
            altered[i] = lines.items[i];
            write_lines(segments[s], altered, lines.count + 1);
            assert_true(verifies() == (s < 2 && i + 1 == lines.count));
            memcpy(altered, lines.items, lines.count * sizeof(*altered));
            altered[i] = lines.items[(i + 1) % lines.count];
            altered[(i + 1) % lines.count] = lines.items[i];
            write_lines(segments[s], altered, lines.count);
            assert_false(verifies());
        }
        write_lines(segments[s], lines.items, lines.count);
    }
    expect_fine();
}

TEST(segments_that_changed_places_are_found)
{
    char one[128], two[128], aside[140];
    write_example();
    written_path(&w, 1, one);
    written_path(&w, 7, two);
    (void)snprintf(aside, sizeof(aside), "%s/aside", w.directory);
    assert_int_equal(rename(one, aside) | rename(two, one) | rename(aside, two), 0);
    expect_broken("named after another record");
}

TEST(a_segment_twice_is_found)
{
    char command[400], one[128], other[128];
    write_example();
    written_path(&w, 7, one);
    written_path(&w, 8, other);
    (void)snprintf(command, sizeof(command), "cp %s %s", one, other);
    assert_int_equal(system(command), 0);
    assert_false(verifies());
}

/* ---- the whole chain, made anew ---- */

/* Somebody who can write the files, and not sign: the notes are those of the true journal. */
TEST(a_chain_recomputed_without_the_key_is_found)
{
    struct checkpoint true_note;
    struct str note;
    written_segment(&w);
    written_decision(&w, "a", "deny");
    true_note = written_note(&w);
    note = written_sign(&w, &true_note, w.key);
    static char kept[LIMIT_CHECKPOINT_BYTES];
    memcpy(kept, note.data, note.len);
    note.data = kept;
    written_put_checkpoint(&w, note);
    expect_fine();

    written_empty(&w);
    w.head = (struct chain_head){0};
    w.tree = (struct merkle){0};
    written_segment(&w);
    written_decision(&w, "a", "allow");
    written_put_checkpoint(&w, note);
    expect_broken("not those that were signed");
}

TEST(notes_of_another_size_name_or_signer_are_refused)
{
    struct signing_key *other = test_key(SECRET_2);
    written_segment(&w);
    const struct checkpoint fine = written_note(&w);
    const struct written before = w;
    struct checkpoint note = fine;
    note.size = 7;
    written_put_checkpoint(&w, written_sign(&w, &note, w.key));
    expect_broken("covers 7 records, and 1 stand before it");

    remove_segment(1);
    w = before;
    w.head = (struct chain_head){0};
    w.tree = (struct merkle){0};
    written_segment(&w);
    note = written_note(&w);
    note.origin = STR("campaign-gateway/other/0f1c");
    written_put_checkpoint(&w, written_sign(&w, &note, w.key));
    expect_broken("of another journal");

    remove_segment(1);
    w.head = (struct chain_head){0};
    w.tree = (struct merkle){0};
    written_segment(&w);
    note = written_note(&w);
    written_put_checkpoint(&w, written_sign(&w, &note, other));
    expect_broken("not signed by the key that is in force");

    remove_segment(1);
    w.head = (struct chain_head){0};
    w.tree = (struct merkle){0};
    written_segment(&w);
    written_put_checkpoint(&w, STR("no note"));
    expect_broken("not a signed checkpoint");
    signing_key_free(other);
}

TEST(a_clock_that_was_set_back_is_told_of)
{
    written_segment(&w);
    w.time_ms -= 3600 * 1000;
    written_checkpoint(&w);
    expect_finding("before that of the note before it");
}

TEST(a_checkpoint_names_no_successor)
{
    written_segment(&w);
    struct checkpoint note = written_note(&w);
    note.has_successor = true;
    written_put_checkpoint(&w, written_sign(&w, &note, w.key));
    expect_broken("names a successor");
}

/* ---- keys ---- */

TEST(a_key_that_the_former_one_did_not_sign_for_is_refused)
{
    struct buf members;
    struct checkpoint note;
    uint8_t other[SIGNING_PUBLIC_BYTES] = {1};
    buf_init(&members, 4 * LIMIT_CHECKPOINT_BYTES);
    written_segment(&w);
    note = written_note(&w);
    note.has_successor = true;
    memcpy(note.successor, other, sizeof(other));
    record_key(w.time_ms, signing_key_public(w.key), written_sign(&w, &note, w.key), &members);
    written_put(&w, buf_str(&members));
    expect_broken("did not sign for this new one: its note names another");
    buf_release(&members);
}

TEST(a_key_cannot_introduce_itself)
{
    struct signing_key *next = test_key(SECRET_2);
    struct buf members;
    buf_init(&members, 4 * LIMIT_CHECKPOINT_BYTES);
    written_segment(&w);
    struct checkpoint note = written_note(&w);
    note.has_successor = true;
    memcpy(note.successor, signing_key_public(next), SIGNING_PUBLIC_BYTES);
    record_key(w.time_ms, note.successor, written_sign(&w, &note, next), &members);
    written_put(&w, buf_str(&members));
    expect_broken("not signed by the key that is in force");
    buf_release(&members);
    signing_key_free(next);
}

TEST(a_segment_cannot_change_the_key)
{
    written_segment(&w);
    signing_key_free(w.key);
    w.key = test_key(SECRET_2);
    written_segment(&w);
    expect_broken("names another key than the one in force");
}

/* ---- pinned keys ---- */

static void pin(const char *text)
{
    static struct arena arena;
    static struct pinned_keys keys;
    static struct error why;
    arena_release(&arena);
    arena_init(&arena, 100000);
    if (!pinned_keys_parse("keys", str_from(text), &arena, &keys, &why))
        fail_msg("%s", why.text);
    pinned = &keys;
}

#define KEY_1 "ed25519 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define KEY_2 "ed25519 PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw="

TEST(both_keys_pinned_are_fine_and_one_is_not)
{
    write_example();
    pin(KEY_1 "\n" KEY_2 "\n");
    expect_fine();
    pin(KEY_1);
    expect_broken("is not among the pinned ones");
    pin(KEY_2);
    expect_broken("is not among the pinned ones");
}

TEST(each_key_signs_in_its_window_only)
{
    write_example(); /* the second key signs from 11:30:00.900 on */
    pin(KEY_1 " - 2026-11-28T11:30:00.900Z\n" KEY_2 " 2026-11-28T11:30:00.800Z");
    expect_fine();
    pin(KEY_1 " - 2026-11-28T11:30:00.500Z\n" KEY_2);
    expect_broken("outside the time in which its key");
    pin(KEY_1 "\n" KEY_2 " 2026-11-28T11:30:01Z");
    expect_broken("outside the time in which its key");
}

/* CVE-2023-31439: whoever has the newest key seals a forged past with it. */
static void write_forged(int64_t record_time_ms, int64_t note_time_ms)
{
    signing_key_free(w.key);
    w.key = test_key(SECRET_2);
    w.time_ms = note_time_ms;
    written_segment(&w);
    w.time_ms = record_time_ms;
    written_decision(&w, "a", "deny");
    w.time_ms = note_time_ms + 1000;
    written_checkpoint(&w);
}

TEST(a_past_forged_with_a_newer_key_is_found_by_its_window)
{
    const int64_t june = 1781000000000, january = 1768000000000;
    write_forged(january, january);
    expect_fine();
    pin(KEY_1 " - 2026-06-01T00:00:00Z\n" KEY_2 " 2026-06-01T00:00:00Z");
    expect_broken("outside the time in which its key");

    written_empty(&w);
    w.head = (struct chain_head){0};
    w.tree = (struct merkle){0};
    write_forged(january, june); /* the notes in the window, and the records not */
    expect_broken("the record's time, 2026-01-09");
}

TEST(a_journal_begun_anew_with_another_key_needs_pins_to_be_found)
{
    signing_key_free(w.key);
    w.key = test_key(SECRET_2);
    written_segment(&w);
    expect_fine();
    pin(KEY_1);
    expect_broken("is not among the pinned ones");
}

/* ---- segments ---- */

TEST(every_file_begins_with_a_segment_record)
{
    written_segment(&w);
    w.file_seq = 2;
    written_other(&w);
    expect_broken("does not begin with a segment record");
}

TEST(a_journal_begins_with_a_segment_record)
{
    w.file_seq = 1;
    written_other(&w);
    expect_broken("does not begin with a segment record");
    has_files = false;
    expect_broken("the first record is not a segment record");
}

TEST(a_segment_record_stands_nowhere_else)
{
    written_segment(&w);
    struct segment_record record = written_segment_record(&w);
    const uint64_t file = w.file_seq;
    struct buf members;
    buf_init(&members, LIMIT_RECORD_BYTES);
    record_segment(&record, &members);
    w.file_seq = file;
    written_put(&w, buf_str(&members));
    buf_release(&members);
    expect_broken("in the middle of a file");
}

TEST(a_frontier_is_that_of_the_records_before)
{
    written_segment(&w);
    written_other(&w);
    struct segment_record record = written_segment_record(&w);
    record.tree.nodes[1][0] ^= 1;
    written_put_segment(&w, &record);
    expect_broken("frontier is not that of the records before it");
    remove_segment(1);
    expect_broken("not those that were signed");
}

TEST(a_frontier_has_the_hashes_that_its_size_needs)
{
    written_segment(&w);
    written_other(&w);
    struct segment_record record = written_segment_record(&w);
    record.tree.size++;
    written_put_segment(&w, &record);
    expect_broken("no frontier for the records before it");
}

/* The note vouches for the records, and prev must be one of them. */
TEST(the_first_link_of_a_shortened_journal_is_checked_where_it_can_be)
{
    written_segment(&w);
    written_other(&w);
    written_other(&w);
    w.head.hash[0] ^= 1;
    written_segment(&w);
    remove_segment(1);
    expect_broken("does not follow the last record under its frontier");
}

TEST(a_segment_of_another_journal_is_refused)
{
    written_segment(&w);
    w.origin = "campaign-gateway/other/0f1c";
    written_segment(&w);
    expect_broken("says that it is of another journal");
}

/* ---- what was cut off ---- */

static void expect_checkpoint(size_t which, const char *name)
{
    static char kept[2][LIMIT_CHECKPOINT_BYTES + 1];
    memcpy(kept[which], w.last_note, sizeof(kept[which]));
    expected[which] = (struct verify_expected){.name = name, .note = str_from(kept[which])};
    assert_true(checkpoint_parse(expected[which].note, &expected[which].says));
    expected_count = which + 1;
}

TEST(truncation_behind_a_checkpoint_shows_to_whoever_kept_a_newer_one)
{
    written_segment(&w);
    written_other(&w);
    written_checkpoint(&w);
    struct lines lines = read_lines(1);
    expect_checkpoint(0, "old");
    written_other(&w);
    written_checkpoint(&w);
    expect_fine();
    expect_checkpoint(1, "new");
    expect_fine();
    write_lines(1, lines.items, lines.count);
    expect_broken("ends with 3, and the checkpoint in 'new' covers 4");
    expected_count = 1;
    expect_fine();
}

TEST(a_journal_signed_anew_with_the_true_key_shows_to_whoever_kept_a_checkpoint)
{
    written_segment(&w);
    written_decision(&w, "a", "deny");
    written_checkpoint(&w);
    expect_checkpoint(0, "kept");
    written_empty(&w);
    w.head = (struct chain_head){0};
    w.tree = (struct merkle){0};
    written_segment(&w);
    written_decision(&w, "b", "deny");
    written_checkpoint(&w);
    expect_broken("not the one that was signed: the note in 'kept'");
    expected_count = 0;
    expect_fine();
}

TEST(a_checkpoint_over_nothing_or_over_what_is_gone_is_compared_too)
{
    written_segment(&w);
    expect_checkpoint(0, "nothing"); /* the segment's own, over no records */
    expect_fine();
    written_other(&w);
    written_segment(&w);
    expect_checkpoint(0, "two");
    remove_segment(1);
    expect_fine();
    expected[0].says.root[0] ^= 1;
    expect_broken("has another root over its first 2 records");
}

TEST(a_checkpoint_that_cannot_be_compared_is_said_to_be_so)
{
    written_segment(&w);
    expect_checkpoint(0, "nothing");
    written_other(&w);
    written_segment(&w);
    remove_segment(1);
    expect_broken("cannot be compared");
}

TEST(a_checkpoint_of_another_journal_or_signer_is_refused)
{
    struct checkpoint note;
    struct signing_key *other = test_key(SECRET_2);
    written_segment(&w);
    note = written_note(&w);
    note.origin = STR("campaign-gateway/other/0f1c");
    (void)written_sign(&w, &note, w.key);
    expect_checkpoint(0, "other");
    expect_broken("is of another journal");
    note = written_note(&w);
    (void)written_sign(&w, &note, other);
    expect_checkpoint(0, "other");
    expect_broken("not signed by a key of this journal");
    signing_key_free(other);
}

TEST(what_stands_beside_the_journal_says_how_far_it_went)
{
    written_segment(&w);
    written_other(&w);
    promise.durable_seq = 2;
    promise.receipt = w.head;
    promise.receipt_place = "a test";
    expect_fine();
    promise.durable_seq = 3;
    expect_broken("ends with 2, and 3 were durable");
    promise.durable_seq = 2;
    promise.receipt.seq = 4;
    expect_broken("the central database confirmed 4, as a test says");
    promise.receipt.seq = 2;
    promise.receipt.hash[0] ^= 1;
    expect_broken("confirmed another record with this number: a test has its hash");
}

/* ---- how dense checkpoints are ---- */

static void write_others(size_t count)
{
    struct buf lines;
    buf_init(&lines, 64UL << 20);
    for (size_t i = 0; i < count; i++) {
        assert_true(chain_append(&w.head, STR("\"kind\":\"other\""), &lines));
        assert_true(merkle_add(&w.tree, w.head.hash));
    }
    written_put_line(&w, buf_str(&lines));
    buf_release(&lines);
}

TEST(checkpoints_that_are_missing_are_a_finding)
{
    written_segment(&w);
    write_others(24999);
    expect_fine();
    assert_int_equal(report.uncovered, 24999);
    written_checkpoint(&w);
    write_others(1);
    expect_fine();
    write_others(24999);
    expect_finding("25000 records without a checkpoint");
}

TEST(a_tail_that_goes_on_for_hours_without_a_checkpoint_is_a_finding)
{
    written_segment(&w);
    written_other(&w);
    w.time_ms += 14 * 60 * 1000;
    written_other(&w);
    expect_fine();
    w.time_ms += 2 * 60 * 1000;
    written_other(&w);
    expect_finding("checkpoints are missing: from 2026-11-28T11:30:00.100Z");
    written_checkpoint(&w);
    expect_fine();
}

/* A crash within the second before the checkpoint, and a start hours later. */
TEST(a_crash_leaves_a_tail_that_is_no_finding)
{
    written_segment(&w);
    written_other(&w);
    w.time_ms += 5 * 3600 * 1000;
    written_format(&w, "\"kind\":\"started\"");
    written_other(&w);
    expect_fine();
}

/* ---- campaigns ---- */

TEST(an_outcome_belongs_to_a_decision)
{
    written_segment(&w);
    written_outcome(&w, "a", "yes");
    expect_finding("the outcome of a belongs to no open decision");
}

TEST(a_refused_campaign_has_no_outcome)
{
    written_segment(&w);
    written_decision(&w, "a", "deny");
    written_outcome(&w, "a", "yes");
    expect_finding("the outcome of a belongs to no open decision");
}

TEST(a_campaign_has_one_outcome)
{
    written_segment(&w);
    written_decision(&w, "a", "allow");
    written_outcome(&w, "a", "yes");
    expect_fine();
    written_outcome(&w, "a", "no");
    expect_finding("the outcome of a belongs to no open decision");
}

TEST(what_was_unknown_may_be_found_out_once)
{
    written_segment(&w);
    written_decision(&w, "a", "allow");
    written_outcome(&w, "a", "unknown");
    expect_fine();
    assert_int_equal(report.unknown, 1);
    assert_int_equal(report.open, 0);
    written_format(&w, "\"kind\":\"outcome\",\"id\":\"a\",\"created\":\"yes\",\"reconciled\":true");
    expect_fine();
    assert_int_equal(report.unknown, 0);
    written_format(&w, "\"kind\":\"outcome\",\"id\":\"a\",\"created\":\"yes\",\"reconciled\":true");
    expect_finding("the outcome of a belongs to no open decision");
}

TEST(what_was_unknown_has_no_second_outcome_of_its_own)
{
    written_segment(&w);
    written_decision(&w, "a", "allow");
    written_outcome(&w, "a", "unknown");
    written_outcome(&w, "a", "yes");
    expect_finding("a has a second outcome");
}

TEST(a_person_may_close_what_is_open)
{
    written_segment(&w);
    written_decision(&w, "a", "allow");
    written_decision(&w, "b", "allow");
    written_outcome(&w, "b", "unknown");
    expect_fine();
    assert_int_equal(report.open, 1);
    assert_int_equal(report.unknown, 1);
    written_format(&w, "\"kind\":\"closed\",\"id\":\"a\",\"created\":\"no\"");
    written_format(&w, "\"kind\":\"closed\",\"id\":\"b\",\"created\":\"no\"");
    expect_fine();
    assert_int_equal(report.open + report.unknown, 0);
    written_format(&w, "\"kind\":\"closed\",\"id\":\"b\",\"created\":\"no\"");
    expect_finding("b was closed, and was not open");
}

TEST(an_id_is_decided_once_at_a_time)
{
    written_segment(&w);
    written_decision(&w, "a", "allow");
    written_decision(&w, "a", "allow");
    expect_finding("a was decided before");
}

TEST(a_segment_lists_what_is_open)
{
    written_segment(&w);
    written_decision(&w, "a", "allow");
    written_segment(&w);
    expect_finding("lists 0 of the 1 decisions that are open");
}

TEST(a_segment_lists_nothing_else)
{
    written_segment(&w);
    w.open[w.open_count++] = STR("b");
    written_segment(&w);
    expect_finding("lists b as open, and it is not");
}

TEST(what_is_not_known_may_be_on_the_list)
{
    written_segment(&w);
    written_decision(&w, "a", "allow");
    written_outcome(&w, "a", "unknown");
    written_segment(&w);
    w.open[w.open_count++] = STR("a");
    written_segment(&w);
    expect_fine();
}

TEST(a_shortened_journal_begins_with_what_its_list_says)
{
    written_segment(&w);
    written_decision(&w, "a", "allow");
    written_decision(&w, "b", "allow");
    written_outcome(&w, "b", "unknown");
    w.open[w.open_count++] = STR("a");
    written_segment(&w);
    written_outcome(&w, "a", "yes");
    written_format(&w, "\"kind\":\"outcome\",\"id\":\"b\",\"created\":\"no\",\"reconciled\":true");
    remove_segment(1);
    expect_fine();
    written_outcome(&w, "a", "yes");
    expect_finding("the outcome of a belongs to no open decision");
}

TEST(a_new_journal_has_nothing_open)
{
    w.open[w.open_count++] = STR("a");
    written_segment(&w);
    expect_finding("begins with decisions that are open already");
}

/* ---- captures ---- */

static void write_capture(const char *file, const char *sha256)
{
    written_format(
        &w,
        "\"kind\":\"decision\",\"id\":\"%zu\",\"verdict\":\"deny\",\"capture\":{\"file\":"
        "\"%s\",\"sha256\":\"%s\"}",
        (size_t)w.head.seq, file, sha256);
}

#define OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

TEST(captures_are_as_they_were_or_gone)
{
    char path[128];
    written_segment(&w);
    (void)snprintf(path, sizeof(path), "%s/captures", w.directory);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/captures/a.cms", w.directory);
    write_test_file(path, STR(""), 0600);
    write_capture("captures/a.cms", OF_NOTHING);
    write_capture("captures/gone.cms", OF_NOTHING);
    expect_fine();
    assert_int_equal(report.captures, 2);
    assert_int_equal(report.captures_missing, 1);
    write_test_file(path, STR("x"), 0600);
    expect_finding("'captures/a.cms' is not what was captured");
}

TEST(a_capture_is_not_looked_for_elsewhere)
{
    static const char *const names[] = {"/etc/passwd",
                                        "captures/../../etc/passwd",
                                        "captures/",
                                        "../captures/a",
                                        "captures//etc/passwd",
                                        "captures/./a",
                                        "signing.key",
                                        ""};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        written_empty(&w);
        w.head = (struct chain_head){0};
        w.tree = (struct merkle){0};
        written_segment(&w);
        write_capture(names[i], OF_NOTHING);
        expect_finding("cannot be read");
    }
}

TEST(a_capture_does_not_follow_links)
{
    char path[128];
    written_segment(&w);
    (void)snprintf(path, sizeof(path), "%s/captures", w.directory);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/captures/a.cms", w.directory);
    assert_int_equal(symlink("/dev/null", path), 0);
    write_capture("captures/a.cms", OF_NOTHING);
    expect_finding("cannot be read");
}

/* A text that looks like a member is none. */
TEST(a_campaigns_texts_cannot_name_a_capture)
{
    written_segment(&w);
    written_format(&w, "\"kind\":\"decision\",\"id\":\"a\",\"verdict\":\"deny\",\"name\":\"\\\","
                       "\\\"capture\\\":{\\\"file\\\":\\\"captures/a\\\"}\"");
    expect_fine();
    assert_int_equal(report.captures, 0);
}

/* ---- hostile records ---- */

TEST(records_that_are_none_of_ours_are_refused)
{
    static const struct {
        const char *members, *sentence;
    } records[] = {
        {"\"a\":1", "does not say of what kind"},
        {"\"kind\":7", "does not say of what kind"},
        {"\"kind\":\"decision\"", "to which decision it belongs"},
        {"\"kind\":\"decision\",\"id\":\"a\"", "has no verdict"},
        {"\"kind\":\"outcome\",\"id\":\"\"", "to which decision it belongs"},
        {"\"kind\":\"outcome\",\"id\":\"0123456789012345678901234567890123456789\"",
         "to which decision it belongs"},
        {"\"kind\":\"checkpoint\"", "not a signed checkpoint"},
        {"\"kind\":\"checkpoint\",\"note\":7", "not a signed checkpoint"},
        {"\"kind\":\"checkpoint\",\"note\":\"x\",\"note\":\"y\"", "is not JSON"},
        {"\"kind\":\"checkpoint\",", "is not JSON"},
        {"\"kind\":\"key\"", "does not name it"},
        {"\"kind\":\"key\",\"key\":\"00\"", "does not name it"},
        {"\"kind\":\"", "does not say of what kind"},
        {"\"kind", "does not say of what kind"},
        {"", "does not say of what kind"},
        {"}", "does not say of what kind"},
        {"\\\\\\\"\\", "does not say of what kind"},
    };
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        written_empty(&w);
        w.head = (struct chain_head){0};
        w.tree = (struct merkle){0};
        written_segment(&w);
        written_put(&w, str_from(records[i].members));
        expect_broken(records[i].sentence);
    }
}

/* The tree has room for no more than 2^64 - 1 leaves, and a number for no more records. */
TEST(a_journal_that_claims_the_largest_number_is_survived)
{
    w.head.seq = w.tree.size = UINT64_MAX - 1;
    struct segment_record record = written_segment_record(&w);
    written_put_segment(&w, &record);
    (void)verifies();
    assert_true(report.last_seq == UINT64_MAX);
    w.head.seq = UINT64_MAX;
    struct buf line;
    buf_init(&line, 10000);
    assert_true(chain_append(&w.head, STR("\"kind\":\"other\""), &line));
    written_put_line(&w, buf_str(&line));
    buf_release(&line);
    assert_false(verifies());
}

TEST(a_pipe_in_the_place_of_a_segment_is_not_waited_for)
{
    char path[128];
    written_segment(&w);
    written_path(&w, 2, path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(verifies());
}

TEST(no_journal_is_none)
{
    assert_true(verifies());
    assert_int_equal(report.records, 0);
}

#define IN_DIRECTORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(IN_DIRECTORY(a_journal_as_it_was_written_is_fine),
      IN_DIRECTORY(a_checkpoints_own_record_needs_no_other),
      IN_DIRECTORY(the_oldest_segments_may_be_gone),
      IN_DIRECTORY(rows_without_files_are_the_same_journal),
      IN_DIRECTORY(a_segment_in_the_middle_cannot_be_gone),
      IN_DIRECTORY(every_flipped_bit_is_found),
      IN_DIRECTORY(every_line_that_is_deleted_doubled_or_swapped_is_found),
      IN_DIRECTORY(segments_that_changed_places_are_found), IN_DIRECTORY(a_segment_twice_is_found),
      IN_DIRECTORY(a_chain_recomputed_without_the_key_is_found),
      IN_DIRECTORY(notes_of_another_size_name_or_signer_are_refused),
      IN_DIRECTORY(a_clock_that_was_set_back_is_told_of),
      IN_DIRECTORY(a_checkpoint_names_no_successor),
      IN_DIRECTORY(a_key_that_the_former_one_did_not_sign_for_is_refused),
      IN_DIRECTORY(a_key_cannot_introduce_itself), IN_DIRECTORY(a_segment_cannot_change_the_key),
      IN_DIRECTORY(both_keys_pinned_are_fine_and_one_is_not),
      IN_DIRECTORY(each_key_signs_in_its_window_only),
      IN_DIRECTORY(a_past_forged_with_a_newer_key_is_found_by_its_window),
      IN_DIRECTORY(a_journal_begun_anew_with_another_key_needs_pins_to_be_found),
      IN_DIRECTORY(every_file_begins_with_a_segment_record),
      IN_DIRECTORY(a_journal_begins_with_a_segment_record),
      IN_DIRECTORY(a_segment_record_stands_nowhere_else),
      IN_DIRECTORY(a_frontier_is_that_of_the_records_before),
      IN_DIRECTORY(a_frontier_has_the_hashes_that_its_size_needs),
      IN_DIRECTORY(the_first_link_of_a_shortened_journal_is_checked_where_it_can_be),
      IN_DIRECTORY(a_segment_of_another_journal_is_refused),
      IN_DIRECTORY(truncation_behind_a_checkpoint_shows_to_whoever_kept_a_newer_one),
      IN_DIRECTORY(a_journal_signed_anew_with_the_true_key_shows_to_whoever_kept_a_checkpoint),
      IN_DIRECTORY(a_checkpoint_over_nothing_or_over_what_is_gone_is_compared_too),
      IN_DIRECTORY(a_checkpoint_that_cannot_be_compared_is_said_to_be_so),
      IN_DIRECTORY(a_checkpoint_of_another_journal_or_signer_is_refused),
      IN_DIRECTORY(what_stands_beside_the_journal_says_how_far_it_went),
      IN_DIRECTORY(checkpoints_that_are_missing_are_a_finding),
      IN_DIRECTORY(a_tail_that_goes_on_for_hours_without_a_checkpoint_is_a_finding),
      IN_DIRECTORY(a_crash_leaves_a_tail_that_is_no_finding),
      IN_DIRECTORY(an_outcome_belongs_to_a_decision),
      IN_DIRECTORY(a_refused_campaign_has_no_outcome), IN_DIRECTORY(a_campaign_has_one_outcome),
      IN_DIRECTORY(what_was_unknown_may_be_found_out_once),
      IN_DIRECTORY(what_was_unknown_has_no_second_outcome_of_its_own),
      IN_DIRECTORY(a_person_may_close_what_is_open), IN_DIRECTORY(an_id_is_decided_once_at_a_time),
      IN_DIRECTORY(a_segment_lists_what_is_open), IN_DIRECTORY(a_segment_lists_nothing_else),
      IN_DIRECTORY(what_is_not_known_may_be_on_the_list),
      IN_DIRECTORY(a_shortened_journal_begins_with_what_its_list_says),
      IN_DIRECTORY(a_new_journal_has_nothing_open), IN_DIRECTORY(captures_are_as_they_were_or_gone),
      IN_DIRECTORY(a_capture_is_not_looked_for_elsewhere),
      IN_DIRECTORY(a_capture_does_not_follow_links),
      IN_DIRECTORY(a_campaigns_texts_cannot_name_a_capture),
      IN_DIRECTORY(records_that_are_none_of_ours_are_refused),
      IN_DIRECTORY(a_journal_that_claims_the_largest_number_is_survived),
      IN_DIRECTORY(a_pipe_in_the_place_of_a_segment_is_not_waited_for),
      IN_DIRECTORY(no_journal_is_none))
