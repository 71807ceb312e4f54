/*
 *     a record -- kind? --> segment, checkpoint, key: read whole, its note checked
 *          |            `-> decision, outcome, closed: a few members looked up, for the ledger
 *          `-- its hash --> the tree
 */
#include "audit/verify.h"

#include <stdio.h>
#include <stdlib.h>

#include "audit/capture_check.h"
#include "audit/ledger.h"
#include "audit/member.h"
#include "audit/record.h"
#include "base/json_read.h"
#include "base/limits.h"

/*
 * Notes are made every 1,000 records and at the end of the batch that is being written, which has
 * at most 4 MiB: 20,000 of the shortest records.
 */
#define MOST_WITHOUT_NOTE 25000

/* Notes are made a second after a record, and at least every ten minutes. */
#define LONGEST_WITHOUT_NOTE_MS (15 * 60 * 1000LL)

/* Between a record's time and the window of the key that signs over it: what the journal may hold
 * back while the disk is full, and a clock that is being set. */
#define RECORD_TIME_SLACK_MS (60 * 60 * 1000LL)

/* In a text of JSON its quotes would be escaped: where this stands, it is a member. */
#define CAPTURE_FRONT "\"capture\":{"

struct verify {
    struct verify_options options;
    struct verify_report report;
    struct arena arena; /* of one record */
    char origin[LIMIT_ORIGIN_BYTES + 1];
    struct merkle tree;
    uint8_t key[SIGNING_PUBLIC_BYTES]; /* in force */
    struct buf last_note;
    struct verify_key *keys;
    size_t key_capacity;
    struct ledger ledger;
    char tail_time[CLOCK_UTC_SIZE]; /* of the first record of this run that is under no note */
};

static void on_finding(void *arg, const char *sentence)
{
    struct verify *v = arg;
    v->report.findings++;
    v->options.finding(v->options.arg, sentence);
}

static void find(struct verify *v, const char *format, ...) PRINTF_LIKE(2, 3);

static void find(struct verify *v, const char *format, ...)
{
    struct error sentence;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence.text, sizeof(sentence.text), format, args);
    va_end(args);
    on_finding(v, sentence.text);
}

static struct str text_of(const struct json_value *object, const char *key)
{
    const struct json_value *value = json_member(object, str_from(key));
    return value && json_kind(value) == JSON_KIND_STRING ? json_string(value) : (struct str){0};
}

/* ---- notes ---- */

static bool is_expected_here(const struct verify *v, const struct checkpoint *note,
                             struct error *err)
{
    uint8_t root[DIGEST_BYTES];
    if (!str_equal(note->origin, v->report.origin))
        return error_set(err, "the note is of another journal, %.*s", SHOW_ARGS(note->origin));
    if (note->size != v->tree.size)
        return error_set(err, "the note covers %llu records, and %llu stand before it",
                         (unsigned long long)note->size, (unsigned long long)v->tree.size);
    if (!merkle_root(&v->tree, root))
        return error_set(err, "libcrypto failed");
    if (memcmp(root, note->root, DIGEST_BYTES) != 0)
        return error_set(err, "the records before this note are not those that were signed: their "
                              "root is another one");
    return true;
}

/* Clocks are set back, which is worth knowing; the chain's order does not depend on them. */
static bool is_in_time(struct verify *v, const struct checkpoint *note, struct error *err)
{
    char time[CLOCK_UTC_SIZE], fingerprint[FINGERPRINT_SIZE];
    clock_format_utc(note->time_unix_ms, time);
    if (v->report.notes > 0 && note->time_unix_ms < v->report.last_note_unix_ms)
        find(v,
             "the clock was set back, or somebody holds the key: the time of the note over %llu "
             "records, %s, is before that of the note before it",
             (unsigned long long)note->size, time);
    if (!v->options.pinned)
        return true;
    key_fingerprint(v->key, fingerprint);
    if (!pinned_keys_has(v->options.pinned, v->key))
        return error_set(err, "the key that signs here, %s, is not among the pinned ones",
                         fingerprint);
    return pinned_keys_permit(v->options.pinned, v->key, note->time_unix_ms, 0) ||
           error_set(err,
                     "the note of %s is outside the time in which its key, %s, may sign: the "
                     "pinned window says so",
                     time, fingerprint);
}

