#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>

#include "audit/journal_inside.h"
#include "audit/record.h"
#include "base/clock.h"
#include "base/limits.h"

/* How dense checkpoints are. */
#define CHECKPOINT_RECORDS 1000
#define CHECKPOINT_US (1000 * 1000LL)
#define CHECKPOINT_IDLE_US (600 * 1000 * 1000LL)

/* How long the thread's own records wait after a failure. */
#define RETRY_US (1000 * 1000LL)

/* How often the thread looks how much room there is. */
#define SPACE_US (10 * 1000 * 1000LL)

/* Open decisions that a segment's first record has room for; see LIMIT_RECORD_BYTES. */
#define LIMIT_LISTED_OPEN 3000

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
        if (count > 0 && bytes > JOURNAL_BATCH_BYTES / 2)
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
        batch_put(batch, entry->members, entry_ids(entry), true)) {
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
        entries_push(taken, entries_pop(entries));
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
    entries_put_back(&journal->queue, entries_take(rest));
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
        own_drop(&journal->own);
    journal->passed_untold -= journal->batch_told;
    fate_forget_passed(journal);
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
    *taken = entries_take(&journal->in_flight);
    if (durable)
        apply(journal, fresh);
    if (stolen)
        fate_settle_late(journal, durable);
    if (durable)
        told = fate_durable(journal, entries_take(taken));
    pthread_mutex_unlock(&journal->lock);
    journal_observe_durable(journal, told);
    entries_announce(told);
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
    entries_put_back(entries, taken);
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
        entries_push(&failed, entries_pop(entries));
        return failed;
    }
    journal->failing = true;
    journal->why = journal->writer.why;
    return entries_take(entries);
}

static void write_entries(struct journal *journal, struct entry_list entries)
{
    if (write_batch(journal, &entries) != ATTEMPT_FAILED)
        return;
    pthread_mutex_lock(&journal->lock);
    struct entry_list failed = take_failed(journal, &entries);
    entries_put_back(&journal->queue, entries);
    fate_unwritten(journal, failed, &journal->own);
    pthread_mutex_unlock(&journal->lock);
    journal->retry_us = clock_mono_us() + RETRY_US;
    entries_announce(failed);
}

/* ---- the thread ---- */

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
    *ret = entries_take(&journal->queue);
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

void *journal_thread(void *arg)
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
        journal_release(journal);
    return NULL;
}
