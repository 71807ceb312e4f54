/*
 * One thread makes records durable. A second one, the keeper, watches over it: it gives up on a
 * write that hangs, and passes on the receipts of the central database.
 *
 *     queue --> batch --begin_io--> write, fdatasync --end_io--> tell, or await a receipt
 *                 ^                      |
 *            own records                 `- too late: the keeper has told already
 *
 * Entries belong to their owners again the moment they were told. So a batch is composed, which
 * reads them, before any call that may hang; during such a call they stand in `in_flight`, where
 * the keeper may take them.
 */
#include "audit/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "audit/backlog.h"
#include "audit/batch.h"
#include "audit/record.h"
#include "audit/recovery.h"
#include "audit/writer.h"
#include "base/clock.h"
#include "base/limits.h"

/* One write's worth: what 1,000 waiting requests need, so that a batch is bounded in memory. */
#define BATCH_BYTES (4 * 1024 * 1024)
#define ATTACHMENTS_BYTES (64UL * 1024 * 1024)

/* How dense checkpoints are. */
#define CHECKPOINT_RECORDS 1000
#define CHECKPOINT_US (1000 * 1000LL)
#define CHECKPOINT_IDLE_US (600 * 1000 * 1000LL)

/* How often the keeper looks; how long the thread's own records wait after a failure. */
#define KEEPER_MS 250
#define RETRY_US (1000 * 1000LL)

/* How often the thread looks how much room there is. */
#define SPACE_US (10 * 1000 * 1000LL)

/* Open decisions that a segment's first record has room for; see LIMIT_RECORD_BYTES. */
#define LIMIT_LISTED_OPEN 3000

/* A record of the journal's own, or one that was let pass while none could be written. */
struct own_record {
    struct own_record *next;
    bool passed; /* the latter */
    char ids[CHANGES][ID_SIZE];
    size_t len;
    char members[];
};

struct own_list {
    struct own_record *first, *last;
};

struct entry_list {
    struct journal_entry *first, *last;
    size_t count;
};

_Static_assert(JOURNAL_DIRECTORIES == WRITER_DIRECTORIES, "one for each directory");

struct journal {
    struct journal_options options;
    char *paths[WRITER_DIRECTORIES]; /* its own: it may outlive who opened it, see `left` */
    int lock_fds[WRITER_DIRECTORIES];
    pthread_t thread, keeper;
    bool thread_runs, keeper_runs;
    int wake_fd;                         /* wakes the keeper */
    int receipt_fds[WRITER_DIRECTORIES]; /* DIRECTORY/receipt, or -1 */
    int watch_fd;                        /* inotify on them, or -1 */

    pthread_mutex_t lock; /* guards all of this part */
    pthread_cond_t queued;
    struct entry_list queue, in_flight, awaiting;
    int64_t io_since_us;      /* when the calls for the batch under way began; 0: there is none */
    bool stolen;              /* the keeper has told those in flight */
    bool hung;                /* and the call has not come back since */
    bool closing, ended;      /* asked to end; the thread has */
    bool keeper_ends;         /* asked to */
    bool left;                /* journal_close did not wait for it: the thread frees everything */
    bool failing;             /* the last batch could not be written */
    bool unconfirmed;         /* the central database did not confirm in time, */
    uint64_t unconfirmed_seq; /* and has not caught up with this */
    struct own_list own;      /* to be written first */
    struct own_list late;     /* copies of those that passed while their write hung */
    uint64_t passed;          /* records that are not durable, since passed_since; of them, */
    uint64_t passed_requests; /* decisions that allowed, */
    uint64_t passed_refusals; /* and those that refused */
    uint64_t passed_untold;   /* of them, durable here, but no record says yet that they passed */
    int64_t passed_since_us, passed_since_unix_ms;
    struct open_set open; /* ids come and go by the thread only, which so may read them without
                             the lock */
    uint64_t written_seq; /* the last record there is, durable or on its way */
    uint64_t durable_seq, receipt_seq, checkpoint_seq, retracted;
    uint64_t foreign_receipt_seq; /* what a receipt said that is none of this journal's; or 0 */
    bool space_is_low;
    size_t directory;       /* of the open segment */
    struct error why;       /* of the last failure */
    struct backlog backlog; /* while `ships` */
    int64_t checkpoint_us;  /* when the last checkpoint was made */
    struct journal_space space[JOURNAL_DIRECTORIES];
    struct journal_histograms histograms; /* this needs no lock */

