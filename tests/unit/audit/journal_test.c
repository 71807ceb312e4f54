/* The journal on a real directory. fdatasync and clock_gettime are this program's own, so that the
 * disk can fail, or hang, and the clock be set, when a test wants it. */
#include "audit/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "audit/checkpoint.h"
#include "audit/reader.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json_read.h"
#include "base/limits.h"
#include "test.h"

static char root[64], first_directory[80], second_directory[80];
static struct journal_recovery recovery;
static struct error err;

/* ---- a disk that does what the test says ---- */

static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t disk_changed = PTHREAD_COND_INITIALIZER;
static bool disk_hangs;
static int disk_takes_ms;
static const char *disk_fails_in; /* a directory, or NULL */
static atomic_size_t syncs_hanging;

static bool is_in(int fd, const char *directory)
{
    char link[64], path[4096];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    if (length < 0)
        return false;
    path[length] = '\0';
    return strncmp(path, directory, strlen(directory)) == 0;
}

int fdatasync(int fd)
{
    pthread_mutex_lock(&disk_lock);
    syncs_hanging++;
    while (disk_hangs)
        pthread_cond_wait(&disk_changed, &disk_lock);
    syncs_hanging--;
    (void)poll(NULL, 0, disk_takes_ms);
    bool fails = disk_fails_in && is_in(fd, disk_fails_in);
    pthread_mutex_unlock(&disk_lock);
    errno = EIO;
    return fails ? -1 : (int)syscall(SYS_fdatasync, fd);
}

/* A disk that hangs may do so for whoever asks how much room there is. */
static bool space_hangs;

int fstatvfs(int fd, struct statvfs *ret)
{
    struct statfs about;
    pthread_mutex_lock(&disk_lock);
    while (space_hangs)
        pthread_cond_wait(&disk_changed, &disk_lock);
    pthread_mutex_unlock(&disk_lock);
    if (fstatfs(fd, &about) != 0)
        return -1;
    *ret = (struct statvfs){.f_frsize = (unsigned long)about.f_bsize,
                            .f_blocks = about.f_blocks,
                            .f_bavail = about.f_bavail};
    return 0;
}

static void set_space(bool hangs)
{
    pthread_mutex_lock(&disk_lock);
    space_hangs = hangs;
    pthread_cond_broadcast(&disk_changed);
    pthread_mutex_unlock(&disk_lock);
}

static void set_disk(bool hangs, const char *fails_in)
{
    pthread_mutex_lock(&disk_lock);
    disk_hangs = hangs;
    disk_fails_in = fails_in;
    pthread_cond_broadcast(&disk_changed);
    pthread_mutex_unlock(&disk_lock);
}

static atomic_long clock_set_by_s;

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int answer = (int)syscall(SYS_clock_gettime, clock, ret);
    if (clock == CLOCK_REALTIME)
        ret->tv_sec += atomic_load(&clock_set_by_s);
    return answer;
}

/* ---- a journal ---- */

static struct journal_options options;

