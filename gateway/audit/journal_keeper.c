#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "audit/journal_inside.h"
#include "base/clock.h"

#define KEEPER_MS 250 /* how often it looks */

void journal_observe_durable(struct journal *journal, struct entry_list entries)
{
    int64_t now_us = clock_mono_us();
    for (const struct journal_entry *each = entries.first; each; each = each->next)
        histogram_observe(&journal->histograms.append, &histogram_durations,
                          now_us - each->queued_us);
}

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
        failed = entries_take(&journal->in_flight);
        queued = entries_take(&journal->queue);
        fate_unwritten(journal, failed, &journal->late);
        fate_unwritten(journal, queued, &journal->own);
    }
    pthread_mutex_unlock(&journal->lock);
    entries_announce(failed);
    entries_announce(queued);
}

void journal_pass_receipts(struct journal *journal, uint64_t receipt_seq)
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
    fate_forget_passed(journal);
    struct entry_list awaiting = entries_take(&journal->awaiting);
    while (awaiting.first) {
        struct journal_entry *entry = entries_pop(&awaiting);
        bool expired = journal->closing || entry->queued_us <= expired_us;
        entries_push(entry->seq <= journal->receipt_seq ? &told
                     : expired                          ? &late
                                                        : &journal->awaiting,
                     entry);
    }
    if (late.first)
        fate_unconfirmed(journal, late);
    pthread_mutex_unlock(&journal->lock);
    pthread_cond_signal(&journal->queued); /* there may be something to retract */
    journal_observe_durable(journal, told);
    entries_announce(told);
    entries_announce(late);
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

uint64_t journal_read_receipt(const struct journal *journal)
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

void *journal_keeper_thread(void *arg)
{
    struct journal *journal = arg;
    struct journal_state told;
    journal_state(journal, &told);
    while (keeper_waits(journal)) {
        if (journal->options.ships)
            journal_pass_receipts(journal, journal_read_receipt(journal));
        give_up(journal);
        tell_changes(journal, &told);
    }
    return NULL;
}