    /* the thread's own */
    struct writer writer;
    struct signer signer;
    struct batch batch;
    int64_t batch_since_us; /* when the first attempt to write it began */
    size_t batch_own;       /* own records in the batch, from the first on */
    uint64_t batch_told;    /* of passed_untold, told of in the batch */
    struct chain_head head; /* behind the last durable batch */
    struct merkle tree;
    uint64_t unsigned_records;
    int64_t segment_unix_ms; /* when the open segment was begun */
    int64_t retry_us;        /* not before then: what the thread does of its own accord */
    int64_t space_us;        /* when it looks again how much room there is */
};

/* ---- lists ---- */

static void push(struct entry_list *list, struct journal_entry *entry)
{
    entry->next = NULL;
    if (list->last)
        list->last->next = entry;
    else
        list->first = entry;
    list->last = entry;
    list->count++;
}

static struct journal_entry *pop(struct entry_list *list)
{
    struct journal_entry *entry = list->first;
    list->first = entry->next;
    if (!list->first)
        list->last = NULL;
    list->count--;
    return entry;
}

static struct entry_list take_all(struct entry_list *list)
{
    struct entry_list taken = *list;
    *list = (struct entry_list){0};
    return taken;
}

/* Puts entries in front of a list. */
static void put_back(struct entry_list *list, struct entry_list entries)
{
    if (!entries.first)
        return;
    entries.last->next = list->first;
    if (list->last)
        entries.last = list->last;
    entries.count += list->count;
    *list = entries;
}

static void push_own(struct own_list *list, struct own_record *record)
{
    record->next = NULL;
    if (list->last)
        list->last->next = record;
    else
        list->first = record;
    list->last = record;
}

static void drop_own(struct own_list *list)
{
    struct own_record *record = list->first;
    list->first = record->next;
    if (!list->first)
        list->last = NULL;
    free(record);
}

static struct change_ids ids_of(const struct journal_entry *entry)
{
    return (struct change_ids){{entry->opens, entry->closes, entry->orphans}};
}

/* NULL when memory is out. */
static struct own_record *own_record(struct str members, struct change_ids ids)
{
    struct own_record *record = calloc(1, sizeof(*record) + members.len);
    if (!record)
        return NULL;
    record->len = members.len;
    memcpy(record->members, members.data, members.len);
    for (size_t kind = 0; kind < CHANGES; kind++) {
        struct str id = str_slice(ids.of[kind], 0, ID_SIZE - 1);
        if (id.len)
            memcpy(record->ids[kind], id.data, id.len);
    }
    return record;
}

static void announce(struct entry_list entries)
{
    for (struct journal_entry *each = entries.first, *next; each; each = next) {
        next = each->next; /* `each` belongs to its owner again once it was told */
        each->done(each->arg);
    }
}

static void observe_durable(struct journal *journal, struct entry_list entries)
{
    int64_t now_us = clock_mono_us();
    for (const struct journal_entry *each = entries.first; each; each = each->next)
        histogram_observe(&journal->histograms.append, &histogram_durations,
                          now_us - each->queued_us);
}

/* ---- failing: all of it under the lock ---- */

/* Whether one more campaign may be forwarded without a durable record. */
static bool may_pass_allowed(const struct journal *journal)
{
    const struct journal_options *options = &journal->options;
    return journal->passed_requests < options->passing_requests &&
           (journal->passed == 0 ||
            clock_mono_us() - journal->passed_since_us < options->passing_ms * 1000);
}

/* Whether one more may pass without a durable record. An outcome always may: there are no more of
 * them than decisions. What forwards nothing is bounded in number, since it is kept in memory. */
static bool may_pass(struct journal *journal, const struct journal_entry *entry)
{
    const struct journal_options *options = &journal->options;
    if (options->passing_requests == 0 || entry->firm || entry->attachment.len > 0)
        return false;
    if (journal->passed == 0) {
        journal->passed_since_us = clock_mono_us();
        journal->passed_since_unix_ms = clock_unix_ms();
    }
    if (entry->closes.len > 0 || entry->orphans.len > 0)
        return true;
    if (entry->opens.len == 0)
        return journal->passed_refusals < options->passing_requests;
    return may_pass_allowed(journal);
}

static void count_passed(struct journal *journal, const struct journal_entry *entry)
{
    journal->passed++;
    if (entry->opens.len > 0)
        journal->passed_requests++;
    else if (entry->closes.len == 0 && entry->orphans.len == 0)
        journal->passed_refusals++;
}