static int begin(void **state)
{
    (void)state;
    strcpy(root, "/tmp/journal-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    (void)snprintf(first_directory, sizeof(first_directory), "%s/first", root);
    (void)snprintf(second_directory, sizeof(second_directory), "%s/second", root);
    options =
        (struct journal_options){.directory = first_directory,
                                 .source = "test",
                                 .segment_bytes = 100000,
                                 .segment_ms = 3600 * 1000,
                                 .max_waiting = 10000,
                                 .write_timeout_ms = 20000, /* other tests use the disk, too */
                                 .central_timeout_ms = 20000,
                                 .passing_ms = 60000};
    return 0;
}

static int end(void **state)
{
    char command[200];
    (void)state;
    set_disk(false, NULL);
    atomic_store(&clock_set_by_s, 0);
    (void)snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

static struct journal *open_journal(void)
{
    struct journal *journal = journal_open(&options, &recovery, &err);
    if (!journal)
        print_message("%s\n", err.text);
    return journal;
}

#define NONE ((struct str){0})

static bool append(struct journal *journal, struct str members)
{
    return journal_append_wait(journal, members, NONE);
}

/* An entry as an exchange makes it, and how it ended. */
struct ticket {
    struct journal_entry entry;
    atomic_bool told;
};

static void tell(void *arg)
{
    struct ticket *ticket = arg;
    atomic_store(&ticket->told, true);
}

static bool send(struct journal *journal, struct ticket *ticket, struct str members,
                 struct str opens, struct str closes)
{
    *ticket = (struct ticket){
        .entry = {
            .members = members, .opens = opens, .closes = closes, .done = tell, .arg = ticket}};
    return journal_append(journal, &ticket->entry);
}

static void wait_for(atomic_bool *flag)
{
    for (int i = 0; i < 10000 && !atomic_load(flag); i++)
        (void)poll(NULL, 0, 1);
    assert_true(atomic_load(flag));
}

static enum journal_fate fate(struct ticket *ticket)
{
    wait_for(&ticket->told);
    return ticket->entry.fate;
}

#define ID_1 "019f0000-0000-7000-8000-000000000001"
#define ID_2 "019f0000-0000-7000-8000-000000000002"
#define DECISION_1 STR("\"kind\":\"decision\",\"id\":\"" ID_1 "\",\"verdict\":\"allow\"")
#define DECISION_2 STR("\"kind\":\"decision\",\"id\":\"" ID_2 "\",\"verdict\":\"allow\"")
#define OUTCOME_1 STR("\"kind\":\"outcome\",\"id\":\"" ID_1 "\",\"created\":\"yes\"")

/* ---- what is in it ---- */

struct contents {
    size_t records, segments, checkpoints, hand_overs;
    size_t retractions, degraded; /* records of these kinds */
    size_t decisions, outcomes;
    uint64_t last_checkpoint; /* records under it */
    int64_t last_note_unix_ms;
    struct str kinds; /* a letter each, in order */
    char kinds_text[4000];
    char last_key[DIGEST_HEX_SIZE];
};

static struct str member(const struct json_value *record, const char *key)
{
    const struct json_value *value = json_member(record, str_from(key));
    return value && json_kind(value) == JSON_KIND_STRING ? json_string(value) : NONE;
}

static void check_note(const struct json_value *record, uint64_t seq, struct contents *contents)
{
    struct checkpoint checkpoint;
    uint8_t key[DIGEST_BYTES];
    struct str note = member(record, "note");
    assert_true(checkpoint_parse(note, &checkpoint));
    assert_int_equal(checkpoint.size, seq - 1);
    assert_true(checkpoint.time_unix_ms >= contents->last_note_unix_ms);
    contents->last_note_unix_ms = checkpoint.time_unix_ms;
    assert_true(digest_from_hex(str_from(contents->last_key), key));
    assert_true(checkpoint_is_signed_by(note, key));
    contents->last_checkpoint = checkpoint.size;
}

static void take_key(const struct json_value *record, struct contents *contents)
{
    struct str key = member(record, "key");
    assert_int_equal(key.len, DIGEST_HEX);
    memcpy(contents->last_key, key.data, key.len);
    contents->last_key[DIGEST_HEX] = '\0';
}

static void look_at(const struct json_value *record, uint64_t seq, struct contents *contents)
{
    struct str kind = member(record, "kind");
    char letter = kind.len ? kind.data[0] : '?';
    contents->kinds_text[contents->records++] = letter;
    if (str_equal(kind, STR("segment"))) {
        contents->segments++;
        take_key(record, contents);
        check_note(record, seq, contents);
    } else if (str_equal(kind, STR("checkpoint"))) {
        contents->checkpoints++;
        check_note(record, seq, contents);
    } else if (str_equal(kind, STR("key"))) {
        contents->hand_overs++;
        check_note(record, seq, contents);
        take_key(record, contents);
    } else if (str_equal(kind, STR("degraded"))) {
        contents->degraded++;
        contents->kinds_text[contents->records - 1] = 'g';
    } else if (str_equal(kind, STR("outcome"))) {
        bool taken_back = str_equal(member(record, "outcome"), STR("retracted"));
        contents->retractions += taken_back;
        contents->outcomes += !taken_back;
        contents->kinds_text[contents->records - 1] = taken_back ? 'r' : 'o';
    }
    contents->decisions += str_equal(kind, STR("decision"));
}

/* Reads all of it, over both directories; every hash, link and note must hold. */
static struct contents read_all(void)
{
    static struct contents contents;
    const char *const directories[] = {first_directory, second_directory};
    struct reader_options all = {.directories = directories,
                                 .directory_count = options.second_directory ? 2 : 1};
    struct reader_record record;
    struct arena arena;
    struct json_fault fault;
    enum reader_result result;
    contents = (struct contents){0};
    arena_init(&arena, LIMIT_ARENA_BYTES);
    struct reader *reader = reader_open(&all, &err);
    assert_non_null(reader);
    while ((result = reader_next(reader, &record, &err)) == READER_RECORD) {
        const struct json_value *json = json_read(record.json, &arena, &fault);
        assert_non_null(json);
        look_at(json, record.head.seq, &contents);
        arena_reset(&arena);
    }
    if (result != READER_END)
        print_message("%s\n", err.text);
    assert_int_equal(result, READER_END);
    reader_close(reader);
    arena_release(&arena);
    contents.kinds = str_from(contents.kinds_text);
    return contents;
}

static void path_of(char out[200], const char *name)
{
    (void)snprintf(out, 200, "%s/%s", first_directory, name);
}

static void append_to(const char *name, const char *text)
{
    char path[200];
    path_of(path, name);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

#define SEGMENT_1 "00000000000000000001.jsonl"

/* The last segment by name. */
static void last_segment(char out[200])
{
    char best[64] = ""; /* names of segments are shorter */
    DIR *dir = opendir(first_directory);
    for (struct dirent *entry; (entry = readdir(dir));) {
        uint64_t seq;
        if (segment_parse_name(entry->d_name, &seq) && strcmp(entry->d_name, best) > 0)
            (void)snprintf(best, sizeof(best), "%.60s", entry->d_name);
    }
    closedir(dir);
    path_of(out, best);
}

/* ---- the chain ---- */

TEST(the_chain_goes_on_over_restarts_and_segments)
{
    options.segment_bytes = 2500;
    for (int run = 0; run < 3; run++) {
        struct journal *journal = open_journal();
        assert_non_null(journal);
        for (int i = 0; i < 4; i++)
            assert_true(append(journal, STR("\"kind\":\"test\"")));
        journal_close(journal);
    }
    struct contents contents = read_all();
    assert_true(contents.segments > 1);
    assert_true(contents.records >= 12 + contents.segments);
    assert_int_equal(recovery.torn_bytes, 0);
}

TEST(a_segment_begins_with_what_is_needed_to_go_on)
{
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    journal_close(journal);
    EXPECT_STR(read_all().kinds, "stc"); /* segment, test, and a last checkpoint over both */
    assert_int_equal(read_all().last_checkpoint, 2);
}

TEST(a_thousand_records_have_a_checkpoint)
{
    options.segment_bytes = 1 << 30;
    struct journal *journal = open_journal();
    static struct ticket tickets[3000];
    for (size_t i = 0; i < COUNT_OF(tickets); i++)
        assert_true(send(journal, &tickets[i], STR("\"kind\":\"test\""), NONE, NONE));
    for (size_t i = 0; i < COUNT_OF(tickets); i++)
        assert_int_equal(fate(&tickets[i]), JOURNAL_DURABLE);
    journal_close(journal);
    struct contents contents = read_all();
    assert_in_range(contents.checkpoints, 3, 200);
    size_t since = 0;
    for (size_t i = 0; i < contents.kinds.len; i++) {
        since = contents.kinds.data[i] == 't' ? since + 1 : 0;
        assert_true(since <= 1000);
    }
}

TEST(a_checkpoint_follows_within_a_second)
{
    struct journal *journal = open_journal();
    struct journal_state now = {0};
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    for (int i = 0; i < 10000 && now.checkpoint_seq < 2; i++) {
        (void)poll(NULL, 0, 1);
        journal_state(journal, &now);
    }
    assert_int_equal(now.checkpoint_seq, 2);
    journal_close(journal);
}

TEST(notes_do_not_go_back_with_the_clock)
{
    for (int run = 0; run < 3; run++) {
        struct journal *journal = open_journal();
        assert_true(append(journal, STR("\"kind\":\"test\"")));
        journal_close(journal);
        atomic_fetch_sub(&clock_set_by_s, 5000);
    }
    assert_int_equal(read_all().checkpoints, 3);
}

TEST(a_segment_is_read_only_when_it_is_complete)
{
    options.segment_bytes = 1000;
    struct stat info;
    char path[200];
    struct journal *journal = open_journal();
    for (int i = 0; i < 20; i++)
        assert_true(append(journal, STR("\"kind\":\"test\"")));
    path_of(path, SEGMENT_1);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0400);
    last_segment(path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    journal_close(journal);
}

TEST(a_segment_ends_when_it_is_old)
{
    options.segment_ms = 20;
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    (void)poll(NULL, 0, 30);
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    journal_close(journal);
    assert_true(read_all().segments >= 2);
}

TEST(a_torn_tail_is_cut_and_kept)
{
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"a\":1")));
    journal_close(journal);
    append_to(SEGMENT_1, "{\"seq\":4,");
    journal = open_journal();
    assert_non_null(journal);
    assert_int_equal(recovery.torn_bytes, 9);
    assert_int_equal(recovery.last_seq, 3);
    assert_int_equal(access(recovery.torn_path, R_OK), 0);
    assert_true(append(journal, STR("\"a\":2")));
    journal_close(journal);
    assert_non_null(journal = open_journal());
    assert_int_equal(recovery.torn_bytes, 0);
    journal_close(journal);
}