static struct verify_key *key_entry(struct verify *v)
{
    struct verify_report *report = &v->report;
    if (report->key_count > 0 &&
        memcmp(v->keys[report->key_count - 1].public_key, v->key, SIGNING_PUBLIC_BYTES) == 0)
        return &v->keys[report->key_count - 1];
    if (report->key_count == v->key_capacity) {
        size_t capacity = v->key_capacity ? 2 * v->key_capacity : 8;
        struct verify_key *keys = realloc(v->keys, capacity * sizeof(*keys));
        if (!keys)
            return NULL;
        v->keys = keys;
        v->key_capacity = capacity;
        report->keys = keys;
    }
    struct verify_key *entry = &v->keys[report->key_count++];
    *entry = (struct verify_key){.first_size = v->tree.size};
    memcpy(entry->public_key, v->key, SIGNING_PUBLIC_BYTES);
    return entry;
}

static bool count_note(struct verify *v, struct str text, const struct checkpoint *note,
                       struct error *err)
{
    struct verify_report *report = &v->report;
    struct verify_key *entry = key_entry(v);
    buf_clear(&v->last_note);
    if (!entry || !buf_append(&v->last_note, text))
        return error_set(err, "out of memory");
    if (entry->notes++ == 0)
        entry->first_unix_ms = note->time_unix_ms;
    entry->last_unix_ms = note->time_unix_ms;
    entry->last_size = note->size;
    report->notes++;
    report->last_note = buf_str(&v->last_note);
    report->last_note_size = note->size;
    report->last_note_unix_ms = note->time_unix_ms;
    report->uncovered = 0;
    return true;
}

/* The note in a record covers all records before it, and is signed by the key in force. */
static bool take_note(struct verify *v, struct str text, struct checkpoint *ret, struct error *err)
{
    if (!checkpoint_parse(text, ret))
        return error_set(err, "the record's note is not a signed checkpoint");
    if (!is_expected_here(v, ret, err))
        return false;
    if (!checkpoint_is_signed_by(text, v->key))
        return error_set(err, "the note is not signed by the key that is in force here");
    return is_in_time(v, ret, err) && count_note(v, text, ret, err);
}

/* ---- the journal's own records ---- */

static bool same_frontier(const struct merkle *a, const struct merkle *b)
{
    for (size_t level = 0; level < MERKLE_LEVELS; level++) {
        if (a->size >> level & 1 && memcmp(a->nodes[level], b->nodes[level], DIGEST_BYTES) != 0)
            return false;
    }
    return a->size == b->size;
}

/* The last leaf may stand alone in the frontier: then the link to it can be checked, too. */
static bool follows_frontier(const struct json_value *record, const struct merkle *tree)
{
    uint8_t prev[DIGEST_BYTES], leaf[DIGEST_BYTES];
    return !(tree->size & 1) ||
           (digest_from_hex(text_of(record, "prev"), prev) && merkle_leaf(prev, leaf) &&
            memcmp(leaf, tree->nodes[0], DIGEST_BYTES) == 0);
}

/* Of the first segment that is there: what it says is where we begin. */
static bool begin_from(struct verify *v, const struct json_value *record, struct str origin,
                       const uint8_t key[SIGNING_PUBLIC_BYTES], const struct merkle *tree,
                       struct error *err)
{
    if (origin.len == 0 || origin.len > LIMIT_ORIGIN_BYTES)
        return error_set(err, "the segment does not say whose journal it is");
    if (!follows_frontier(record, tree))
        return error_set(err, "the segment does not follow the last record under its frontier");
    memcpy(v->origin, origin.data, origin.len);
    v->report.origin = (struct str){v->origin, origin.len};
    memcpy(v->key, key, SIGNING_PUBLIC_BYTES);
    v->tree = *tree;
    return true;
}

/* Of every other one: it must say what we know. */
static bool goes_on_from(const struct verify *v, struct str origin,
                         const uint8_t key[SIGNING_PUBLIC_BYTES], const struct merkle *tree,
                         struct error *err)
{
    if (!str_equal(origin, v->report.origin))
        return error_set(err, "the segment says that it is of another journal");
    if (memcmp(key, v->key, SIGNING_PUBLIC_BYTES) != 0)
        return error_set(err, "the segment names another key than the one in force: a key changes "
                              "only by a record that the former one signs");
    return same_frontier(tree, &v->tree) ||
           error_set(err, "the segment's frontier is not that of the records before it");
}

