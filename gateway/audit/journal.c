#include "audit/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/journal_inside.h"
#include "audit/record.h"
#include "audit/recovery.h"
#include "base/clock.h"
#include "base/limits.h"

#define ATTACHMENTS_BYTES (64UL * 1024 * 1024)

/* ---- appending ---- */

/* Under the lock: there is no point in waiting for the disk, or for a receipt. */
static bool fails_at_once(const struct journal *journal, const struct journal_entry *entry)
{
    return journal->hung || (journal->unconfirmed && entry->opens.len > 0);
}

bool journal_append(struct journal *journal, struct journal_entry *entry)
{
    struct entry_list alone = {0};
    bool was_empty = false, accepted;
    entry->fate = JOURNAL_FAILED;
    entry->queued_us = clock_mono_us();
    pthread_mutex_lock(&journal->lock);
    accepted = !journal->closing && journal->queue.count < journal->options.max_waiting;
    if (accepted && fails_at_once(journal, entry)) {
        entries_push(&alone, entry);
        fate_unwritten(journal, alone, &journal->own);
        accepted = entry->fate == JOURNAL_DEGRADED;
    } else if (accepted) {
        was_empty = !journal->queue.first;
        entries_push(&journal->queue, entry);
    } else {
        fate_lose(journal, entry);
    }
    pthread_mutex_unlock(&journal->lock);
    if (was_empty)
        pthread_cond_signal(&journal->queued);
    if (accepted)
        entries_announce(alone);
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
        .members = members, .closes = closes, .firm = true, .done = run_waiter, .arg = &waiter};
    if (!journal_append(journal, &entry))
        return false;
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.known)
        pthread_cond_wait(&waiter.changed, &waiter.lock);
    pthread_mutex_unlock(&waiter.lock);
    return entry.fate == JOURNAL_DURABLE;
}

/* ---- looking ---- */

void journal_state(struct journal *journal, struct journal_state *ret)
{
    pthread_mutex_lock(&journal->lock);
    *ret = (struct journal_state){
        .failing = journal->failing || journal->hung,
        .unconfirmed = journal->unconfirmed,
        .space_is_low = journal->space_is_low,
        .directory = journal->writer.directories[journal->directory].path,
        .last_seq = journal->durable_seq,
        .origin = journal->signer.origin,
        .receipt_seq = journal->receipt_seq,
        .checkpoint_seq = journal->checkpoint_seq,
        .open_intents = journal->open.former_count,
        .passed = journal->passed_requests,
        .retracted = journal->retracted,
        .waiting = journal->queue.count + journal->in_flight.count + journal->awaiting.count,
        .checkpoint_us = journal->checkpoint_us,
        .ships = journal->options.ships,
        .unshipped_us = backlog_age_us(&journal->backlog, clock_mono_us())};
    digest_to_hex(journal->head.hash, ret->last_hash);
    ret->denying = (ret->failing || ret->unconfirmed) && !fate_may_pass_allowed(journal);
    for (size_t i = 0; i < journal->writer.directory_count; i++) {
        ret->space[i] = journal->space[i];
        ret->space[i].directory = journal->writer.directories[i].path;
    }
    if (ret->failing || ret->unconfirmed)
        ret->why = journal->why;
    pthread_mutex_unlock(&journal->lock);
}

const struct journal_histograms *journal_histograms(const struct journal *journal)
{
    return &journal->histograms;
}

void journal_each_open(struct journal *journal, void (*found)(void *arg, struct str id), void *arg)
{
    pthread_mutex_lock(&journal->lock);
    for (size_t i = 0; i < journal->open.capacity; i++) {
        const struct open_id *place = &journal->open.places[i];
        if (place->text[0] && place->former)
            found(arg, str_from(place->text));
    }
    pthread_mutex_unlock(&journal->lock);
}

bool journal_is_open(struct journal *journal, struct str id)
{
    pthread_mutex_lock(&journal->lock);
    bool open = open_set_is_given_up(&journal->open, id);
    pthread_mutex_unlock(&journal->lock);
    return open;
}

/* ---- opening ---- */