static void flip_in(const char *path, off_t at)
{
    char byte;
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

TEST(what_was_durable_and_is_damaged_is_not_cut_away)
{
    char path[200];
    struct stat before, after;
    struct journal *journal = open_journal();
    for (int i = 0; i < 3; i++)
        assert_true(append(journal, STR("\"a\":1")));
    journal_close(journal);
    path_of(path, SEGMENT_1);
    assert_int_equal(stat(path, &before), 0);
    flip_in(path, before.st_size - 200);
    assert_null(journal_open(&options, &recovery, &err));
    assert_non_null(strstr(err.text, "is damaged"));
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
}

TEST(what_was_durable_and_is_gone_is_noticed)
{
    char path[200];
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"a\":1")));
    journal_close(journal);
    path_of(path, SEGMENT_1);
    assert_int_equal(truncate(path, 0), 0);
    assert_null(journal_open(&options, &recovery, &err));
    assert_int_equal(unlink(path), 0);
    assert_null(journal_open(&options, &recovery, &err));
    assert_non_null(strstr(err.text, "is damaged"));
}

/* A journal whose last segment is complete, and of which nothing says how far it went. */
static void leave_finished_segment(char path[200])
{
    options.segment_bytes = 2500;
    struct journal *journal = open_journal();
    for (int i = 0; i < 20; i++)
        assert_true(append(journal, STR("\"kind\":\"test\"")));
    journal_close(journal);
    last_segment(path);
    assert_int_equal(unlink(path), 0);
    path_of(path, "durable");
    assert_int_equal(unlink(path), 0);
    last_segment(path);
}

TEST(a_finished_segment_that_is_damaged_is_neither_cut_nor_removed)
{
    char path[200];
    struct stat before, after;
    leave_finished_segment(path);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(before.st_mode & 0777, 0400);
    for (off_t at = 5; at < before.st_size;
         at += before.st_size / 2) { /* the first record, and later */
        flip_in(path, at);
        assert_null(journal_open(&options, &recovery, &err));
        assert_non_null(strstr(err.text, "is damaged"));
        assert_int_equal(stat(path, &after), 0);
        assert_int_equal(before.st_size, after.st_size);
        flip_in(path, at);
    }
    struct journal *journal = open_journal();
    assert_non_null(journal);
    journal_close(journal);
}

TEST(a_segment_begun_and_never_written_is_dropped)
{
    char name[SEGMENT_NAME_SIZE], path[200];
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"a\":1")));
    journal_close(journal);
    segment_name(4, name);
    append_to(name, "{\"seq\":4,");
    journal = open_journal();
    assert_non_null(journal);
    assert_int_equal(recovery.last_seq, 3);
    assert_true(append(journal, STR("\"a\":2")));
    journal_close(journal);
    path_of(path, name);
    assert_int_equal(access(path, F_OK), -1);
}

TEST(one_directory_has_one_writer)
{
    struct journal *journal = open_journal();
    assert_null(journal_open(&options, &recovery, &err));
    assert_non_null(strstr(err.text, "belongs to a gateway that is running"));
    journal_close(journal);
}

TEST(a_record_that_is_too_large_is_refused_alone)
{
    static char members[LIMIT_RECORD_BYTES + 1];
    memset(members, ' ', sizeof(members));
    struct journal *journal = open_journal();
    assert_false(append(journal, (struct str){members, sizeof(members)}));
    assert_true(append(journal, STR("\"a\":1")));
    journal_close(journal);
}