/* An outcome that is lost leaves its decision open, and no request will tell of it again. */
static void lose(struct journal *journal, const struct journal_entry *entry)
{
    open_set_give_up(&journal->open, entry->closes);
    open_set_give_up(&journal->open, entry->orphans);
}

/* Decides the fate of entries that could not be written; `to` keeps copies of those that pass. */
static void fail_unwritten(struct journal *journal, struct entry_list entries, struct own_list *to)
{
    for (struct journal_entry *each = entries.first; each; each = each->next) {
        struct own_record *copy =
            may_pass(journal, each) ? own_record(each->members, ids_of(each)) : NULL;
        each->fate = copy ? JOURNAL_DEGRADED : JOURNAL_FAILED;
        if (!copy) {
            lose(journal, each);
            continue;
        }
        copy->passed = true;
        push_own(to, copy);
        count_passed(journal, each);
    }
}

/* A record that takes back a decision. Without memory for it, it simply stays open. */
static void retract(struct journal *journal, struct str id, const char *reason)
{
    struct buf members;
    buf_init(&members, 1024);
    record_retraction(clock_unix_ms(), id, reason, &members);
    struct own_record *record =
        members.failed
            ? NULL
            : own_record(buf_str(&members), (struct change_ids){.of[CHANGE_CLOSES] = id});
    if (record) {
        push_own(&journal->own, record);
        journal->retracted++;
    }
    buf_release(&members);
}

/* Decides the fate of decisions that are durable here, but whose receipt did not come. */
static void fail_unconfirmed(struct journal *journal, struct entry_list entries)
{
    for (struct journal_entry *each = entries.first; each; each = each->next) {
        bool passes = may_pass(journal, each);
        each->fate = passes ? JOURNAL_DEGRADED : JOURNAL_FAILED;
        if (passes) {
            count_passed(journal, each);
            journal->passed_untold++;
        } else {
            retract(journal, each->opens, "unconfirmed");
        }
    }
    journal->unconfirmed = true;
    journal->unconfirmed_seq = journal->durable_seq;
    (void)error_set(&journal->why,
                    "the central database has confirmed records up to %llu, and none of those up "
                    "to %llu within %lld ms; does `campaign-gateway audit ship` run?",
                    (unsigned long long)journal->receipt_seq,
                    (unsigned long long)journal->unconfirmed_seq,
                    (long long)journal->options.central_timeout_ms);
}

/* Once everything is well, what may pass is counted from zero again. */
static void forget_passed(struct journal *journal)
{
    if (!journal->own.first && !journal->late.first && !journal->unconfirmed &&
        journal->passed_untold == 0)
        journal->passed = journal->passed_requests = journal->passed_refusals = 0;
}

/* ---- composing a batch ---- */

static bool put_own_record(struct batch *batch, const struct own_record *record)
{
    struct change_ids ids;
    for (size_t kind = 0; kind < CHANGES; kind++)
        ids.of[kind] = str_from(record->ids[kind]);
    return batch_put(batch, (struct str){record->members, record->len}, ids, false);
}

/* How many own records this batch takes, and how many of them passed. */
static size_t choose_own(const struct journal *journal, uint64_t *ret_passed)
{
    size_t bytes = 0, count = 0;
    *ret_passed = 0;
    for (const struct own_record *each = journal->own.first; each; each = each->next) {
        bytes += each->len;
        if (count > 0 && bytes > BATCH_BYTES / 2)
            break;
        count++;
        *ret_passed += each->passed;
    }
    return count;
}

/* Own records stand first; those that passed behind a record that says so. */
static bool put_own(struct journal *journal)
{
    struct buf members;
    uint64_t passed;
    bool put = true;
    buf_init(&members, 1024);
    pthread_mutex_lock(&journal->lock); /* the keeper adds to them */
    size_t count = choose_own(journal, &passed);
    passed += journal->passed_untold;
    if (passed > 0) {
        record_degraded(clock_unix_ms(), journal->passed_since_unix_ms, clock_unix_ms(), passed,
                        &members);
        put = !members.failed &&
              batch_put(&journal->batch, buf_str(&members), (struct change_ids){0}, false);
    }
    journal->batch_told = journal->passed_untold;
    journal->batch_own = 0;
    for (struct own_record *each = journal->own.first; put && journal->batch_own < count;
         each = each->next) {
        put = put_own_record(&journal->batch, each);
        journal->batch_own += put;
    }
    pthread_mutex_unlock(&journal->lock);
    buf_release(&members);
    return put;
}