static bool take_segment(struct verify *v, const struct json_value *record, uint64_t seq,
                         struct error *err)
{
    struct str origin = text_of(record, "source");
    uint8_t key[SIGNING_PUBLIC_BYTES];
    struct merkle tree;
    struct checkpoint note;
    if (!digest_from_hex(text_of(record, "key"), key) ||
        !record_read_frontier(json_member(record, STR("frontier")), seq - 1, &tree))
        return error_set(err, "the segment's first record has no key, or no frontier for the "
                              "records before it");
    bool begins = v->report.records == 0;
    if (begins ? !begin_from(v, record, origin, key, &tree, err)
               : !goes_on_from(v, origin, key, &tree, err))
        return false;
    v->report.segments++;
    const struct json_value *open = json_member(record, STR("open"));
    return take_note(v, text_of(record, "note"), &note, err) &&
           (!note.has_successor ||
            error_set(err, "a segment's note names a successor; only a key record's may")) &&
           (begins ? ledger_begin(&v->ledger, open, tree.size > 0, err)
                   : ledger_compare(&v->ledger, open, err));
}

static bool take_checkpoint(struct verify *v, const struct json_value *record, struct error *err)
{
    struct checkpoint note;
    return take_note(v, text_of(record, "note"), &note, err) &&
           (!note.has_successor ||
            error_set(err, "a checkpoint names a successor; only a key record's note may"));
}

/* Signed by the key before, and only then does the next one count. */
static bool take_key(struct verify *v, const struct json_value *record, struct error *err)
{
    uint8_t key[SIGNING_PUBLIC_BYTES];
    char fingerprint[FINGERPRINT_SIZE];
    struct checkpoint note;
    if (!digest_from_hex(text_of(record, "key"), key))
        return error_set(err, "the record of a new key does not name it");
    if (!take_note(v, text_of(record, "note"), &note, err))
        return false;
    if (!note.has_successor || memcmp(note.successor, key, SIGNING_PUBLIC_BYTES) != 0)
        return error_set(err, "the former key did not sign for this new one: its note names %s",
                         note.has_successor ? "another" : "none");
    memcpy(v->key, key, SIGNING_PUBLIC_BYTES);
    key_fingerprint(key, fingerprint);
    return !v->options.pinned || pinned_keys_has(v->options.pinned, key) ||
           error_set(err, "the new key, %s, is not among the pinned ones", fingerprint);
}

/* ---- captures ---- */

static void take_capture(struct verify *v, struct str members)
{
    struct str capture, file, sha256;
    if (!member_raw(members, STR("capture"), &capture))
        return;
    v->report.captures++;
    if (!member_text(capture, STR("file"), &file) ||
        !member_text(capture, STR("sha256"), &sha256)) {
        find(v, "the decision names a capture without its file and hash");
        return;
    }
    switch (capture_check(v->options.directories, v->options.directory_count, file, sha256)) {
    case CAPTURE_FINE:
    case CAPTURE_NOT_ASKED:
        break;
    case CAPTURE_MISSING:
        v->report.captures_missing++;
        break;
    case CAPTURE_ALTERED:
        find(v, "the capture '%.*s' is not what was captured: it has another hash",
             STR_ARGS(str_slice(file, 0, 200)));
        break;
    case CAPTURE_UNREADABLE:
        find(v, "the capture '%.*s' cannot be read", STR_ARGS(str_slice(file, 0, 200)));
        break;
    }
}

/* ---- what every record says ---- */

static bool is_note(struct str kind)
{
    return str_equal(kind, STR("checkpoint")) || str_equal(kind, STR("segment")) ||
           str_equal(kind, STR("key"));
}

static bool take_own(struct verify *v, const struct verify_record *record, struct str kind,
                     struct error *err)
{
    struct json_fault fault;
    const struct json_value *json = json_read(record->json, &v->arena, &fault);
    bool fine = json && json_kind(json) == JSON_KIND_OBJECT;
    if (!fine)
        (void)error_set(err, "the record is not JSON: %s", json_fault_sentence(fault.kind));
    else if (str_equal(kind, STR("segment")))
        fine = take_segment(v, json, record->head.seq, err);
    else if (str_equal(kind, STR("checkpoint")))
        fine = take_checkpoint(v, json, err);
    else
        fine = take_key(v, json, err);
    arena_reset(&v->arena);
    return fine;
}

/* From the first comma behind `prev` on, so that lookups begin where they find something. */
static struct str behind_prev(struct str json)
{
    size_t comma = str_find(json, ',');
    return str_slice(json, comma + sizeof(",\"prev\":\"\"") - 1 + DIGEST_HEX, json.len);
}

static bool is_in_place(const struct verify *v, const struct verify_record *record, bool is_segment,
                        struct error *err)
{
    bool must = v->report.records == 0 || (record->has_file && record->begins_file);
    if (must && !is_segment)
        return error_set(err, record->has_file
                                  ? "a segment's file does not begin with a segment record"
                                  : "the first record is not a segment record");
    return !is_segment || must || !record->has_file ||
           error_set(err, "a segment record stands in the middle of a file");
}