TEST(a_deleted_or_replaced_segment_is_noticed)
{
    char path[200];
    struct journal *journal = open_journal();
    path_of(path, SEGMENT_1);
    assert_true(append(journal, STR("\"a\":1")));
    assert_int_equal(unlink(path), 0);
    assert_true(append(journal, STR("\"a\":2")));
    last_segment(path);
    char moved[208];
    (void)snprintf(moved, sizeof(moved), "%s.moved", path);
    assert_int_equal(rename(path, moved), 0);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    assert_true(append(journal, STR("\"a\":3")));
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 0); /* nothing was written into what took its name */
    journal_close(journal);
}

/* ---- keys ---- */

TEST(another_key_needs_the_word_of_the_former_one)
{
    char key[100], other[100], command[400];
    (void)snprintf(key, sizeof(key), "%s/key.pem", root);
    (void)snprintf(other, sizeof(other), "%s/other.pem", root);
    assert_true(signing_key_make(key, &err) && signing_key_make(other, &err));
    options.signing_key = key;
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    journal_close(journal);

    options.signing_key = other;
    assert_null(journal_open(&options, &recovery, &err));
    assert_non_null(strstr(err.text, "signed by another key"));

    (void)snprintf(command, sizeof(command), "cat %s >> %s", key, other);
    assert_int_equal(system(command), 0);
    journal = open_journal();
    assert_non_null(journal);
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    journal_close(journal);
    assert_int_equal(read_all().hand_overs, 1); /* and every note holds */
    assert_non_null(journal = open_journal());
    journal_close(journal);
    assert_int_equal(read_all().hand_overs, 1);
}

/* ---- open decisions ---- */

static void count_open(void *arg, struct str id)
{
    *(size_t *)arg += str_equal(id, STR(ID_1)) || str_equal(id, STR(ID_2));
}

static size_t open_ones(struct journal *journal)
{
    size_t count = 0;
    journal_each_open(journal, count_open, &count);
    return count;
}

TEST(a_decision_without_outcome_is_found_at_the_next_start)
{
    struct ticket ticket;
    options.segment_bytes = 2000;
    struct journal *journal = open_journal();
    assert_true(send(journal, &ticket, DECISION_1, STR(ID_1), NONE));
    assert_int_equal(fate(&ticket), JOURNAL_DURABLE);
    assert_int_equal(open_ones(journal), 0); /* its request is under way */
    for (int i = 0; i < 30; i++)             /* into other segments, which carry it on */
        assert_true(append(journal, STR("\"kind\":\"test\"")));
    journal_close(journal);
    for (int run = 0; run < 2; run++) {
        journal = open_journal();
        assert_int_equal(recovery.open_intents, 1);
        assert_int_equal(open_ones(journal), 1);
        journal_close(journal);
    }
    journal = open_journal();
    assert_true(journal_append_wait(journal, OUTCOME_1, STR(ID_1)));
    assert_int_equal(open_ones(journal), 0);
    journal_close(journal);
    journal = open_journal();
    assert_int_equal(recovery.open_intents, 0);
    journal_close(journal);
}

TEST(an_outcome_that_nobody_knows_leaves_it_open)
{
    struct ticket ticket;
    struct journal *journal = open_journal();
    assert_true(send(journal, &ticket, DECISION_1, STR(ID_1), NONE));
    assert_int_equal(fate(&ticket), JOURNAL_DURABLE);
    ticket = (struct ticket){.entry = {.members = STR("\"kind\":\"outcome\",\"id\":\"" ID_1
                                                      "\",\"created\":\"unknown\""),
                                       .orphans = STR(ID_1),
                                       .done = tell,
                                       .arg = &ticket}};
    assert_true(journal_append(journal, &ticket.entry));
    assert_int_equal(fate(&ticket), JOURNAL_DURABLE);
    assert_int_equal(open_ones(journal), 1);
    journal_close(journal);
    journal = open_journal();
    assert_int_equal(recovery.open_intents, 1);
    journal_close(journal);
}

TEST(an_outcome_that_cannot_be_written_leaves_it_open)
{
    struct ticket ticket;
    struct journal *journal = open_journal();
    assert_true(send(journal, &ticket, DECISION_1, STR(ID_1), NONE));
    assert_int_equal(fate(&ticket), JOURNAL_DURABLE);
    set_disk(false, first_directory);
    assert_true(send(journal, &ticket, OUTCOME_1, NONE, STR(ID_1)));
    assert_int_equal(fate(&ticket), JOURNAL_FAILED);
    assert_int_equal(open_ones(journal), 1);
    set_disk(false, NULL);
    journal_close(journal);
}

/* ---- disks that fail ---- */

TEST(a_failed_sync_acknowledges_nothing_and_a_fresh_segment_takes_over)
{
    struct journal_state now;
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    set_disk(false, first_directory);
    assert_false(append(journal, STR("\"kind\":\"lost\"")));
    journal_state(journal, &now);
    assert_true(now.failing);
    set_disk(false, NULL);
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    journal_state(journal, &now);
    assert_false(now.failing);
    journal_close(journal);
    struct contents contents = read_all();
    assert_int_equal(str_find(contents.kinds, 'l'), contents.kinds.len);
}

/* Whoever is sent elsewhere while it fails would never see that it does not any more. */
TEST(a_disk_that_works_again_is_noticed_though_nobody_comes)
{
    struct journal_state now;
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    set_disk(false, first_directory);
    assert_false(append(journal, STR("\"kind\":\"lost\"")));
    journal_state(journal, &now);
    assert_true(now.failing && now.denying);
    set_disk(false, NULL);
    for (int i = 0; i < 10000 && now.failing; i++) {
        (void)poll(NULL, 0, 1);
        journal_state(journal, &now);
    }
    assert_false(now.failing || now.denying);
    journal_close(journal);
}