static bool put_entry(struct batch *batch, struct journal_entry *entry)
{
    size_t attached = batch->attachment_count;
    if ((entry->attachment.len == 0 ||
         batch_attach(batch, entry->attachment_name, entry->attachment)) &&
        batch_put(batch, entry->members, ids_of(entry), true)) {
        entry->seq = batch->head.seq;
        return true;
    }
    batch_drop_attachments(batch, attached);
    return false;
}

/* Whether so many bytes belong into another segment. */
static bool is_full(const struct journal *journal, size_t bytes)
{
    return journal->writer.bytes > 0 &&
           journal->writer.bytes + bytes > journal->options.segment_bytes;
}

/* Moves entries from *entries to *taken while they fit. */
static void put_entries(struct journal *journal, struct entry_list *entries, bool fresh,
                        struct entry_list *taken)
{
    struct batch *batch = &journal->batch;
    while (entries->first) {
        size_t bytes = batch->bytes.len + entries->first->members.len;
        if (!fresh && taken->first && is_full(journal, bytes))
            break;
        if (!put_entry(batch, entries->first))
            break;
        push(taken, pop(entries));
        if (batch->unsigned_records >= CHECKPOINT_RECORDS &&
            !batch_put_checkpoint(batch, &journal->signer))
            break;
    }
}

static bool checkpoint_is_due(const struct journal *journal)
{
    const struct batch *batch = &journal->batch;
    int64_t since_us = clock_mono_us() - journal->checkpoint_us;
    return !batch->has_checkpoint && ((batch->unsigned_records > 0 && since_us >= CHECKPOINT_US) ||
                                      since_us >= CHECKPOINT_IDLE_US || journal->failing);
}

/* Puts as much as fits into the batch. False when nothing that waits could be put: the first is too
 * large to be a record at all, or memory is out. */
static bool compose(struct journal *journal, struct entry_list *entries, bool fresh,
                    struct entry_list *taken)
{
    struct batch *batch = &journal->batch;
    struct signer *signer = &journal->signer;
    batch_begin(batch, &journal->head, &journal->tree, journal->unsigned_records);
    if ((fresh && !batch_put_segment(batch, signer, &journal->open)) ||
        (signer->former && !batch_put_hand_over(batch, signer)) || !put_own(journal))
        return false;
    put_entries(journal, entries, fresh, taken);
    if (checkpoint_is_due(journal) && !batch_put_checkpoint(batch, signer) && !taken->first)
        return false;
    return taken->first || !entries->first;
}

/* ---- writing it ---- */

static void detach(const struct journal *journal, size_t directory, size_t count)
{
    while (count-- > 0)
        writer_detach(&journal->writer, directory, journal->batch.attachments[count].name);
}

static bool attach(struct journal *journal, size_t directory)
{
    const struct batch *batch = &journal->batch;
    for (size_t i = 0; i < batch->attachment_count; i++) {
        const struct attachment *file = &batch->attachments[i];
        struct str bytes =
            str_slice(buf_str(&batch->attachment_bytes), file->from, file->from + file->len);
        if (writer_attach(&journal->writer, directory, file->name, bytes))
            continue;
        detach(journal, directory, i);
        return false;
    }
    return true;
}

/* All that may hang. `directory`: of the segment, which is begun when `fresh`. */
static bool perform(struct journal *journal, bool fresh, size_t directory)
{
    struct writer *writer = &journal->writer;
    const struct batch *batch = &journal->batch;
    if (!attach(journal, directory))
        return false;
    if (fresh)
        writer_finish(writer);
    if ((!fresh || writer_begin(writer, directory, journal->head.seq + 1)) &&
        writer_append(writer, buf_str(&batch->bytes))) {
        writer_mark(writer, batch->head.seq);
        return true;
    }
    writer_abandon(writer);
    detach(journal, directory, batch->attachment_count);
    return false;
}

static bool perform_timed(struct journal *journal, bool fresh, size_t directory)
{
    int64_t began_us = clock_mono_us();
    uint64_t records = journal->batch.head.seq - journal->head.seq;
    if (!perform(journal, fresh, directory))
        return false;
    histogram_observe(&journal->histograms.write, &histogram_durations, clock_mono_us() - began_us);
    histogram_observe(&journal->histograms.records, &histogram_numbers, (int64_t)records);
    return true;
}

