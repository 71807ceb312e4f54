#include "audit/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/segment.h"
#include "base/buf.h"
#include "base/limits.h"

/* One write's worth: what 1,000 waiting requests need, so that a batch is bounded in memory. */
#define BATCH_BYTES (4 * 1024 * 1024)

struct journal {
    int directory_fd;
    int lock_fd;
    size_t segment_bytes;
    size_t max_waiting;

    pthread_t thread;
    bool thread_runs;
    pthread_mutex_t lock; /* guards the queue */
    pthread_cond_t queued;
    struct journal_entry *first, *last;
    size_t waiting;
    bool closing;

    /* the thread's own */
    int fd; /* the open segment, or -1 */
    uint64_t durable_bytes;
    struct chain_head head;
    struct buf batch;
    bool broken; /* a tail that is not ours to trust could not be cut: nothing more is written */
};

/* ---- writing ---- */

static bool write_fully(int fd, struct str bytes, uint64_t offset)
{
    size_t done = 0;
    while (done < bytes.len) {
        ssize_t wrote = pwrite(fd, bytes.data + done, bytes.len - done, (off_t)(offset + done));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        done += (size_t)wrote;
    }
    return true;
}

static void close_segment(struct journal *journal)
{
    if (journal->fd >= 0)
        close(journal->fd);
    journal->fd = -1;
    journal->durable_bytes = 0;
}

static bool open_segment(struct journal *journal)
{
    char name[SEGMENT_NAME_SIZE];
    segment_name(journal->head.seq + 1, name);
    int fd = openat(journal->directory_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    if (fsync(journal->directory_fd) != 0) { /* the name must survive a power cut, too */
        close(fd);
        (void)unlinkat(journal->directory_fd, name, 0);
        return false;
    }
    journal->fd = fd;
    journal->durable_bytes = 0;
    return true;
}

/*
 * A write or sync failed: nothing of the batch was acknowledged, so it must not stay. After a
 * failed fdatasync the kernel may have dropped dirty pages and would report success next time, so
 * the descriptor is not used again; the next batch begins a new segment.
 */
static void abandon_tail(struct journal *journal)
{
    char name[SEGMENT_NAME_SIZE];
    if (journal->fd < 0)
        return;
    bool cut = ftruncate(journal->fd, (off_t)journal->durable_bytes) == 0;
    bool empty = journal->durable_bytes == 0;
    close_segment(journal);
    if (cut && empty) {
        segment_name(journal->head.seq + 1, name);
        cut = unlinkat(journal->directory_fd, name, 0) == 0;
    }
    journal->broken = !cut;
}

static bool needs_new_segment(const struct journal *journal)
{
    return journal->fd < 0 ||
           (journal->durable_bytes > 0 &&
            journal->durable_bytes + journal->batch.len > journal->segment_bytes);
}

/* The file was deleted or replaced under us: writing on would feed an unlinked inode. */
static bool segment_is_there(const struct journal *journal)
{
    struct stat info;
    return fstat(journal->fd, &info) == 0 && info.st_nlink > 0;
}

/* Makes the batch durable, and with it everything in it. `head` is the chain behind it. */
static bool commit(struct journal *journal, const struct chain_head *head)
{
    if (journal->broken)
        return false;
    if (journal->fd >= 0 && !segment_is_there(journal))
        close_segment(journal);
    if (needs_new_segment(journal)) {
        close_segment(journal);
        if (!open_segment(journal))
            return false;
    }
    if (!write_fully(journal->fd, buf_str(&journal->batch), journal->durable_bytes) ||
        fdatasync(journal->fd) != 0) {
        abandon_tail(journal);
        return false;
    }
    journal->durable_bytes += journal->batch.len;
    journal->head = *head;
    return true;
}

/* ---- telling ---- */

static void announce(struct journal_entry *entries)
{
    for (struct journal_entry *each = entries, *next; each; each = next) {
        next = each->next; /* `each` belongs to its owner again once it was told */
        each->done(each->arg);
    }
}

static struct journal_entry *take_queue(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    while (!journal->first && !journal->closing)
        pthread_cond_wait(&journal->queued, &journal->lock);
    struct journal_entry *entries = journal->first;
    journal->first = journal->last = NULL;
    journal->waiting = 0;
    pthread_mutex_unlock(&journal->lock);
    return entries;
}

/* Puts as many entries as fit into the batch; answers the first that did not. */
static struct journal_entry *fill_batch(struct journal *journal, struct journal_entry *entries,
                                        struct chain_head *head)
{
    buf_clear(&journal->batch);
    struct journal_entry *each = entries;
    while (each && chain_append(head, each->members, &journal->batch))
        each = each->next;
    return each;
}

static void write_entries(struct journal *journal, struct journal_entry *entries)
{
    while (entries) {
        struct chain_head head = journal->head;
        struct journal_entry *rest = fill_batch(journal, entries, &head);
        bool durable = rest != entries && commit(journal, &head);
        if (rest == entries)
            rest = entries->next; /* too large to be a record at all: refused alone */
        struct journal_entry *last = entries;
        for (;; last = last->next) {
            last->fate = durable ? JOURNAL_DURABLE : JOURNAL_FAILED;
            if (last->next == rest)
                break;
        }
        last->next = NULL;
        announce(entries);
        entries = rest;
    }
}

static void *journal_main(void *arg)
{
    struct journal *journal = arg;
    for (struct journal_entry *entries; (entries = take_queue(journal));)
        write_entries(journal, entries);
    return NULL;
}

/* ---- appending ---- */

bool journal_append(struct journal *journal, struct journal_entry *entry)
{
    entry->next = NULL;
    entry->fate = JOURNAL_FAILED;
    pthread_mutex_lock(&journal->lock);
    bool accepted = !journal->closing && journal->waiting < journal->max_waiting;
    bool was_empty = !journal->first;
    if (accepted) {
        if (journal->last)
            journal->last->next = entry;
        else
            journal->first = entry;
        journal->last = entry;
        journal->waiting++;
    }
    pthread_mutex_unlock(&journal->lock);
    if (accepted && was_empty)
        pthread_cond_signal(&journal->queued);
    return accepted;
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool known;
};

static void run_waiter(void *arg)
{
    struct waiter *waiter = arg;
    pthread_mutex_lock(&waiter->lock);
    waiter->known = true;
    pthread_cond_signal(&waiter->changed);
    pthread_mutex_unlock(&waiter->lock);
}

bool journal_append_wait(struct journal *journal, struct str members, struct str closes)
{
    struct waiter waiter = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct journal_entry entry = {
        .members = members, .closes = closes, .done = run_waiter, .arg = &waiter};
    if (!journal_append(journal, &entry))
        return false;
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.known)
        pthread_cond_wait(&waiter.changed, &waiter.lock);
    pthread_mutex_unlock(&waiter.lock);
    return entry.fate == JOURNAL_DURABLE;
}