TEST(a_disk_that_hangs_when_asked_for_its_room_fails_those_who_wait)
{
    struct journal_state now;
    options.write_timeout_ms = 300;
    set_space(true);
    struct journal *journal = open_journal(); /* it asks at once */
    assert_false(append(journal, STR("\"kind\":\"lost\"")));
    assert_false(append(journal, STR("\"kind\":\"lost\"")));
    journal_state(journal, &now);
    assert_true(now.failing && now.denying);
    set_space(false);
    while (!append(journal, STR("\"kind\":\"test\"")))
        (void)poll(NULL, 0, 1);
    journal_state(journal, &now);
    assert_false(now.failing);
    assert_true(now.space[0].free_bytes > 0);
    journal_close(journal);
    EXPECT_STR(read_all().kinds, "stc");
}

/* ---- what is told ---- */

static void write_receipt(uint64_t seq)
{
    char path[200], text[200];
    (void)snprintf(text, sizeof(text), "%020llu %064d %020llu\n", (unsigned long long)seq, 0,
                   (unsigned long long)seq);
    path_of(path, "receipt");
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
    close(fd);
}

TEST(what_is_written_is_measured)
{
    struct journal_state now;
    struct journal *journal = open_journal();
    const struct journal_histograms *told = journal_histograms(journal);
    uint64_t appended = 0, written = 0;
    for (int i = 0; i < 3; i++)
        assert_true(append(journal, STR("\"kind\":\"test\"")));
    set_disk(false, first_directory);
    assert_false(append(journal, STR("\"kind\":\"lost\"")));
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        appended += told->append.buckets[i];
        written += told->write.buckets[i];
    }
    assert_int_equal(appended, 3); /* what failed was not appended */
    assert_true(written >= 3 && told->records.sum >= 4);
    journal_state(journal, &now);
    assert_true(now.space[0].free_bytes > 0 && now.space[0].free_bytes <= now.space[0].all_bytes);
    assert_string_equal(now.space[0].directory, first_directory);
    assert_null(now.space[1].directory);
    assert_int_equal(strlen(now.last_hash), DIGEST_HEX);
    set_disk(false, NULL);
    journal_close(journal);
}

TEST(receipts_are_looked_at_also_when_nobody_waits_for_them)
{
    struct ticket ticket;
    struct journal_state now = {0};
    options.ships = true;
    struct journal *journal = open_journal();
    assert_true(send(journal, &ticket, DECISION_1, STR(ID_1), NONE));
    assert_int_equal(fate(&ticket), JOURNAL_DURABLE);
    journal_state(journal, &now);
    assert_true(now.ships && now.unshipped_us > 0);
    for (int i = 0; i < 10000 && now.unshipped_us; i++) {
        write_receipt(now.last_seq);
        (void)poll(NULL, 0, 1);
        journal_state(journal, &now);
    }
    assert_int_equal(now.unshipped_us, 0);
    assert_false(now.unconfirmed);
    journal_close(journal);
    journal = open_journal();
    journal_state(journal, &now);
    assert_true(now.unshipped_us > 0); /* its last checkpoint */
    journal_close(journal);
}

TEST(a_second_device_takes_over)
{
    options.second_directory = second_directory;
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    set_disk(false, first_directory);
    for (int i = 0; i < 3; i++)
        assert_true(append(journal, STR("\"kind\":\"test\"")));
    journal_close(journal);
    set_disk(false, NULL);
    assert_int_equal(read_all().segments, 2);
    uint64_t last_seq = read_all().records;
    journal = open_journal();
    assert_int_equal(recovery.last_seq, last_seq);
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    journal_close(journal);
    (void)read_all();
}

static void expect_refused_for_a_stale_second(const char *name, const char *copied_from)
{
    char command[600], stale[200];
    (void)snprintf(stale, sizeof(stale), "%s/%s", second_directory, name);
    (void)snprintf(command, sizeof(command), "mkdir -p %s && head -n 1 %s/%s > %s",
                   second_directory, first_directory, copied_from, stale);
    assert_int_equal(system(command), 0);
    options.second_directory = second_directory;
    assert_null(journal_open(&options, &recovery, &err));
    assert_non_null(strstr(err.text, "move it away"));
    options.second_directory = NULL;
    assert_int_equal(unlink(stale), 0);
    (void)read_all();
}

TEST(an_old_copy_in_the_second_directory_does_not_push_out_what_is_durable)
{
    static const char first[] = "00000000000000000001.jsonl";
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"kind\":\"started\"")));
    journal_close(journal);
    expect_refused_for_a_stale_second(first, first);
    expect_refused_for_a_stale_second(first, "durable"); /* no record at all */
    options.segment_bytes = 1;
    journal = open_journal();
    assert_true(append(journal, STR("\"kind\":\"started\"")));
    journal_close(journal);
    expect_refused_for_a_stale_second(first, first);
}

TEST(a_hanging_disk_fails_those_who_wait_and_what_landed_is_taken_back)
{
    struct ticket flying, queued, late;
    options.write_timeout_ms = 1000;
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    set_disk(true, NULL);
    assert_true(send(journal, &flying, DECISION_1, STR(ID_1), NONE));
    while (atomic_load(&syncs_hanging) == 0)
        (void)poll(NULL, 0, 1);
    assert_true(send(journal, &queued, DECISION_2, STR(ID_2), NONE));
    assert_int_equal(fate(&flying), JOURNAL_FAILED);
    assert_int_equal(fate(&queued), JOURNAL_FAILED);
    assert_false(send(journal, &late, DECISION_2, STR(ID_2), NONE)); /* told at once */
    set_disk(false, NULL);
    while (!append(journal, STR("\"kind\":\"test\"")))
        (void)poll(NULL, 0, 1);
    struct journal_state now;
    journal_state(journal, &now);
    assert_int_equal(now.retracted, 1);
    journal_close(journal);
    struct contents contents = read_all();
    assert_int_equal(contents.decisions, 1);
    assert_int_equal(contents.retractions, 1);
    journal = open_journal();
    assert_int_equal(recovery.open_intents, 0);
    journal_close(journal);
}