/* Those that did not fit wait in the queue again, where the keeper sees them. */
static void begin_io(struct journal *journal, struct entry_list taken, struct entry_list *rest)
{
    pthread_mutex_lock(&journal->lock);
    journal->in_flight = taken;
    put_back(&journal->queue, take_all(rest));
    journal->io_since_us = journal->batch_since_us;
    journal->written_seq = journal->batch.head.seq;
    journal->stolen = false;
    pthread_mutex_unlock(&journal->lock);
}

static void apply_change(struct open_set *open, const struct change *change)
{
    struct str id = str_from(change->id);
    if (change->kind == CHANGE_CLOSES)
        open_set_remove(open, id);
    else if (change->kind == CHANGE_ORPHANS)
        open_set_give_up(open, id);
    else if (open_set_reserve(open, 1))
        open_set_add(open, id, false);
}

/* Under the lock: the batch is durable. */
static void apply(struct journal *journal, bool fresh)
{
    const struct batch *batch = &journal->batch;
    journal->head = batch->head;
    journal->tree = batch->tree;
    journal->unsigned_records = batch->unsigned_records;
    journal->durable_seq = batch->head.seq;
    if (journal->options.ships)
        backlog_add(&journal->backlog, batch->head.seq, clock_mono_us());
    if (fresh)
        journal->segment_unix_ms = clock_unix_ms();
    if (batch->has_checkpoint) {
        journal->checkpoint_us = clock_mono_us();
        journal->checkpoint_seq = batch->checkpoint_seq;
    }
    signing_key_free(journal->signer.former); /* it has introduced the new one */
    journal->signer.former = NULL;
    for (size_t i = 0; i < batch->change_count; i++)
        apply_change(&journal->open, &batch->changes[i]);
    for (size_t i = 0; i < journal->batch_own; i++)
        drop_own(&journal->own);
    journal->passed_untold -= journal->batch_told;
    forget_passed(journal);
}

static bool passed_late(const struct journal *journal, const char *id)
{
    for (const struct own_record *each = journal->late.first; each; each = each->next) {
        if (strcmp(each->ids[CHANGE_OPENS], id) == 0)
            return true;
    }
    return false;
}

/*
 * Under the lock, when the keeper has told those in flight already. What landed after all is taken
 * back unless it was let pass; what was let pass and did not land is written before all else.
 */
static void settle_late(struct journal *journal, bool durable)
{
    for (size_t i = 0; durable && i < journal->batch.change_count; i++) {
        const struct change *change = &journal->batch.changes[i];
        if (change->awaited && change->kind == CHANGE_OPENS && !passed_late(journal, change->id))
            retract(journal, str_from(change->id), "late");
    }
    if (!durable && journal->late.first) {
        journal->late.last->next = journal->own.first;
        if (journal->own.last)
            journal->late.last = journal->own.last;
        journal->own = journal->late;
        journal->late = (struct own_list){0};
    }
    for (; journal->late.first; drop_own(&journal->late))
        journal->passed_untold++;
}

/* Under the lock: those who need no receipt, or have it, may be told; the others await it. */
static struct entry_list sort_durable(struct journal *journal, struct entry_list entries)
{
    struct entry_list told = {0};
    while (entries.first) {
        struct journal_entry *entry = pop(&entries);
        entry->fate = JOURNAL_DURABLE;
        bool waits =
            journal->options.central && entry->opens.len > 0 && entry->seq > journal->receipt_seq;
        push(waits ? &journal->awaiting : &told, entry);
    }
    return told;
}

enum attempt { ATTEMPT_DURABLE, ATTEMPT_FAILED, ATTEMPT_STOLEN };

/* The call is over. Those who still wait are told, or given back in *taken when it failed. */
static enum attempt end_io(struct journal *journal, bool durable, bool fresh,
                           struct entry_list *taken)
{
    struct entry_list told = {0};
    pthread_mutex_lock(&journal->lock);
    bool stolen = journal->stolen;
    journal->io_since_us = 0;
    journal->hung = journal->stolen = false;
    bool low = journal->writer.space_is_low;
    if (durable == journal->failing || low != journal->space_is_low)
        (void)eventfd_write(journal->wake_fd, 1); /* to tell of it */
    journal->failing = !durable;
    journal->space_is_low = low;
    if (durable)
        journal->directory = journal->writer.directory;
    else
        journal->why = journal->writer.why;
    *taken = take_all(&journal->in_flight);
    if (durable)
        apply(journal, fresh);
    if (stolen)
        settle_late(journal, durable);
    if (durable)
        told = sort_durable(journal, take_all(taken));
    pthread_mutex_unlock(&journal->lock);
    observe_durable(journal, told);
    announce(told);
    return durable ? ATTEMPT_DURABLE : stolen ? ATTEMPT_STOLEN : ATTEMPT_FAILED;
}