/* What is shown to people has to look like a time. */
static bool is_time(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (str_find(STR("0123456789-:.TZ"), text.data[i]) == 15)
            return false;
    }
    return text.len == CLOCK_UTC_SIZE - 1;
}

static bool is_permitted(const struct verify *v, struct str time, struct error *err)
{
    int64_t time_ms;
    return (clock_parse_utc(time, &time_ms) &&
            pinned_keys_permit(v->options.pinned, v->key, time_ms, RECORD_TIME_SLACK_MS)) ||
           error_set(err,
                     "the record's time, %.*s, is outside the time in which the key that signs "
                     "over it may sign: the pinned window says so",
                     SHOW_ARGS(time));
}

static bool keep_time(struct verify *v, struct str members, struct error *err)
{
    struct verify_report *report = &v->report;
    struct str time = {0};
    bool has_time = member_text(members, STR("time"), &time);
    if (has_time && is_time(time)) {
        memcpy(report->first_time, report->first_time[0] ? report->first_time : time.data,
               time.len);
        memcpy(report->last_time, time.data, time.len);
    }
    return !v->options.pinned || is_permitted(v, time, err);
}

/* ---- what must be reached ---- */

static bool check_expected(const struct verify *v, const struct verify_expected *expected,
                           struct error *err)
{
    const struct checkpoint *note = &expected->says;
    uint8_t root[DIGEST_BYTES];
    if (note->size != v->tree.size)
        return true;
    if (!merkle_root(&v->tree, root))
        return error_set(err, "libcrypto failed");
    return memcmp(root, note->root, DIGEST_BYTES) == 0 ||
           error_set(err,
                     "the journal is not the one that was signed: the note in '%s' has another "
                     "root over its first %llu records",
                     expected->name, (unsigned long long)note->size);
}

/* Once it is known whose journal this is. */
static bool check_origins(const struct verify *v, struct error *err)
{
    for (size_t i = 0; i < v->options.expected_count; i++) {
        const struct verify_expected *expected = &v->options.expected[i];
        if (!str_equal(expected->says.origin, v->report.origin))
            return error_set(err, "the checkpoint in '%s' is of another journal, %.*s",
                             expected->name, SHOW_ARGS(expected->says.origin));
    }
    return true;
}

/* What the central database confirmed is what stands here. */
static bool check_receipt(const struct verify *v, const struct chain_head *head, struct error *err)
{
    const struct chain_head *receipt = &v->options.promise.receipt;
    return receipt->seq != head->seq || memcmp(receipt->hash, head->hash, DIGEST_BYTES) == 0 ||
           error_set(err,
                     "the central database confirmed another record with this number: %s has "
                     "its hash",
                     v->options.promise.receipt_place);
}

static bool check_all_expected(const struct verify *v, struct error *err)
{
    for (size_t i = 0; i < v->options.expected_count; i++) {
        if (!check_expected(v, &v->options.expected[i], err))
            return false;
    }
    return true;
}

/* ---- one record ---- */

static bool take_content(struct verify *v, const struct verify_record *record, struct str members,
                         struct str kind, struct error *err)
{
    bool fine = is_note(kind) ? take_own(v, record, kind, err)
                              : !ledger_wants(kind) || ledger_take(&v->ledger, kind, members, err);
    if (fine && memmem(members.data, members.len, CAPTURE_FRONT, sizeof(CAPTURE_FRONT) - 1))
        take_capture(v, members);
    return fine && keep_time(v, members, err);
}

/* A note's own record needs no other one. */
static void count_uncovered(struct verify *v, struct str kind)
{
    if (is_note(kind))
        return;
    if (v->report.uncovered == 0 || str_equal(kind, STR("started")))
        memcpy(v->tail_time, v->report.last_time, sizeof(v->tail_time));
    if (++v->report.uncovered == MOST_WITHOUT_NOTE)
        find(v, "%d records without a checkpoint: they are made every 1,000, so some were removed",
             MOST_WITHOUT_NOTE);
}

static void count_record(struct verify *v, uint64_t seq)
{
    struct verify_report *report = &v->report;
    if (report->records++ == 0)
        report->first_seq = seq;
    report->last_seq = seq;
    report->allowed = v->ledger.allowed;
    report->denied = v->ledger.denied;
    report->outcomes = v->ledger.outcomes;
    report->open = v->ledger.open.count;
    report->unknown = v->ledger.unknown.count;
}