TEST(a_journal_is_left_while_its_disk_hangs)
{
    struct ticket ticket;
    options.write_timeout_ms = 1000;
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    set_disk(true, NULL);
    assert_true(send(journal, &ticket, DECISION_1, STR(ID_1), NONE));
    journal_close(journal); /* comes back */
    assert_int_equal(fate(&ticket), JOURNAL_FAILED);
    set_disk(false, NULL);
    while (!(journal = journal_open(&options, &recovery, &err))) /* once its thread has ended */
        (void)poll(NULL, 0, 1);
    journal_close(journal);
}

TEST(attempts_that_fail_slowly_have_one_deadline_together)
{
    struct ticket ticket;
    options.write_timeout_ms = 500;
    options.second_directory = second_directory;
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    disk_takes_ms = 400;
    set_disk(false, root); /* the open segment, and a new one in either directory */
    int64_t begun_us = clock_mono_us();
    assert_true(send(journal, &ticket, DECISION_1, STR(ID_1), NONE));
    assert_int_equal(fate(&ticket), JOURNAL_FAILED);
    assert_in_range(clock_mono_us() - begun_us, 400000, 1100000); /* three times 400 ms are more */
    journal_close(journal);
}

/* So many entries at once; each opens a decision of its own, or says that it does. */
enum { CROWD = 3500 };
static struct ticket crowd[CROWD];
static char crowd_ids[CROWD][ID_SIZE];

static void send_crowd(struct journal *journal, struct str members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(crowd_ids[i], ID_SIZE, "019f0000-0000-7000-8000-%012u",
                       (unsigned)i % 1000000);
        assert_true(send(journal, &crowd[i], members, str_from(crowd_ids[i]), NONE));
    }
}

static void expect_fates(size_t count, enum journal_fate expected)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(fate(&crowd[i]), expected);
}

TEST(too_many_open_decisions_are_told_of)
{
    struct journal_state now;
    options.segment_bytes = 1 << 30;
    struct journal *journal = open_journal();
    send_crowd(journal, DECISION_1, CROWD);
    expect_fates(CROWD, JOURNAL_DURABLE);
    set_disk(false, first_directory);
    assert_false(append(journal, STR("\"kind\":\"test\"")));
    set_disk(false, NULL);
    assert_false(append(journal, STR("\"kind\":\"test\"")));
    journal_state(journal, &now);
    assert_true(now.failing);
    assert_non_null(strstr(now.why.text, "3500 decisions"));
    journal_close(journal);
    journal = open_journal();                   /* goes on in the segment that was there */
    assert_int_equal(recovery.open_intents, 1); /* every text names one id */
    journal_close(journal);
}

/* ---- passing without a durable record ---- */

TEST(a_few_may_pass_and_are_written_later_behind_a_record_that_says_so)
{
    struct ticket tickets[4];
    options.passing_requests = 1;
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    set_disk(false, first_directory);
    assert_true(send(journal, &tickets[0], DECISION_1, STR(ID_1), NONE));
    assert_int_equal(fate(&tickets[0]), JOURNAL_DEGRADED);
    struct journal_state now;
    journal_state(journal, &now);
    assert_true(now.failing && now.denying); /* for there is no second */
    assert_true(send(journal, &tickets[1], OUTCOME_1, NONE, STR(ID_1)));
    assert_int_equal(fate(&tickets[1]), JOURNAL_DEGRADED);
    assert_true(send(journal, &tickets[2], DECISION_2, STR(ID_2), NONE));
    assert_int_equal(fate(&tickets[2]), JOURNAL_FAILED); /* one has passed */
    set_disk(false, NULL);
    assert_true(send(journal, &tickets[3], DECISION_2, STR(ID_2), NONE));
    assert_int_equal(fate(&tickets[3]), JOURNAL_DURABLE);
    journal_state(journal, &now);
    assert_int_equal(now.passed, 0);
    journal_close(journal);
    struct contents contents = read_all();
    assert_int_equal(contents.degraded, 1);
    assert_true(strstr(contents.kinds_text, "gdo") != NULL);
    assert_int_equal(contents.decisions, 2);
    assert_int_equal(contents.retractions, 0);
}

TEST(what_passed_is_written_though_nobody_comes)
{
    struct ticket ticket;
    options.passing_requests = 2;
    struct journal_state now = {.passed = 1};
    struct journal *journal = open_journal();
    set_disk(false, first_directory);
    assert_true(send(journal, &ticket, DECISION_1, STR(ID_1), NONE));
    assert_int_equal(fate(&ticket), JOURNAL_DEGRADED);
    journal_state(journal, &now);
    assert_true(now.failing && !now.denying);
    set_disk(false, NULL);
    for (int i = 0; i < 10000 && now.passed; i++) {
        (void)poll(NULL, 0, 1);
        journal_state(journal, &now);
    }
    assert_int_equal(now.passed, 0);
    journal_close(journal);
    assert_int_equal(read_all().decisions, 1);
}

TEST(what_passed_while_the_disk_hung_is_not_taken_back_nor_written_twice)
{
    struct ticket flying, queued;
    options.passing_requests = 5;
    options.write_timeout_ms = 1000;
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    set_disk(true, NULL);
    assert_true(send(journal, &flying, DECISION_1, STR(ID_1), NONE));
    while (atomic_load(&syncs_hanging) == 0)
        (void)poll(NULL, 0, 1);
    assert_true(send(journal, &queued, DECISION_2, STR(ID_2), NONE));
    assert_int_equal(fate(&flying), JOURNAL_DEGRADED);
    assert_int_equal(fate(&queued), JOURNAL_DEGRADED);
    set_disk(false, NULL);
    while (!append(journal, STR("\"kind\":\"test\"")))
        (void)poll(NULL, 0, 1);
    journal_close(journal);
    struct contents contents = read_all();
    assert_int_equal(contents.decisions, 2);
    assert_int_equal(contents.retractions, 0);
    assert_true(contents.degraded >= 1);
}