/* One write of as much as fits. When it failed, what it held is in *entries again. */
static enum attempt attempt(struct journal *journal, struct entry_list *entries, bool fresh,
                            size_t directory)
{
    struct entry_list taken = {0};
    enum attempt result = ATTEMPT_FAILED;
    if (compose(journal, entries, fresh, &taken)) {
        if (journal->batch.bytes.len == 0)
            return ATTEMPT_DURABLE; /* nothing was due after all */
        begin_io(journal, taken, entries);
        result = end_io(journal, perform_timed(journal, fresh, directory), fresh, &taken);
    } else {
        (void)error_set(&journal->writer.why,
                        "no record can be made: memory is out, or the %zu decisions that are open "
                        "do not fit into a segment's first record",
                        journal->open.count);
    }
    put_back(entries, taken);
    return result;
}

static bool needs_fresh(const struct journal *journal, const struct entry_list *entries)
{
    size_t more = entries->first ? entries->first->members.len : 0;
    return journal->writer.fd < 0 ||
           ((is_full(journal, more) ||
             clock_unix_ms() - journal->segment_unix_ms >= journal->options.segment_ms) &&
            journal->open.count <= LIMIT_LISTED_OPEN);
}

/* A batch in the open segment or, where that fails, in a fresh one in each directory in turn. */
static enum attempt write_batch(struct journal *journal, struct entry_list *entries)
{
    enum attempt result = ATTEMPT_FAILED;
    journal->batch_since_us = clock_mono_us();
    if (!needs_fresh(journal, entries))
        result = attempt(journal, entries, false, journal->writer.directory);
    for (size_t i = 0; result == ATTEMPT_FAILED && i < journal->writer.directory_count; i++)
        result = attempt(journal, entries, true, i);
    return result;
}

/* What cannot be a record fails alone, and says nothing of the journal; otherwise all. */
static struct entry_list take_failed(struct journal *journal, struct entry_list *entries)
{
    struct entry_list failed = {0};
    if (entries->first && entries->first->members.len > LIMIT_RECORD_BYTES) {
        push(&failed, pop(entries));
        return failed;
    }
    journal->failing = true;
    journal->why = journal->writer.why;
    return take_all(entries);
}

static void write_entries(struct journal *journal, struct entry_list entries)
{
    if (write_batch(journal, &entries) != ATTEMPT_FAILED)
        return;
    pthread_mutex_lock(&journal->lock);
    struct entry_list failed = take_failed(journal, &entries);
    put_back(&journal->queue, entries);
    fail_unwritten(journal, failed, &journal->own);
    pthread_mutex_unlock(&journal->lock);
    journal->retry_us = clock_mono_us() + RETRY_US;
    announce(failed);
}

/* ---- the thread ---- */

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void release(struct journal *journal)
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
        drop_own(&journal->own);
    while (journal->late.first)
        drop_own(&journal->late);
    open_set_release(&journal->open);
    batch_release(&journal->batch);
    for (size_t i = 0; i < WRITER_DIRECTORIES; i++)
        free(journal->paths[i]);
    free(journal);
}

/* When there is something to do though nobody waits. */
static int64_t due_us(const struct journal *journal)
{
    int64_t due = journal->checkpoint_us +
                  (journal->unsigned_records > 0 ? CHECKPOINT_US : CHECKPOINT_IDLE_US);
    if (journal->own.first || journal->passed_untold || journal->failing)
        due = 0; /* while it fails nobody may come who would show that it does not any more */
    return due > journal->retry_us ? due : journal->retry_us;
}

/*
 * Under the lock, which it lets go: the disk may hang here, too. So the keeper is told as of a
 * write, and gives up on those who come meanwhile.
 */
static void look_for_space(struct journal *journal)
{
    struct writer *writer = &journal->writer;
    journal->space_us = clock_mono_us() + SPACE_US;
    for (size_t i = 0; i < writer->directory_count; i++) {
        struct statvfs about = {0};
        journal->io_since_us = clock_mono_us();
        pthread_mutex_unlock(&journal->lock);
        bool known = fstatvfs(writer->directories[i].fd, &about) == 0;
        pthread_mutex_lock(&journal->lock);
        journal->io_since_us = 0;
        journal->hung = journal->stolen = false;
        if (known)
            journal->space[i] =
                (struct journal_space){.free_bytes = about.f_bavail * about.f_frsize,
                                       .all_bytes = about.f_blocks * about.f_frsize};
    }
}