static bool open_directory(struct journal *journal, size_t index, const char *path,
                           struct error *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set(err, "cannot make the directory '%s': %s", path, strerrordesc_np(errno));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, "cannot open the directory '%s': %s", path, strerrordesc_np(errno));
    journal->writer.directories[index].fd = fd;
    journal->paths[index] = strdup(path);
    journal->writer.directories[index].path = journal->paths[index];
    journal->writer.directory_count = index + 1;
    if (!journal->paths[index])
        return error_set(err, "out of memory");
    int lock_fd = openat(fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_fd < 0)
        return error_set(err, "cannot write in '%s': %s", path, strerrordesc_np(errno));
    journal->lock_fds[index] = lock_fd;
    if (flock(lock_fd, LOCK_EX | LOCK_NB) != 0)
        return error_set(err,
                         "the journal in '%s' belongs to a gateway that is running; give each "
                         "gateway its own directory",
                         path);
    return true;
}

/* A small file that is rewritten in place, for others to watch. */
static bool open_mark(const struct writer_directory *directory, const char *name, int *ret_fd,
                      struct error *err)
{
    *ret_fd = openat(directory->fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    return *ret_fd >= 0 || error_set(err, "cannot write '%s/%s': %s", directory->path, name,
                                     strerrordesc_np(errno));
}

static bool watch_receipt(struct journal *journal, size_t index, struct error *err)
{
    const struct writer_directory *directory = &journal->writer.directories[index];
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/receipt", directory->path);
    if (!open_mark(directory, "receipt", &journal->receipt_fds[index], err))
        return false;
    if (journal->watch_fd < 0)
        journal->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    return (journal->watch_fd >= 0 && inotify_add_watch(journal->watch_fd, path, IN_MODIFY) >= 0) ||
           error_set(err, "cannot watch '%s': %s", path, strerrordesc_np(errno));
}

static bool open_files(struct journal *journal, struct error *err)
{
    const struct journal_options *options = &journal->options;
    const char *const paths[] = {options->directory, options->second_directory};
    for (size_t i = 0; i < COUNT_OF(paths) && paths[i]; i++) {
        struct writer_directory *directory = &journal->writer.directories[i];
        if (!open_directory(journal, i, paths[i], err) ||
            !open_mark(directory, "durable", &directory->durable_fd, err) ||
            (options->ships && !watch_receipt(journal, i, err)))
            return false;
    }
    return true;
}

/* "campaign-gateway/NAME/UUID", for a journal that begins. */
static bool make_origin(struct journal *journal, struct error *err)
{
    uint8_t random[ID_RANDOM_BYTES];
    char host[256] = "", id[ID_SIZE];
    const char *name = journal->options.source;
    if (!name && gethostname(host, sizeof(host) - 1) != 0)
        return error_set(err, "cannot ask for the host's name: %s", strerrordesc_np(errno));
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return error_set(err, "the system gives no random numbers");
    id_format(clock_unix_ms(), random, id);
    (void)snprintf(journal->signer.origin, sizeof(journal->signer.origin),
                   "campaign-gateway/%.*s/%s", LIMIT_SOURCE_BYTES, name ? name : host, id);
    return true;
}

/* The key that signs; another one than before needs the word of the one before. */
static bool take_key(struct journal *journal, const struct recovered *recovered, struct error *err)
{
    struct signer *signer = &journal->signer;
    const struct journal_options *options = &journal->options;
    char own_path[4096];
    const char *path = options->signing_key ? options->signing_key : own_path;
    (void)snprintf(own_path, sizeof(own_path), "%s/signing.key", options->directory);
    bool makes = !options->signing_key && !recovered->found && access(path, F_OK) != 0;
    if ((makes && !signing_key_make(path, err)) ||
        !signing_key_load(path, recovered->key, &signer->key, &signer->former, err))
        return false;
    bool same = recovered->found &&
                memcmp(signing_key_public(signer->key), recovered->key, SIGNING_PUBLIC_BYTES) == 0;
    if (same) {
        signing_key_free(signer->former);
        signer->former = NULL;
    }
    return !recovered->found || same || signer->former ||
           error_set(
               err,
               "the journal in '%s' was signed by another key than '%s' holds; put the former "
               "key behind the new one in that file, as `campaign-gateway audit key rotate` "
               "does",
               options->directory, path);
}

static bool take_up(struct journal *journal, struct journal_recovery *recovery, struct error *err)
{
    struct recovered recovered = {0};
    bool fine = recovery_run(&journal->writer, recovery, &recovered, err) &&
                take_key(journal, &recovered, err);
    journal->head = recovered.head;
    journal->tree = recovered.tree;
    journal->segment_unix_ms = recovered.segment_unix_ms;
    journal->durable_seq = journal->written_seq = recovered.head.seq;
    journal->directory = journal->writer.directory;
    journal->unsigned_records = recovered.found;
    journal->checkpoint_us = clock_mono_us();
    journal->open = recovered.open;
    memcpy(journal->signer.origin, recovered.origin, sizeof(recovered.origin));
    journal->signer.note_unix_ms = recovered.note_unix_ms;
    if (!fine || (!recovered.found && !make_origin(journal, err)))
        return false;
    writer_mark(&journal->writer, journal->head.seq);
    if (journal->options.ships && journal->durable_seq > 0)
        backlog_add(&journal->backlog, journal->durable_seq, clock_mono_us());
    if (journal->options.ships)
        journal_pass_receipts(journal, journal_read_receipt(journal));
    return true;
}

static bool start_threads(struct journal *journal, struct error *err)
{
    journal->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (journal->wake_fd < 0)
        return error_set(err, "cannot start the journal: no descriptor is left");
    journal->thread_runs = pthread_create(&journal->thread, NULL, journal_thread, journal) == 0;
    journal->keeper_runs =
        journal->thread_runs &&
        pthread_create(&journal->keeper, NULL, journal_keeper_thread, journal) == 0;
    return journal->keeper_runs || error_set(err, "cannot start the journal's threads");
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
    journal->options = *options;
    journal->options.ships = options->ships || options->central;
    journal->wake_fd = journal->watch_fd = journal->writer.fd = -1;
    journal->writer.segment_bytes = options->segment_bytes;
    for (size_t i = 0; i < WRITER_DIRECTORIES; i++) {
        struct writer_directory *directory = &journal->writer.directories[i];
        directory->fd = directory->durable_fd = -1;
        journal->lock_fds[i] = journal->receipt_fds[i] = -1;
    }
    batch_init(&journal->batch, JOURNAL_BATCH_BYTES, ATTACHMENTS_BYTES);
    pthread_mutex_init(&journal->lock, NULL);
    clock_mono_cond_init(&journal->queued);
    if (open_files(journal, err) && take_up(journal, recovery, err) && start_threads(journal, err))
        return journal;
    journal_close(journal);
    return NULL;
}

/* ---- closing ---- */

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void journal_release(struct journal *journal)
{
    close_fd(journal->wake_fd);
    close_fd(journal->watch_fd);
    close_fd(journal->writer.fd);
    for (size_t i = 0; i < WRITER_DIRECTORIES; i++) {
        close_fd(journal->receipt_fds[i]);
        close_fd(journal->writer.directories[i].durable_fd);
        close_fd(journal->writer.directories[i].fd);
        close_fd(journal->lock_fds[i]);
    }
    pthread_cond_destroy(&journal->queued);
    pthread_mutex_destroy(&journal->lock);
    signing_key_free(journal->signer.key);
    signing_key_free(journal->signer.former);
    while (journal->own.first)
        own_drop(&journal->own);
    while (journal->late.first)
        own_drop(&journal->late);
    open_set_release(&journal->open);
    batch_release(&journal->batch);
    for (size_t i = 0; i < WRITER_DIRECTORIES; i++)
        free(journal->paths[i]);
    free(journal);
}

/* Waits until the thread has ended, but not for ever: it may hang with the disk. */
static void end_thread(struct journal *journal)
{
    const struct timespec until = clock_mono_from_now(journal->options.write_timeout_ms + 1000);
    pthread_mutex_lock(&journal->lock);
    journal->closing = true;
    pthread_cond_broadcast(&journal->queued);
    while (!journal->ended &&
           pthread_cond_timedwait(&journal->queued, &journal->lock, &until) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&journal->lock);
}

static void end_keeper(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    journal->keeper_ends = true;
    pthread_mutex_unlock(&journal->lock);
    (void)eventfd_write(journal->wake_fd, 1);
    pthread_join(journal->keeper, NULL);
    if (journal->options.ships)
        journal_pass_receipts(journal,
                              journal_read_receipt(journal)); /* whoever still waits is told */
}

/* The keeper has ended. True: the thread has, too. */
static bool join_thread(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    bool ended = journal->ended;
    journal->left = !ended;
    if (!ended)
        (void)pthread_detach(journal->thread);
    pthread_mutex_unlock(&journal->lock);
    return ended && pthread_join(journal->thread, NULL) == 0;
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    if (journal->thread_runs)
        end_thread(journal);
    if (journal->keeper_runs)
        end_keeper(journal);
    if (!journal->thread_runs || join_thread(journal))
        journal_release(journal);
}
