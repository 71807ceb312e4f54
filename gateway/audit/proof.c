#include "audit/proof.h"

#include "audit/base64.h"
#include "audit/member.h"
#include "base/json_read.h"
#include "base/json_write.h"

#define FORMAT "campaign-gateway/proof/1"

/* ---- leaf and path -> root ---- */

/* RFC 9162 2.1.3.2. `fn` and `sn` are the leaf's and the last leaf's number on each level. */
bool proof_root(uint64_t leaf, uint64_t size, const uint8_t record_hash[DIGEST_BYTES],
                const uint8_t path[][DIGEST_BYTES], size_t path_count, uint8_t out[DIGEST_BYTES])
{
    uint8_t node[DIGEST_BYTES];
    if (leaf >= size || !merkle_leaf(record_hash, node))
        return false;
    uint64_t fn = leaf, sn = size - 1;
    size_t used = 0;
    for (; sn > 0; fn >>= 1, sn >>= 1) {
        if (!(fn & 1) && fn == sn)
            continue; /* nothing to the right of it: it counts as its parent */
        if (used == path_count)
            return false;
        const uint8_t *sibling = path[used++];
        if (fn & 1 ? !merkle_node(sibling, node, node) : !merkle_node(node, sibling, node))
            return false;
    }
    if (used != path_count)
        return false;
    memcpy(out, node, DIGEST_BYTES);
    return true;
}

/* ---- writing ---- */

static void put_base64(struct json_writer *w, const uint8_t *bytes, size_t count)
{
    struct buf text;
    buf_init(&text, BASE64_SIZE(count));
    base64_encode((struct str){(const char *)bytes, count}, &text);
    json_put_str(w, NULL, buf_str(&text));
    w->out->failed |= text.failed;
    buf_release(&text);
}

static void put_record(struct json_writer *w, const struct proof_record *record)
{
    json_open_object(w);
    json_put_int(w, "seq", (int64_t)record->seq);
    json_put_str(w, "line", record->line);
    json_open_array_at(w, "path");
    for (size_t i = 0; i < record->path_count; i++)
        put_base64(w, record->path[i], DIGEST_BYTES);
    json_close_array(w);
    json_close_object(w);
}

void proof_write(const struct proof *proof, struct buf *out)
{
    struct json_writer w = json_writer(out);
    struct checkpoint note;
    json_open_object(&w);
    json_put_str(&w, "format", STR(FORMAT));
    json_put_str(&w, "id", proof->id);
    if (checkpoint_parse(proof->note, &note))
        json_put_int(&w, "tree_size", (int64_t)note.size);
    json_open_array_at(&w, "records");
    for (size_t i = 0; i < proof->count; i++)
        put_record(&w, &proof->records[i]);
    json_close_array(&w);
    json_put_str(&w, "note", proof->note);
    json_close_object(&w);
    buf_append_byte(out, '\n');
}

/* ---- reading ---- */

static bool take_text(const struct json_value *object, const char *key, struct str *ret)
{
    const struct json_value *value = json_member(object, str_from(key));
    if (!value || json_kind(value) != JSON_KIND_STRING)
        return false;
    *ret = json_string(value);
    return true;
}

/* A whole number that a double holds exactly. */
static bool take_number(const struct json_value *object, const char *key, uint64_t *ret)
{
    const struct json_value *value = json_member(object, str_from(key));
    if (!value || json_kind(value) != JSON_KIND_NUMBER)
        return false;
    double number = json_number(value);
    if (!(number >= 0 && number <= 9007199254740991.0) || number != (double)(uint64_t)number)
        return false;
    *ret = (uint64_t)number;
    return true;
}

static bool take_path(const struct json_value *record, struct proof_record *ret)
{
    const struct json_value *path = json_member(record, STR("path"));
    if (!path || json_kind(path) != JSON_KIND_ARRAY || json_count(path) > MERKLE_LEVELS)
        return false;
    for (const struct json_value *node = json_first(path); node; node = json_next(node)) {
        if (json_kind(node) != JSON_KIND_STRING ||
            !base64_decode_exactly(json_string(node), ret->path[ret->path_count], DIGEST_BYTES))
            return false;
        ret->path_count++;
    }
    return true;
}

static bool take_record(const struct json_value *record, struct proof_record *ret)
{
    return json_kind(record) == JSON_KIND_OBJECT && take_number(record, "seq", &ret->seq) &&
           ret->seq > 0 && take_text(record, "line", &ret->line) && take_path(record, ret);
}

static bool take_records(const struct json_value *root, struct arena *arena, struct proof *ret)
{
    const struct json_value *records = json_member(root, STR("records"));
    if (!records || json_kind(records) != JSON_KIND_ARRAY || json_count(records) == 0 ||
        json_count(records) > LIMIT_PROOF_RECORDS)
        return false;
    ret->records = arena_zalloc(arena, json_count(records), sizeof(*ret->records));
    if (!ret->records)
        return false;
    for (const struct json_value *each = json_first(records); each; each = json_next(each)) {
        if (!take_record(each, &ret->records[ret->count++]))
            return false;
    }
    return true;
}

static bool sizes_agree(const struct json_value *root, struct str note)
{
    struct checkpoint parsed;
    uint64_t size;
    return checkpoint_parse(note, &parsed) && take_number(root, "tree_size", &size) &&
           size == parsed.size;
}