/* What waits; nothing when something else is due. False: there is no more to come. */
static bool take_queue(struct journal *journal, struct entry_list *ret)
{
    pthread_mutex_lock(&journal->lock);
    for (;;) {
        if (clock_mono_us() >= journal->space_us && !journal->closing)
            look_for_space(journal);
        int64_t due = due_us(journal);
        if (journal->queue.first || journal->closing || clock_mono_us() >= due)
            break;
        if (due > journal->space_us)
            due = journal->space_us;
        struct timespec until = {.tv_sec = due / 1000000, .tv_nsec = due % 1000000 * 1000};
        (void)pthread_cond_timedwait(&journal->queued, &journal->lock, &until);
    }
    *ret = take_all(&journal->queue);
    bool goes_on = ret->first || !journal->closing;
    pthread_mutex_unlock(&journal->lock);
    return goes_on;
}

/* Own records may be more than fit into one batch. */
static bool has_own_to_write(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    bool has = journal->own.first && !journal->failing;
    pthread_mutex_unlock(&journal->lock);
    return has;
}

static void *journal_main(void *arg)
{
    struct journal *journal = arg;
    struct entry_list entries;
    while (take_queue(journal, &entries))
        write_entries(journal, entries);
    pthread_mutex_lock(&journal->lock);
    journal->checkpoint_us -= CHECKPOINT_US; /* a last one, if any record needs it */
    pthread_mutex_unlock(&journal->lock);
    do
        write_entries(journal, (struct entry_list){0});
    while (has_own_to_write(journal));
    pthread_mutex_lock(&journal->lock);
    journal->ended = true;
    bool left = journal->left;
    pthread_cond_broadcast(&journal->queued); /* journal_close may wait for it */
    pthread_mutex_unlock(&journal->lock);
    if (left)
        release(journal);
    return NULL;
}

/* ---- the keeper ---- */

/* A write that does not return has failed for everybody who waits. */
static void give_up(struct journal *journal)
{
    struct entry_list failed = {0}, queued = {0};
    pthread_mutex_lock(&journal->lock);
    int64_t since_us = journal->io_since_us;
    if (since_us && clock_mono_us() - since_us >= journal->options.write_timeout_ms * 1000) {
        journal->hung = journal->stolen = true;
        (void)error_set(&journal->why, "the disk under '%s' has not answered for %lld ms",
                        journal->options.directory, (long long)(clock_mono_us() - since_us) / 1000);
        failed = take_all(&journal->in_flight);
        queued = take_all(&journal->queue);
        fail_unwritten(journal, failed, &journal->late);
        fail_unwritten(journal, queued, &journal->own);
    }
    pthread_mutex_unlock(&journal->lock);
    announce(failed);
    announce(queued);
}

/* Tells those that a receipt confirms, and those that waited too long for one. */
static void pass_receipts(struct journal *journal, uint64_t receipt_seq)
{
    struct entry_list told = {0}, late = {0};
    int64_t expired_us = clock_mono_us() - journal->options.central_timeout_ms * 1000;
    pthread_mutex_lock(&journal->lock);
    /* one for records that are not there is another journal's, or older than this directory: it
     * confirms nothing, also not once records of that number are there */
    if (receipt_seq > journal->written_seq)
        journal->foreign_receipt_seq = receipt_seq;
    if (receipt_seq > journal->receipt_seq && receipt_seq != journal->foreign_receipt_seq)
        journal->receipt_seq = receipt_seq;
    backlog_confirm(&journal->backlog, journal->receipt_seq);
    if (journal->receipt_seq >= journal->unconfirmed_seq)
        journal->unconfirmed = false;
    forget_passed(journal);
    struct entry_list awaiting = take_all(&journal->awaiting);
    while (awaiting.first) {
        struct journal_entry *entry = pop(&awaiting);
        bool expired = journal->closing || entry->queued_us <= expired_us;
        push(entry->seq <= journal->receipt_seq ? &told
             : expired                          ? &late
                                                : &journal->awaiting,
             entry);
    }
    if (late.first)
        fail_unconfirmed(journal, late);
    pthread_mutex_unlock(&journal->lock);
    pthread_cond_signal(&journal->queued); /* there may be something to retract */
    observe_durable(journal, told);
    announce(told);
    announce(late);
}

