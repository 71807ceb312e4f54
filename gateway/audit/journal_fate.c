#include "audit/journal_inside.h"
#include "audit/record.h"
#include "base/clock.h"

/* ---- what could not be written ---- */

bool fate_may_pass_allowed(const struct journal *journal)
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
    return fate_may_pass_allowed(journal);
}

static void count_passed(struct journal *journal, const struct journal_entry *entry)
{
    journal->passed++;
    if (entry->opens.len > 0)
        journal->passed_requests++;
    else if (entry->closes.len == 0 && entry->orphans.len == 0)
        journal->passed_refusals++;
}

void fate_lose(struct journal *journal, const struct journal_entry *entry)
{
    open_set_give_up(&journal->open, entry->closes);
    open_set_give_up(&journal->open, entry->orphans);
}

void fate_unwritten(struct journal *journal, struct entry_list entries, struct own_list *to)
{
    for (struct journal_entry *each = entries.first; each; each = each->next) {
        struct own_record *copy =
            may_pass(journal, each) ? own_make(each->members, entry_ids(each)) : NULL;
        each->fate = copy ? JOURNAL_DEGRADED : JOURNAL_FAILED;
        if (!copy) {
            fate_lose(journal, each);
            continue;
        }
        copy->passed = true;
        own_push(to, copy);
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
        members.failed ? NULL
                       : own_make(buf_str(&members), (struct change_ids){.of[CHANGE_CLOSES] = id});
    if (record) {
        own_push(&journal->own, record);
        journal->retracted++;
    }
    buf_release(&members);
}

void fate_unconfirmed(struct journal *journal, struct entry_list entries)
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

void fate_forget_passed(struct journal *journal)
{
    if (!journal->own.first && !journal->late.first && !journal->unconfirmed &&
        journal->passed_untold == 0)
        journal->passed = journal->passed_requests = journal->passed_refusals = 0;
}

/* ---- what could, after all ---- */

static bool passed_late(const struct journal *journal, const char *id)
{
    for (const struct own_record *each = journal->late.first; each; each = each->next) {
        if (strcmp(each->ids[CHANGE_OPENS], id) == 0)
            return true;
    }
    return false;
}

void fate_settle_late(struct journal *journal, bool durable)
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
    for (; journal->late.first; own_drop(&journal->late))
        journal->passed_untold++;
}

struct entry_list fate_durable(struct journal *journal, struct entry_list entries)
{
    struct entry_list told = {0};
    while (entries.first) {
        struct journal_entry *entry = entries_pop(&entries);
        entry->fate = JOURNAL_DURABLE;
        bool waits =
            journal->options.central && entry->opens.len > 0 && entry->seq > journal->receipt_seq;
        entries_push(waits ? &journal->awaiting : &told, entry);
    }
    return told;
}