/* ---- opening ---- */

static bool open_directory(struct journal *journal, const char *path, struct error *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set(err, "cannot make the directory '%s': %s", path, strerrordesc_np(errno));
    journal->directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal->directory_fd < 0)
        return error_set(err, "cannot open the directory '%s': %s", path, strerrordesc_np(errno));
    journal->lock_fd = openat(journal->directory_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (journal->lock_fd < 0)
        return error_set(err, "cannot write in '%s': %s", path, strerrordesc_np(errno));
    if (flock(journal->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return error_set(err,
                         "the journal in '%s' belongs to a gateway that is running; give each "
                         "gateway its own directory",
                         path);
    return true;
}

/* The name of the segment with the highest first record; false when there is none. */
static bool find_last_segment(const char *path, uint64_t *ret_first_seq)
{
    bool found = false;
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        uint64_t first_seq;
        if (!segment_parse_name(entry->d_name, &first_seq))
            continue;
        if (!found || first_seq > *ret_first_seq)
            *ret_first_seq = first_seq;
        found = true;
    }
    if (dir)
        closedir(dir);
    return found;
}

/* Keeps what is cut: it may be evidence, and destroying it is not ours to decide. */
static bool save_torn(struct journal *journal, const char *path, const char *name, uint64_t from,
                      struct journal_recovery *recovery, struct error *err)
{
    char torn_name[64];
    int torn_fd = -1;
    for (int n = 1; n < 1000 && torn_fd < 0; n++) {
        (void)snprintf(torn_name, sizeof(torn_name), "%s.torn-%d", name, n);
        torn_fd =
            openat(journal->directory_fd, torn_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
        if (torn_fd < 0 && errno != EEXIST)
            break;
    }
    if (torn_fd < 0)
        return error_set(err, "cannot save the torn end of '%s/%s': %s", path, name,
                         strerrordesc_np(errno));
    char piece[65536];
    uint64_t at = from;
    ssize_t got;
    bool saved = true;
    while (saved && (got = pread(journal->fd, piece, sizeof(piece), (off_t)at)) > 0) {
        saved = write_fully(torn_fd, (struct str){piece, (size_t)got}, at - from);
        at += (uint64_t)got;
    }
    saved = saved && fsync(torn_fd) == 0;
    close(torn_fd);
    if (!saved)
        return error_set(err, "cannot save the torn end of '%s/%s'", path, name);
    recovery->torn_bytes = at - from;
    (void)snprintf(recovery->torn_path, sizeof(recovery->torn_path), "%s/%s", path, torn_name);
    return true;
}

/* Cuts what follows the good records of the open segment, after saving it. */
static bool cut_tail(struct journal *journal, const char *path, const char *name,
                     uint64_t good_bytes, struct journal_recovery *recovery, struct error *err)
{
    struct stat info;
    if (fstat(journal->fd, &info) != 0)
        return error_set(err, "cannot read '%s/%s': %s", path, name, strerrordesc_np(errno));
    if ((uint64_t)info.st_size == good_bytes)
        return true;
    if (!save_torn(journal, path, name, good_bytes, recovery, err))
        return false;
    if (ftruncate(journal->fd, (off_t)good_bytes) != 0 || fsync(journal->fd) != 0)
        return error_set(err, "cannot cut the torn end of '%s/%s': %s", path, name,
                         strerrordesc_np(errno));
    return true;
}

/* A segment whose very first record was torn holds nothing: the chain ends in the one before. */
static bool drop_empty(struct journal *journal, const char *path, const char *name,
                       uint64_t first_seq, struct error *err)
{
    uint64_t ignored;
    close_segment(journal);
    if (unlinkat(journal->directory_fd, name, 0) != 0)
        return error_set(err, "cannot remove the empty '%s/%s': %s", path, name,
                         strerrordesc_np(errno));
    if (first_seq == 1 || find_last_segment(path, &ignored))
        return true;
    return error_set(err,
                     "the segment before '%s/%s' is missing, so the chain cannot go on; put it "
                     "back, or start with an empty directory",
                     path, name);
}

static bool scan(int fd, struct chain_head *head, uint64_t *good_bytes, uint64_t *records)
{
    struct stat info;
    *good_bytes = *records = 0;
    if (fstat(fd, &info) != 0)
        return false;
    char *text = malloc((size_t)info.st_size + 1);
    if (!text || pread(fd, text, (size_t)info.st_size, 0) != (ssize_t)info.st_size) {
        free(text);
        return false;
    }
    struct str rest = {text, (size_t)info.st_size}, line, json;
    while (str_cut(rest, '\n', &line, &rest) && !chain_check(head, line, &json)) {
        *good_bytes += line.len + 1;
        *records += 1;
    }
    free(text);
    return true;
}

static bool recover(struct journal *journal, const char *path, struct journal_recovery *recovery,
                    struct error *err)
{
    uint64_t first_seq, good_bytes;
    while (find_last_segment(path, &first_seq)) {
        char name[SEGMENT_NAME_SIZE];
        segment_name(first_seq, name);
        journal->fd = openat(journal->directory_fd, name, O_RDWR | O_CLOEXEC);
        if (journal->fd < 0)
            return error_set(err, "cannot open '%s/%s': %s", path, name, strerrordesc_np(errno));
        if (!scan(journal->fd, &journal->head, &good_bytes, &recovery->records) ||
            !cut_tail(journal, path, name, good_bytes, recovery, err))
            return false;
        journal->durable_bytes = good_bytes;
        recovery->last_seq = journal->head.seq;
        if (good_bytes > 0)
            return true;
        if (!drop_empty(journal, path, name, first_seq, err))
            return false;
    }
    return true;
}

struct journal *journal_open(const struct journal_options *options,
                             struct journal_recovery *recovery, struct error *err)
{
    *recovery = (struct journal_recovery){0};
    struct journal *journal = calloc(1, sizeof(*journal));
    if (!journal) {
        error_set(err, "out of memory");
        return NULL;
    }
    journal->directory_fd = journal->lock_fd = journal->fd = -1;
    journal->segment_bytes = options->segment_bytes;
    journal->max_waiting = options->max_waiting;
    buf_init(&journal->batch, BATCH_BYTES);
    pthread_mutex_init(&journal->lock, NULL);
    pthread_cond_init(&journal->queued, NULL);
    if (!open_directory(journal, options->directory, err) ||
        !recover(journal, options->directory, recovery, err))
        goto fail;
    if (pthread_create(&journal->thread, NULL, journal_main, journal) != 0) {
        error_set(err, "cannot start the journal's thread");
        goto fail;
    }
    journal->thread_runs = true;
    return journal;

fail:
    journal_close(journal);
    return NULL;
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    if (journal->thread_runs) {
        pthread_mutex_lock(&journal->lock);
        journal->closing = true;
        pthread_cond_signal(&journal->queued);
        pthread_mutex_unlock(&journal->lock);
        pthread_join(journal->thread, NULL);
    }
    close_segment(journal);
    if (journal->lock_fd >= 0)
        close(journal->lock_fd);
    if (journal->directory_fd >= 0)
        close(journal->directory_fd);
    pthread_cond_destroy(&journal->queued);
    pthread_mutex_destroy(&journal->lock);
    buf_release(&journal->batch);
    free(journal);
}