bool proof_parse(struct str text, struct arena *arena, struct proof *ret, struct error *err)
{
    struct json_fault fault;
    struct proof proof = {0};
    struct str format;
    const struct json_value *root = json_read(text, arena, &fault);
    if (!root)
        return error_set(err, "this is not a proof: line %zu, column %zu: %s", fault.line,
                         fault.column, json_fault_sentence(fault.kind));
    if (json_kind(root) != JSON_KIND_OBJECT || !take_text(root, "format", &format) ||
        !str_equal(format, STR(FORMAT)))
        return error_set(err, "this is not a proof: \"format\" is not \"%s\"", FORMAT);
    if (!take_text(root, "id", &proof.id) || !take_text(root, "note", &proof.note) ||
        !take_records(root, arena, &proof))
        return error_set(err, "this is not a proof: id, note or records are not what they must be");
    if (!sizes_agree(root, proof.note))
        return error_set(err, "the note in the proof is not one, or has another tree_size");
    *ret = proof;
    return true;
}

/* ---- checking ---- */

static bool check_record(const struct proof_record *record, struct str id,
                         const struct checkpoint *note, struct error *err)
{
    struct chain_head head = {0};
    struct str json;
    uint8_t root[DIGEST_BYTES];
    const char *wrong = chain_check(&head, record->line, &json);
    if (wrong)
        return error_set(err, "record %llu: %s", (unsigned long long)record->seq, wrong);
    if (head.seq != record->seq)
        return error_set(err, "record %llu has another number in its line",
                         (unsigned long long)record->seq);
    if (!member_is(json, STR("id"), id))
        return error_set(err, "record %llu is not about %.*s", (unsigned long long)record->seq,
                         STR_ARGS(str_slice(id, 0, ID_SIZE)));
    if (head.seq > note->size)
        return error_set(err, "record %llu is behind the %llu records that the note covers",
                         (unsigned long long)record->seq, (unsigned long long)note->size);
    if (!proof_root(head.seq - 1, note->size, head.hash, record->path, record->path_count, root) ||
        memcmp(root, note->root, DIGEST_BYTES) != 0)
        return error_set(
            err,
            "record %llu is not in the journal that was signed: its path does not lead "
            "to the root in the note",
            (unsigned long long)record->seq);
    return true;
}

bool proof_check(const struct proof *proof, struct checkpoint *ret, struct error *err)
{
    struct checkpoint note;
    if (!checkpoint_parse(proof->note, &note))
        return error_set(err, "the note in the proof is not one");
    for (size_t i = 0; i < proof->count; i++) {
        if (i > 0 && proof->records[i].seq <= proof->records[i - 1].seq)
            return error_set(err, "the records of the proof are not in order, or one is twice");
        if (!check_record(&proof->records[i], proof->id, &note, err))
            return false;
    }
    *ret = note;
    return true;
}

/* ---- making one ---- */

void prover_init(struct prover *prover, struct str id, struct arena *arena)
{
    prover->id = id;
    prover->arena = arena;
    prover->count = prover->covered = 0;
    prover->failed = false;
    buf_init(&prover->note, LIMIT_CHECKPOINT_BYTES);
}

void prover_release(struct prover *prover)
{
    buf_release(&prover->note);
}

/* What is to the left of leaf m stands in the frontier of the m leaves before it: where bit k of m
 * is set, its ancestor on level k is a right child, and level k of the frontier its sibling. */
void prover_look(struct prover *prover, struct str line, struct str json, uint64_t seq,
                 const struct merkle *before)
{
    if (!member_is(json, STR("id"), prover->id))
        return;
    if (prover->count == LIMIT_PROOF_RECORDS) {
        prover->failed = true;
        return;
    }
    struct proof_record *record = &prover->records[prover->count];
    *record = (struct proof_record){.seq = seq, .line = arena_copy(prover->arena, line)};
    memcpy(prover->left[prover->count], before->nodes, sizeof(before->nodes));
    prover->failed |= !record->line.data;
    prover->count++;
}

void prover_seen(void *arg, size_t level, uint64_t index, const uint8_t node[DIGEST_BYTES])
{
    struct prover *prover = arg;
    for (size_t i = 0; i < prover->count; i++) {
        uint64_t ancestor = (prover->records[i].seq - 1) >> level;
        if (!(ancestor & 1) && index == ancestor + 1)
            memcpy(prover->right[i][level], node, DIGEST_BYTES);
    }
}

/* The walk of proof_root, which takes from the path what this puts there. */
static bool make_path(struct prover *prover, size_t which, const struct merkle *tree)
{
    struct proof_record *record = &prover->records[which];
    uint64_t fn = record->seq - 1, sn = tree->size - 1;
    record->path_count = 0;
    for (size_t level = 0; sn > 0; level++, fn >>= 1, sn >>= 1) {
        if (!(fn & 1) && fn == sn)
            continue;
        uint8_t *node = record->path[record->path_count++];
        bool is_cut = !(fn & 1) && fn + 1 == sn && tree->size != (sn + 1) << level;
        if (is_cut && !merkle_rest(tree, level, node))
            return false;
        if (!is_cut)
            memcpy(node, fn & 1 ? prover->left[which][level] : prover->right[which][level],
                   DIGEST_BYTES);
    }
    return true;
}

bool prover_cover(struct prover *prover, struct str note, const struct merkle *tree)
{
    if (prover->covered == prover->count)
        return true;
    for (size_t i = 0; i < prover->count; i++) {
        if (!make_path(prover, i, tree))
            return false;
    }
    buf_clear(&prover->note);
    prover->covered = prover->count;
    return buf_append(&prover->note, note);
}

struct proof prover_proof(const struct prover *prover)
{
    return (struct proof){.id = prover->id,
                          .note = buf_str(&prover->note),
                          .records = (struct proof_record *)prover->records,
                          .count = prover->covered};
}