bool verify_take(struct verify *v, const struct verify_record *record, struct error *err)
{
    struct str members = behind_prev(record->json), kind;
    if (!member_text(members, STR("kind"), &kind))
        return error_set(err, "the record does not say of what kind it is");
    if (!is_in_place(v, record, str_equal(kind, STR("segment")), err) ||
        !take_content(v, record, members, kind, err))
        return false;
    if (v->report.records == 0 && /* expected may be one over nothing, or over what is gone */
        (!check_origins(v, err) || !check_all_expected(v, err)))
        return false;
    if (!merkle_add_seen(&v->tree, record->head.hash, v->options.seen, v->options.arg))
        return error_set(err, "libcrypto failed");
    count_uncovered(v, kind);
    count_record(v, record->head.seq);
    return check_receipt(v, &record->head, err) && check_all_expected(v, err);
}

/* ---- the end ---- */

static bool is_signer(const struct verify *v, struct str note, int64_t time_ms)
{
    for (size_t i = 0; i < v->report.key_count; i++) {
        if (checkpoint_is_signed_by(note, v->keys[i].public_key))
            return true;
    }
    const struct pinned_keys *pinned = v->options.pinned;
    for (size_t i = 0; pinned && i < pinned->count; i++) {
        const uint8_t *key = pinned->items[i].public_key;
        if (checkpoint_is_signed_by(note, key) && pinned_keys_permit(pinned, key, time_ms, 0))
            return true;
    }
    return false;
}

static bool is_reached(const struct verify *v, const struct verify_expected *expected,
                       struct error *err)
{
    const struct checkpoint *note = &expected->says;
    unsigned long long covers = note->size, first = v->report.first_seq, last = v->report.last_seq;
    if (!is_signer(v, expected->note, note->time_unix_ms))
        return error_set(err, "the checkpoint in '%s' is not signed by a key of this journal",
                         expected->name);
    if (covers > last)
        return error_set(err,
                         "records are missing from the journal's end: it ends with %llu, and the "
                         "checkpoint in '%s' covers %llu",
                         last, expected->name, covers);
    return covers + 1 >= first ||
           error_set(err,
                     "the checkpoint in '%s' cannot be compared: it covers %llu records, and the "
                     "oldest that is left is %llu; expect a newer checkpoint",
                     expected->name, covers, first);
}

static bool is_promise_kept(const struct verify *v, struct error *err)
{
    const struct promise *promise = &v->options.promise;
    unsigned long long last = v->report.last_seq;
    if (promise->durable_seq > last)
        return error_set(err,
                         "records are missing from the journal's end: it ends with %llu, and %llu "
                         "were durable, as the file 'durable' beside it says (a copy that is made "
                         "while the gateway writes begins with that file)",
                         last, (unsigned long long)promise->durable_seq);
    return promise->receipt.seq <= last ||
           error_set(err,
                     "records are missing from the journal's end: it ends with %llu, and the "
                     "central database confirmed %llu, as %s says",
                     last, (unsigned long long)promise->receipt.seq, promise->receipt_place);
}

/* A tail without notes for longer than that was never a running gateway's. */
static void look_at_tail(struct verify *v)
{
    int64_t from_ms, to_ms;
    if (v->report.uncovered > 0 && clock_parse_utc(str_from(v->tail_time), &from_ms) &&
        clock_parse_utc(str_from(v->report.last_time), &to_ms) &&
        to_ms - from_ms > LONGEST_WITHOUT_NOTE_MS)
        find(v,
             "checkpoints are missing: from %s to %s there is none, and they are made a second "
             "after a record",
             v->tail_time, v->report.last_time);
}

bool verify_end(struct verify *v, struct error *err)
{
    look_at_tail(v);
    if (!is_promise_kept(v, err))
        return false;
    for (size_t i = 0; i < v->options.expected_count; i++) {
        if (!is_reached(v, &v->options.expected[i], err))
            return false;
    }
    return true;
}

/* ---- its life ---- */

const struct merkle *verify_tree(const struct verify *v)
{
    return &v->tree;
}

const struct verify_report *verify_report(const struct verify *v)
{
    return &v->report;
}

struct verify *verify_new(const struct verify_options *options)
{
    struct verify *v = calloc(1, sizeof(*v));
    if (!v)
        return NULL;
    v->options = *options;
    v->ledger.finding = on_finding;
    v->ledger.arg = v;
    arena_init(&v->arena, LIMIT_ARENA_BYTES);
    buf_init(&v->last_note, LIMIT_CHECKPOINT_BYTES);
    return v;
}

void verify_free(struct verify *v)
{
    if (!v)
        return;
    arena_release(&v->arena);
    buf_release(&v->last_note);
    ledger_release(&v->ledger);
    free(v->keys);
    free(v);
}
