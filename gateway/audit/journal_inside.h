/*
 * The inside of the journal, for its own files alone:
 *
 *     journal.c         opens, appends, looks, closes
 *     journal_write.c   the thread that makes records durable
 *     journal_keeper.c  a second one, which watches over it: it gives up on a write that hangs, and
 *                       passes on the receipts of the central database
 *     journal_fate.c    who of those that waited may go on
 *     journal_lists.c   those that wait
 *
 *     queue --> batch --begin_io--> write, fdatasync --end_io--> tell, or await a receipt
 *                 ^                      |
 *            own records                 `- too late: the keeper has told already
 *
 * Entries belong to their owners again the moment they were told. So a batch is composed, which
 * reads them, before any call that may hang; during such a call they stand in `in_flight`, where
 * the keeper may take them.
 */
#pragma once

#include <pthread.h>

#include "audit/backlog.h"
#include "audit/batch.h"
#include "audit/journal.h"
#include "audit/writer.h"

/* One write's worth: what 1,000 waiting requests need, so that a batch is bounded in memory. */
#define JOURNAL_BATCH_BYTES (4 * 1024 * 1024)

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

/* ---- journal_lists.c ---- */

void entries_push(struct entry_list *list, struct journal_entry *entry);
struct journal_entry *entries_pop(struct entry_list *list); /* of a list that is not empty */

/* All of them; the list is empty then. */
struct entry_list entries_take(struct entry_list *list);

/* Puts entries in front of a list. */
void entries_put_back(struct entry_list *list, struct entry_list entries);

/* Tells their owners, whose they are again. Without the lock. */
void entries_announce(struct entry_list entries);

/* What an entry does to the open decisions. */
struct change_ids entry_ids(const struct journal_entry *entry);

/* A copy of `members`; NULL when memory is out. */
struct own_record *own_make(struct str members, struct change_ids ids);
void own_push(struct own_list *list, struct own_record *record);
void own_drop(struct own_list *list); /* frees the first one */

/* ---- journal_fate.c: all under the lock ---- */

/* Whether one more campaign may be forwarded without a durable record. */
bool fate_may_pass_allowed(const struct journal *journal);

/* Of entries that could not be written; `to` keeps copies of those that pass. */
void fate_unwritten(struct journal *journal, struct entry_list entries, struct own_list *to);

/* Of decisions that are durable here, but whose receipt did not come. */
void fate_unconfirmed(struct journal *journal, struct entry_list entries);

/* Those who need no receipt, or have it, may be told; the others await it. */
struct entry_list fate_durable(struct journal *journal, struct entry_list entries);

/*
 * When the keeper has told those in flight already. What landed after all is taken back unless it
 * was let pass; what was let pass and did not land is written before all else.
 */
void fate_settle_late(struct journal *journal, bool durable);

/* An outcome that is lost leaves its decision open, and no request will tell of it again. */
void fate_lose(struct journal *journal, const struct journal_entry *entry);

/* Once everything is well, what may pass is counted from zero again. */
void fate_forget_passed(struct journal *journal);

/* ---- the threads ---- */

void *journal_thread(void *arg); /* a journal, as below */
void *journal_keeper_thread(void *arg);

/* Tells those that a receipt confirms, and those that waited too long for one. */
void journal_pass_receipts(struct journal *journal, uint64_t receipt_seq);

/* How far the central database has confirmed: the furthest of both directories' receipts. */
uint64_t journal_read_receipt(const struct journal *journal);

/* Counts how long they have waited for it. */
void journal_observe_durable(struct journal *journal, struct entry_list entries);

/* Frees everything; nobody else may have the journal any more. */
void journal_release(struct journal *journal);