TEST(the_gateways_own_records_never_pass)
{
    options.passing_requests = 2;
    struct journal *journal = open_journal();
    set_disk(false, first_directory);
    assert_false(append(journal, STR("\"kind\":\"reloaded\"")));
    set_disk(false, NULL);
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    journal_close(journal);
    EXPECT_STR(read_all().kinds, "stc"); /* nothing was reloaded, so nothing says so */
}

TEST(what_passed_is_written_when_the_journal_is_closed_however_much_it_is)
{
    static char members[4000];
    (void)snprintf(members, sizeof(members), "\"kind\":\"decision\",\"x\":\"%*s\"", 3800, "");
    options.passing_requests = CROWD;
    options.segment_bytes = 1 << 30;
    struct journal *journal = open_journal();
    set_disk(false, first_directory);
    send_crowd(journal, str_from(members), 1500);
    expect_fates(1500, JOURNAL_DEGRADED);
    set_disk(false, NULL);
    journal_close(journal);
    assert_int_equal(read_all().decisions, 1500); /* 6 MB, and a batch takes 4 */
}

/* ---- the central database's receipts ---- */

TEST(a_decision_waits_for_the_receipt)
{
    struct ticket ticket;
    options.central = true;
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"kind\":\"test\""))); /* does not need one */
    assert_true(send(journal, &ticket, DECISION_1, STR(ID_1), NONE));
    struct journal_state now = {0};
    while (now.last_seq < 3) {
        (void)poll(NULL, 0, 1);
        journal_state(journal, &now);
    }
    write_receipt(2);
    (void)poll(NULL, 0, 50);
    assert_false(atomic_load(&ticket.told));
    write_receipt(3);
    assert_int_equal(fate(&ticket), JOURNAL_DURABLE);
    journal_close(journal);
}

TEST(without_a_receipt_in_time_it_is_taken_back_and_later_ones_fail_at_once)
{
    struct ticket first, second, third;
    struct journal_state now = {.unconfirmed = true};
    options.central_timeout_ms = 1000;
    options.central = true;
    struct journal *journal = open_journal();
    assert_true(send(journal, &first, DECISION_1, STR(ID_1), NONE));
    assert_int_equal(fate(&first), JOURNAL_FAILED);
    assert_false(send(journal, &second, DECISION_2, STR(ID_2), NONE));
    journal_state(journal, &now);
    assert_true(now.unconfirmed);
    write_receipt(1000); /* of records that are not there: it is not this journal's */
    (void)poll(NULL, 0, 300);
    journal_state(journal, &now);
    assert_true(now.unconfirmed);
    write_receipt(now.last_seq);
    while (now.unconfirmed) {
        (void)poll(NULL, 0, 1);
        journal_state(journal, &now);
    }
    assert_true(send(journal, &third, DECISION_2, STR(ID_2), NONE));
    while (!atomic_load(&third.told)) {
        (void)poll(NULL, 0, 1);
        journal_state(journal, &now);
        write_receipt(now.last_seq);
    }
    assert_int_equal(fate(&third), JOURNAL_DURABLE);
    journal_close(journal);
    assert_int_equal(read_all().retractions, 1);
    assert_int_equal(read_all().decisions, 2);
}

TEST(a_receipt_from_before_the_directory_was_put_back_is_never_believed)
{
    struct journal_state now = {0};
    options.central = true;
    struct journal *journal = open_journal();
    journal_close(journal);
    write_receipt(20);
    journal = open_journal();
    while (now.last_seq < 30) {
        assert_true(append(journal, STR("\"kind\":\"test\"")));
        journal_state(journal, &now);
    }
    (void)poll(NULL, 0, 600); /* the keeper has looked */
    journal_state(journal, &now);
    assert_int_equal(now.receipt_seq, 0);
    write_receipt(25);
    while (now.receipt_seq != 25) {
        (void)poll(NULL, 0, 1);
        journal_state(journal, &now);
    }
    journal_close(journal);
}

TEST(a_refusal_stands_without_a_receipt)
{
    struct ticket ticket;
    options.central = true;
    struct journal *journal = open_journal();
    assert_true(
        send(journal, &ticket, STR("\"kind\":\"decision\",\"verdict\":\"deny\""), NONE, NONE));
    assert_int_equal(fate(&ticket), JOURNAL_DURABLE);
    journal_close(journal);
    assert_int_equal(read_all().retractions, 0);
}

/* ---- attachments ---- */

TEST(an_attachment_is_there_before_its_record)
{
    struct ticket ticket = {.entry = {.members = DECISION_1,
                                      .opens = STR(ID_1),
                                      .attachment = STR("ciphertext"),
                                      .attachment_name = STR("captures/2026-11-28/a.cms"),
                                      .done = tell,
                                      .arg = &ticket}};
    char path[200], text[20] = "";
    struct journal *journal = open_journal();
    assert_true(journal_append(journal, &ticket.entry));
    assert_int_equal(fate(&ticket), JOURNAL_DURABLE);
    journal_close(journal);
    path_of(path, "captures/2026-11-28/a.cms");
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, text, sizeof(text)), 10);
    assert_string_equal(text, "ciphertext");
    close(fd);
}

