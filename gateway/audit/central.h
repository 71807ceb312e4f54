/*
 * The central database, where the journals of all gateways come together: PostgreSQL, with the
 * tables and functions of deploy/sql. The only file that knows libpq.
 *
 *     audit ship ---central_send---> batches on their way ---central_receive---> a receipt each
 *     the verbs  ---central_search, central_each_source, central_read---> what was stored
 *
 * Every call ends in time, and it is this side that counts: the server's statement_timeout would
 * also cancel a commit that waits for its standby, and leave it done on one machine only. Such a
 * commit (WARNING 01000) is no receipt either. Whoever is not sure asks central_upto again, on a
 * new connection. Used by one thread.
 */
#pragma once

#include "audit/checkpoint.h"
#include "audit/search.h"
#include "audit/segment.h"

struct central;

enum central_result {
    CENTRAL_FINE,
    CENTRAL_PENDING,     /* central_receive only: no answer yet */
    CENTRAL_UNREACHABLE, /* no server, no answer in time, a server going down: try again, anew */
    CENTRAL_REFUSED,     /* the server answered no: rights, schema, a gap; `err` has its sentence */
};

struct central_options {
    const char *database; /* libpq connection string or URI; several hosts may be named */
    int64_t timeout_ms;   /* for connecting to one host, and for each answer */
    bool must_write;      /* only a server that is not a standby will do */
};

/*
 * Connects, to the first host that will do, giving each one timeout_ms (at least 2 s). To another
 * machine it speaks TLS only, and verifies the server's certificate and its name (verify-full);
 * what asks for less is refused. NULL with *ret_result and `err`: CENTRAL_REFUSED when the
 * connection string is wrong, so that another attempt is useless.
 */
MUST_USE struct central *central_open(const struct central_options *options,
                                      enum central_result *ret_result, struct error *err);

/* Whether the connection string is one, and verifies who answers; connects to nobody in earnest. */
MUST_USE bool central_check(const char *database, struct error *err);

void central_close(struct central *central); /* accepts NULL */

/* Host and port of the server, for sentences; lives as long as the connection. */
struct str central_server(const struct central *central);

/* ---- what the verbs read; a role with audit_read ---- */

/*
 * Tells of one page, as search.h describes. *ret_after (a buf of the caller's) gets the cursor of
 * the next page; nothing is appended when there is none.
 */
MUST_USE bool central_search(struct central *central, const struct search_query *query,
                             search_found *found, void *arg, struct buf *ret_after,
                             struct error *err);

/* What is known of one gateway's journal. Views live until the callback returns. */
struct central_source {
    struct str source;      /* the origin of its checkpoints: campaign-gateway/NAME/UUID */
    uint64_t first_seq;     /* the oldest record that is kept; 0: none is */
    struct chain_head head; /* the last one: the receipt */
    uint8_t key[SIGNING_PUBLIC_BYTES]; /* that signs now */
    int64_t first_seen_unix_ms, last_seen_unix_ms;
    uint64_t checkpoint_size;   /* of the last checkpoint; 0: none yet */
    struct str checkpoint_note; /* its note, signed; verified by the database when it came */
    uint64_t conflicts;         /* records that came a second time, and different */
};

typedef bool central_source_found(void *arg, const struct central_source *source);

/* Each source in order of name; only the one that is named when `source` is not empty. */
MUST_USE bool central_each_source(struct central *central, struct str source,
                                  central_source_found *found, void *arg, struct error *err);

/* `line` is exactly the journal's: JSON, TAB, hash, without LF. It lives until the callback
 * returns; false stops the reading. */
typedef bool central_line_found(void *arg, uint64_t seq, struct str line);

/*
 * Each line of a source from `from_seq` on (0: the oldest that is kept), in order and as stored:
 * nothing is checked, that is the caller's business (chain_check). After months were dropped the
 * first line may be in the middle of a segment.
 */
MUST_USE bool central_read(struct central *central, struct str source, uint64_t from_seq,
                           central_line_found *found, void *arg, struct error *err);

/* Writes down in the database that, and how, a source was verified; a role with audit_verify. */
struct central_verification {
    struct str source;
    uint64_t from_seq, upto_seq;
    uint64_t checkpoints; /* whose signatures were checked */
    bool fine;
    struct str sentence; /* what was found; empty when fine */
};
MUST_USE bool central_note_verification(struct central *central,
                                        const struct central_verification *verification,
                                        struct error *err);

/* ---- what `audit ship` does; a role with audit_ship ---- */

#define CENTRAL_BATCH_RECORDS 200
#define CENTRAL_BATCHES_MOST 4 /* on their way at the same time */

/*
 * What the server has of a source: seq 0 when it does not know it; a hash of zeros when that record
 * is not there (a gap that somebody accepted). It is a receipt, and a sign of life: the server
 * notes when it was asked. Only while no batch is on its way.
 */
MUST_USE enum central_result central_upto(struct central *central, struct str source,
                                          struct chain_head *ret, struct error *err);

struct central_batch {
    struct str source;
    uint64_t first_seq;
    struct str lines; /* with LF between them; copied */
};

/* Sends a batch and does not wait for its receipt. At most CENTRAL_BATCHES_MOST may be under way.
 */
MUST_USE enum central_result central_send(struct central *central,
                                          const struct central_batch *batch, struct error *err);

enum central_verdict {
    CENTRAL_STORED,
    CENTRAL_FORK,    /* another record has that number already; both are kept, see audit_conflict */
    CENTRAL_INVALID, /* a record is not what the chain or a checkpoint says; see `reason` */
};

struct central_receipt {
    struct chain_head upto; /* everything up to here is stored, durably, and without a gap */
    enum central_verdict verdict;
    char reason[512];
};

/*
 * The receipt of the oldest batch under way, waiting at most `wait_ms` (0: not at all). After
 * anything but CENTRAL_FINE and CENTRAL_PENDING the connection is of no more use.
 */
MUST_USE enum central_result central_receive(struct central *central, int64_t wait_ms,
                                             struct central_receipt *ret, struct error *err);

/* Batches without a receipt yet. */
size_t central_under_way(const struct central *central);

/* For poll(2), while batches are under way: the descriptor, and what to wait for. */
int central_descriptor(struct central *central, short *ret_events);
