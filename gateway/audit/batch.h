/*
 * What is about to be written to the journal at once, and where the journal stands behind it.
 * Nothing here touches a file; one thread at a time.
 */
#pragma once

#include "audit/checkpoint.h"
#include "audit/open_set.h"
#include "audit/segment.h"

/* What a record does to the set of open decisions. */
enum change_kind {
    CHANGE_OPENS,
    CHANGE_CLOSES,
    CHANGE_ORPHANS, /* nobody knows what became of it, and no request under way will tell */
    CHANGES,
};

/* The decision to which a record does each of these; empty where it does not. */
struct change_ids {
    struct str of[CHANGES];
};

struct change {
    char id[ID_SIZE];
    enum change_kind kind;
    bool awaited; /* it is of a record that somebody waits for */
};

/* A file to be kept beside the journal. */
struct attachment {
    size_t from, len; /* in the buffer of all */
    char name[128];
};

/* Who signs, and for which journal. */
struct signer {
    char origin[LIMIT_ORIGIN_BYTES + 1];
    struct signing_key *key;
    struct signing_key *former; /* until it has introduced `key`; otherwise NULL */
    int64_t note_unix_ms;       /* of the last note: the next one's time is not before it, though */
                                /* the clock may have been set back */
};

struct batch {
    struct buf bytes; /* whole lines */
    struct buf attachment_bytes;
    struct attachment *attachments;
    size_t attachment_count, attachment_capacity;
    struct change *changes;
    size_t change_count, change_capacity;
    struct chain_head head;
    struct merkle tree;
    uint64_t unsigned_records; /* not under a checkpoint, checkpoints themselves aside */
    uint64_t checkpoint_seq;   /* records under the last checkpoint of this batch */
    bool has_checkpoint;
};

void batch_init(struct batch *batch, size_t max_bytes, size_t max_attachment_bytes);
void batch_release(struct batch *batch);

/* Empties it; it stands behind this head. */
void batch_begin(struct batch *batch, const struct chain_head *head, const struct merkle *tree,
                 uint64_t unsigned_records);

/* Each of these puts one record, or, when it does not fit or memory is out, answers false and
 * leaves the batch as it was. */
MUST_USE bool batch_put(struct batch *batch, struct str members, struct change_ids ids,
                        bool awaited);
MUST_USE bool batch_put_segment(struct batch *batch, struct signer *signer,
                                const struct open_set *open);
MUST_USE bool batch_put_checkpoint(struct batch *batch, struct signer *signer);

/* `former` introduces `key`. */
MUST_USE bool batch_put_hand_over(struct batch *batch, struct signer *signer);

/* A file that is written before the lines; batch_drop_attachments forgets all beyond `count`. */
MUST_USE bool batch_attach(struct batch *batch, struct str name, struct str bytes);
void batch_drop_attachments(struct batch *batch, size_t count);