/* "SEQ HASH SEQ": both numbers, so that one that is being written is not believed. */
static uint64_t read_receipt_in(int fd)
{
    char text[20 + 1 + DIGEST_HEX + 1 + 20];
    uint64_t first, second;
    struct str all = {text, sizeof(text)};
    if (pread(fd, text, sizeof(text), 0) != sizeof(text) ||
        !str_to_u64(str_slice(all, 0, 20), &first) ||
        !str_to_u64(str_slice(all, sizeof(text) - 20, sizeof(text)), &second))
        return 0;
    return first == second ? first : 0;
}

/* The furthest of both directories'. */
static uint64_t read_receipt(const struct journal *journal)
{
    uint64_t furthest = 0;
    for (size_t i = 0; i < journal->writer.directory_count; i++) {
        uint64_t seq = read_receipt_in(journal->receipt_fds[i]);
        furthest = seq > furthest ? seq : furthest;
    }
    return furthest;
}

/* Tells of what is other than before. */
static void tell_changes(struct journal *journal, struct journal_state *before)
{
    struct journal_state now;
    journal_state(journal, &now);
    bool changed = now.failing != before->failing || now.unconfirmed != before->unconfirmed ||
                   now.space_is_low != before->space_is_low || now.directory != before->directory;
    if (changed && journal->options.changed)
        journal->options.changed(journal->options.arg, before, &now);
    *before = now;
}

/* Waits for something to look after. False: the keeper is to end. */
static bool keeper_waits(struct journal *journal)
{
    struct pollfd watched[] = {{.fd = journal->wake_fd, .events = POLLIN},
                               {.fd = journal->watch_fd, .events = POLLIN}};
    char events[4096];
    eventfd_t ignored;
    (void)poll(watched, COUNT_OF(watched), KEEPER_MS);
    if (watched[0].revents)
        (void)eventfd_read(journal->wake_fd, &ignored);
    if (watched[1].revents) /* what it says does not matter: the file is read */
        (void)!read(journal->watch_fd, events, sizeof(events));
    pthread_mutex_lock(&journal->lock);
    bool ends = journal->keeper_ends;
    pthread_mutex_unlock(&journal->lock);
    return !ends;
}

static void *keeper_main(void *arg)
{
    struct journal *journal = arg;
    struct journal_state told;
    journal_state(journal, &told);
    while (keeper_waits(journal)) {
        if (journal->options.ships)
            pass_receipts(journal, read_receipt(journal));
        give_up(journal);
        tell_changes(journal, &told);
    }
    return NULL;
}

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
        push(&alone, entry);
        fail_unwritten(journal, alone, &journal->own);
        accepted = entry->fate == JOURNAL_DEGRADED;
    } else if (accepted) {
        was_empty = !journal->queue.first;
        push(&journal->queue, entry);
    } else {
        lose(journal, entry);
    }
    pthread_mutex_unlock(&journal->lock);
    if (was_empty)
        pthread_cond_signal(&journal->queued);
    if (accepted)
        announce(alone);
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
    ret->denying = (ret->failing || ret->unconfirmed) && !may_pass_allowed(journal);
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
        pass_receipts(journal, read_receipt(journal));
    return true;
}

static bool start_threads(struct journal *journal, struct error *err)
{
    journal->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (journal->wake_fd < 0)
        return error_set(err, "cannot start the journal: no descriptor is left");
    journal->thread_runs = pthread_create(&journal->thread, NULL, journal_main, journal) == 0;
    journal->keeper_runs =
        journal->thread_runs && pthread_create(&journal->keeper, NULL, keeper_main, journal) == 0;
    return journal->keeper_runs || error_set(err, "cannot start the journal's threads");
}

static void init_locks(struct journal *journal)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&journal->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&journal->queued, &attributes);
    pthread_condattr_destroy(&attributes);
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
    batch_init(&journal->batch, BATCH_BYTES, ATTACHMENTS_BYTES);
    init_locks(journal);
    if (open_files(journal, err) && take_up(journal, recovery, err) && start_threads(journal, err))
        return journal;
    journal_close(journal);
    return NULL;
}

/* ---- closing ---- */

/* Waits until the thread has ended, but not for ever: it may hang with the disk. */
static void end_thread(struct journal *journal)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += journal->options.write_timeout_ms / 1000 + 1;
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
        pass_receipts(journal, read_receipt(journal)); /* whoever still waits is told */
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
        release(journal);
}