TEST(an_attachment_follows_its_record_to_the_second_device)
{
    struct ticket ticket = {.entry = {.members = DECISION_1,
                                      .opens = STR(ID_1),
                                      .attachment = STR("ciphertext"),
                                      .attachment_name = STR("captures/a.cms"),
                                      .done = tell,
                                      .arg = &ticket}};
    char path[200];
    options.second_directory = second_directory;
    struct journal *journal = open_journal();
    assert_true(append(journal, STR("\"kind\":\"test\"")));
    set_disk(false, first_directory);
    assert_true(journal_append(journal, &ticket.entry));
    assert_int_equal(fate(&ticket), JOURNAL_DURABLE);
    journal_close(journal);
    (void)snprintf(path, sizeof(path), "%s/captures/a.cms", second_directory);
    assert_int_equal(access(path, F_OK), 0);
    path_of(path, "captures/a.cms");
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(read_all().decisions, 1);
}

TEST(an_attachment_that_cannot_be_written_fails_its_record)
{
    struct ticket ticket = {.entry = {.members = DECISION_1,
                                      .opens = STR(ID_1),
                                      .attachment = STR("ciphertext"),
                                      .attachment_name = STR("captures/a.cms"),
                                      .done = tell,
                                      .arg = &ticket}};
    struct journal *journal = open_journal();
    append_to("captures", "a file where the directory would be");
    assert_true(journal_append(journal, &ticket.entry));
    assert_int_equal(fate(&ticket), JOURNAL_FAILED);
    journal_close(journal);
    assert_int_equal(read_all().decisions, 0);
}

/* ---- lines ---- */

TEST(every_flipped_bit_of_a_line_is_found)
{
    struct chain_head head = {0};
    struct str json;
    struct buf out;
    buf_init(&out, 10000);
    assert_true(chain_append(&head, STR("\"a\":1"), &out));
    for (size_t bit = 0; bit < (out.len - 1) * 8; bit++) {
        struct chain_head check = {0};
        out.data[bit / 8] ^= (char)(1 << bit % 8);
        assert_non_null(chain_check(&check, (struct str){out.data, out.len - 1}, &json));
        out.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    struct chain_head check = {0};
    assert_null(chain_check(&check, (struct str){out.data, out.len - 1}, &json));
    buf_release(&out);
}

#define IN_DIRECTORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(IN_DIRECTORY(the_chain_goes_on_over_restarts_and_segments),
      IN_DIRECTORY(a_segment_begins_with_what_is_needed_to_go_on),
      IN_DIRECTORY(a_thousand_records_have_a_checkpoint),
      IN_DIRECTORY(a_checkpoint_follows_within_a_second),
      IN_DIRECTORY(notes_do_not_go_back_with_the_clock),
      IN_DIRECTORY(a_segment_is_read_only_when_it_is_complete),
      IN_DIRECTORY(a_segment_ends_when_it_is_old), IN_DIRECTORY(a_torn_tail_is_cut_and_kept),
      IN_DIRECTORY(what_was_durable_and_is_damaged_is_not_cut_away),
      IN_DIRECTORY(what_was_durable_and_is_gone_is_noticed),
      IN_DIRECTORY(a_finished_segment_that_is_damaged_is_neither_cut_nor_removed),
      IN_DIRECTORY(a_segment_begun_and_never_written_is_dropped),
      IN_DIRECTORY(one_directory_has_one_writer),
      IN_DIRECTORY(a_record_that_is_too_large_is_refused_alone),
      IN_DIRECTORY(a_deleted_or_replaced_segment_is_noticed),
      IN_DIRECTORY(another_key_needs_the_word_of_the_former_one),
      IN_DIRECTORY(a_decision_without_outcome_is_found_at_the_next_start),
      IN_DIRECTORY(an_outcome_that_nobody_knows_leaves_it_open),
      IN_DIRECTORY(an_outcome_that_cannot_be_written_leaves_it_open),
      IN_DIRECTORY(a_failed_sync_acknowledges_nothing_and_a_fresh_segment_takes_over),
      IN_DIRECTORY(a_disk_that_works_again_is_noticed_though_nobody_comes),
      IN_DIRECTORY(a_disk_that_hangs_when_asked_for_its_room_fails_those_who_wait),
      IN_DIRECTORY(what_is_written_is_measured),
      IN_DIRECTORY(receipts_are_looked_at_also_when_nobody_waits_for_them),
      IN_DIRECTORY(a_second_device_takes_over),
      IN_DIRECTORY(an_old_copy_in_the_second_directory_does_not_push_out_what_is_durable),
      IN_DIRECTORY(a_hanging_disk_fails_those_who_wait_and_what_landed_is_taken_back),
      IN_DIRECTORY(a_journal_is_left_while_its_disk_hangs),
      IN_DIRECTORY(a_few_may_pass_and_are_written_later_behind_a_record_that_says_so),
      IN_DIRECTORY(what_passed_is_written_though_nobody_comes),
      IN_DIRECTORY(what_passed_while_the_disk_hung_is_not_taken_back_nor_written_twice),
      IN_DIRECTORY(attempts_that_fail_slowly_have_one_deadline_together),
      IN_DIRECTORY(too_many_open_decisions_are_told_of),
      IN_DIRECTORY(the_gateways_own_records_never_pass),
      IN_DIRECTORY(what_passed_is_written_when_the_journal_is_closed_however_much_it_is),
      IN_DIRECTORY(a_decision_waits_for_the_receipt),
      IN_DIRECTORY(without_a_receipt_in_time_it_is_taken_back_and_later_ones_fail_at_once),
      IN_DIRECTORY(a_receipt_from_before_the_directory_was_put_back_is_never_believed),
      IN_DIRECTORY(a_refusal_stands_without_a_receipt),
      IN_DIRECTORY(an_attachment_is_there_before_its_record),
      IN_DIRECTORY(an_attachment_follows_its_record_to_the_second_device),
      IN_DIRECTORY(an_attachment_that_cannot_be_written_fails_its_record),
      cmocka_unit_test(every_flipped_bit_of_a_line_is_found))
