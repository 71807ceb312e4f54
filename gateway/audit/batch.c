#include "audit/batch.h"

#include <stdlib.h>

#include "audit/record.h"
#include "base/clock.h"
#include "base/limits.h"

void batch_init(struct batch *batch, size_t max_bytes, size_t max_attachment_bytes)
{
    *batch = (struct batch){0};
    buf_init(&batch->bytes, max_bytes);
    buf_init(&batch->attachment_bytes, max_attachment_bytes);
}

void batch_release(struct batch *batch)
{
    buf_release(&batch->bytes);
    buf_release(&batch->attachment_bytes);
    free(batch->attachments);
    free(batch->changes);
}

void batch_begin(struct batch *batch, const struct chain_head *head, const struct merkle *tree,
                 uint64_t unsigned_records)
{
    buf_clear(&batch->bytes);
    batch_drop_attachments(batch, 0);
    batch->change_count = 0;
    batch->head = *head;
    batch->tree = *tree;
    batch->unsigned_records = unsigned_records;
    batch->has_checkpoint = false;
}

/* Room for one more; the array may move. NULL when memory is out: then it is as before. */
static void *grow(void *items, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return items;
    size_t wanted = *capacity ? 2 * *capacity : 64;
    void *grown = realloc(items, wanted * size);
    if (grown)
        *capacity = wanted;
    return grown;
}

/* ---- lines ---- */

static bool put_line(struct batch *batch, struct str members)
{
    struct chain_head head = batch->head;
    size_t before = batch->bytes.len;
    if (!chain_append(&head, members, &batch->bytes))
        return false;
    if (!merkle_add(&batch->tree, head.hash)) {
        batch->bytes.len = before;
        return false;
    }
    batch->head = head;
    return true;
}

static bool note_changes(struct batch *batch, struct change_ids ids, bool awaited)
{
    for (enum change_kind kind = 0; kind < CHANGES; kind++) {
        struct str id = ids.of[kind];
        if (id.len == 0 || id.len >= ID_SIZE)
            continue;
        struct change *changes =
            grow(batch->changes, &batch->change_capacity, batch->change_count, sizeof(*changes));
        if (!changes)
            return false;
        batch->changes = changes;
        struct change *change = &changes[batch->change_count++];
        *change = (struct change){.kind = kind, .awaited = awaited};
        memcpy(change->id, id.data, id.len);
    }
    return true;
}

bool batch_put(struct batch *batch, struct str members, struct change_ids ids, bool awaited)
{
    size_t changes = batch->change_count;
    if (note_changes(batch, ids, awaited) && put_line(batch, members)) {
        batch->unsigned_records++;
        return true;
    }
    batch->change_count = changes;
    return false;
}

/* ---- lines with a signed note ---- */

/* A note over all that is in the batch so far. */
static bool make_note(const struct batch *batch, struct signer *signer,
                      const struct signing_key *key, bool hands_over, struct buf *out)
{
    int64_t now_unix_ms = clock_unix_ms();
    if (signer->note_unix_ms < now_unix_ms)
        signer->note_unix_ms = now_unix_ms;
    struct checkpoint checkpoint = {.origin = str_from(signer->origin),
                                    .size = batch->tree.size,
                                    .time_unix_ms = signer->note_unix_ms,
                                    .has_successor = hands_over};
    if (hands_over)
        memcpy(checkpoint.successor, signing_key_public(signer->key), SIGNING_PUBLIC_BYTES);
    return merkle_root(&batch->tree, checkpoint.root) && checkpoint_sign(&checkpoint, key, out);
}

static bool put_signed_line(struct batch *batch, const struct buf *members)
{
    uint64_t covered = batch->tree.size;
    if (members->failed || !put_line(batch, buf_str(members)))
        return false;
    batch->unsigned_records = 0;
    batch->checkpoint_seq = covered;
    batch->has_checkpoint = true;
    return true;
}

bool batch_put_checkpoint(struct batch *batch, struct signer *signer)
{
    struct buf note, members;
    buf_init(&note, LIMIT_CHECKPOINT_BYTES);
    buf_init(&members, LIMIT_RECORD_BYTES);
    bool put = make_note(batch, signer, signer->key, false, &note);
    if (put)
        record_checkpoint(clock_unix_ms(), buf_str(&note), &members);
    put = put && put_signed_line(batch, &members);
    buf_release(&note);
    buf_release(&members);
    return put;
}

bool batch_put_hand_over(struct batch *batch, struct signer *signer)
{
    struct buf note, members;
    buf_init(&note, LIMIT_CHECKPOINT_BYTES);
    buf_init(&members, LIMIT_RECORD_BYTES);
    bool put = make_note(batch, signer, signer->former, true, &note);
    if (put)
        record_key(clock_unix_ms(), signing_key_public(signer->key), buf_str(&note), &members);
    put = put && put_signed_line(batch, &members);
    buf_release(&note);
    buf_release(&members);
    return put;
}

/* The caller frees the array; the texts are the set's. */
static struct str *list_open(const struct open_set *open)
{
    struct str *ids = calloc(open->count + 1, sizeof(*ids));
    size_t count = 0;
    for (size_t i = 0; ids && i < open->capacity; i++) {
        if (open->places[i].text[0])
            ids[count++] = str_from(open->places[i].text);
    }
    return ids;
}

bool batch_put_segment(struct batch *batch, struct signer *signer, const struct open_set *open)
{
    struct buf note, members;
    buf_init(&note, LIMIT_CHECKPOINT_BYTES);
    buf_init(&members, LIMIT_RECORD_BYTES);
    struct str *ids = list_open(open);
    const struct signing_key *key = signer->former ? signer->former : signer->key;
    struct segment_record record = {.time_unix_ms = clock_unix_ms(),
                                    .source = str_from(signer->origin),
                                    .tree = batch->tree,
                                    .open = ids,
                                    .open_count = open->count};
    memcpy(record.key, signing_key_public(key), SIGNING_PUBLIC_BYTES);
    bool put = ids && make_note(batch, signer, key, false, &note);
    record.note = buf_str(&note);
    if (put)
        record_segment(&record, &members);
    put = put && put_signed_line(batch, &members);
    free(ids);
    buf_release(&note);
    buf_release(&members);
    return put;
}

/* ---- attachments ---- */

bool batch_attach(struct batch *batch, struct str name, struct str bytes)
{
    struct attachment file = {.from = batch->attachment_bytes.len, .len = bytes.len};
    if (name.len >= sizeof(file.name))
        return false;
    memcpy(file.name, name.data, name.len);
    struct attachment *files = grow(batch->attachments, &batch->attachment_capacity,
                                    batch->attachment_count, sizeof(*files));
    if (!files)
        return false;
    batch->attachments = files;
    buf_append(&batch->attachment_bytes, bytes);
    if (batch->attachment_bytes.failed) { /* an append is all or nothing, so the others are fine */
        batch->attachment_bytes.failed = false;
        return false;
    }
    files[batch->attachment_count++] = file;
    return true;
}

void batch_drop_attachments(struct batch *batch, size_t count)
{
    if (count < batch->attachment_count)
        batch->attachment_bytes.len = batch->attachments[count].from;
    batch->attachment_count = count < batch->attachment_count ? count : batch->attachment_count;
}
