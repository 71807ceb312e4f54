/* Proofs of inclusion: every leaf of every size, what is altered, and what is cut off in front. */
#include "audit/proof.h"

#include "base/json_read.h"
#include "written_journal.h"

static struct arena arena;
static struct prover prover;
static struct error err;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 64UL << 20);
    err = (struct error){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    prover_release(&prover);
    arena_release(&arena);
    return 0;
}

static void hash_of(size_t leaf, uint8_t out[DIGEST_BYTES])
{
    assert_true(digest_bytes((struct str){(const char *)&leaf, sizeof(leaf)}, out));
}

/* ---- paths ---- */

#define LARGEST 70

/* A tree of `size` leaves whose first `from` are known by their frontier alone; the proof of leaf
 * `wanted` leads to its root. */
static void expect_path(size_t from, size_t size, size_t wanted)
{
    struct merkle tree = {0};
    uint8_t hash[DIGEST_BYTES], root[DIGEST_BYTES], found[DIGEST_BYTES];
    for (size_t leaf = 0; leaf < from; leaf++) {
        hash_of(leaf, hash);
        assert_true(merkle_add(&tree, hash));
    }
    prover_init(&prover, STR("a"), &arena);
    for (size_t leaf = from; leaf < size; leaf++) {
        struct str json = leaf == wanted ? STR("{\"id\":\"a\"}") : STR("{\"id\":\"b\"}");
        hash_of(leaf, hash);
        prover_look(&prover, json, json, leaf + 1, &tree);
        assert_true(merkle_add_seen(&tree, hash, prover_seen, &prover));
    }
    assert_true(prover_cover(&prover, STR("note"), &tree));
    assert_int_equal(prover.covered, 1);
    const struct proof_record *record = &prover.records[0];
    assert_int_equal(record->seq, wanted + 1);
    hash_of(wanted, hash);
    assert_true(merkle_root(&tree, root));
    assert_true(proof_root(wanted, size, hash, record->path, record->path_count, found));
    assert_memory_equal(root, found, DIGEST_BYTES);
    prover_release(&prover);
}

TEST(every_leaf_of_every_tree_has_a_path_to_its_root)
{
    for (size_t size = 1; size <= LARGEST; size++) {
        for (size_t wanted = 0; wanted < size; wanted++)
            expect_path(0, size, wanted);
    }
}

TEST(also_where_the_leaves_in_front_are_gone)
{
    for (size_t size = 2; size <= LARGEST; size += 3) {
        for (size_t from = 1; from < size; from++) {
            for (size_t wanted = from; wanted < size; wanted++)
                expect_path(from, size, wanted);
        }
    }
}

TEST(a_path_has_one_length)
{
    uint8_t path[MERKLE_LEVELS][DIGEST_BYTES] = {{0}}, hash[DIGEST_BYTES], out[DIGEST_BYTES];
    hash_of(0, hash);
    assert_true(proof_root(0, 1, hash, path, 0, out));
    assert_false(proof_root(0, 1, hash, path, 1, out));
    assert_true(proof_root(0, 7, hash, path, 3, out));
    assert_false(proof_root(0, 7, hash, path, 2, out));
    assert_false(proof_root(0, 7, hash, path, 4, out));
    assert_true(proof_root(6, 7, hash, path, 2, out));
    assert_false(proof_root(6, 7, hash, path, 3, out));
    assert_false(proof_root(7, 7, hash, path, 2, out));
    assert_false(proof_root(0, 0, hash, path, 0, out));
    assert_true(proof_root(0, UINT64_MAX, hash, path, 64, out));
    assert_false(proof_root(UINT64_MAX, UINT64_MAX, hash, path, 64, out));
}

/* ---- whole proofs ---- */

static struct buf text;

/* Ten records, of which 3 and 5 belong to the campaign, under a note of size 8. */
static void make_proof(void)
{
    struct written w = {.origin = TEST_ORIGIN, .time_ms = TEST_TIME_MS};
    struct buf line;
    w.key = test_key(SECRET_1);
    prover_init(&prover, STR("a"), &arena);
    buf_init(&line, SEGMENT_LINE_BYTES);
    for (size_t seq = 1; seq <= 10; seq++) {
        bool wanted = seq == 3 || seq == 5;
        struct str json;
        buf_clear(&line);
        assert_true(chain_append(&w.head,
                                 wanted ? STR("\"kind\":\"decision\",\"id\":\"a\",\"x\":\"\\n\"")
                                        : STR("\"kind\":\"decision\",\"id\":\"b\""),
                                 &line));
        json = str_slice(buf_str(&line), 0, line.len - DIGEST_HEX - 2);
        prover_look(&prover, str_slice(buf_str(&line), 0, line.len - 1), json, seq, &w.tree);
        assert_true(merkle_add_seen(&w.tree, w.head.hash, prover_seen, &prover));
        if (seq == 8) {
            struct checkpoint note = written_note(&w);
            assert_true(prover_cover(&prover, written_sign(&w, &note, w.key), &w.tree));
        }
    }
    const struct proof proof = prover_proof(&prover);
    buf_init(&text, LIMIT_PROOF_BYTES);
    proof_write(&proof, &text);
    assert_false(text.failed);
    buf_release(&line);
    signing_key_free(w.key);
}

static bool checks(struct checkpoint *ret)
{
    struct proof proof;
    err = (struct error){0};
    return proof_parse(buf_str(&text), &arena, &proof, &err) && proof_check(&proof, ret, &err);
}

TEST(a_proof_is_written_read_and_holds)
{
    struct checkpoint note;
    uint8_t public_key[SIGNING_PUBLIC_BYTES];
    make_proof();
    assert_true(checks(&note));
    assert_int_equal(note.size, 8);
    from_hex(PUBLIC_1, public_key);
    struct proof proof;
    assert_true(proof_parse(buf_str(&text), &arena, &proof, &err));
    assert_true(checkpoint_is_signed_by(proof.note, public_key));
    assert_int_equal(proof.count, 2);
    assert_int_equal(proof.records[0].seq, 3);
    assert_int_equal(proof.records[1].seq, 5);
    buf_release(&text);
}

/* Whether anything still differs from what was signed is asked of every bit: a proof that holds
 * says the same as before. */
TEST(no_flipped_bit_makes_another_proof)
{
    make_proof();
    uint8_t public_key[SIGNING_PUBLIC_BYTES];
    struct proof whole, proof;
    struct checkpoint note;
    struct arena own;
    from_hex(PUBLIC_1, public_key);
    arena_init(&own, 1 << 20);
    assert_true(proof_parse(buf_str(&text), &own, &whole, &err));
    for (size_t bit = 0; bit < text.len * 8; bit++) {
        text.data[bit / 8] ^= (char)(1 << bit % 8);
        if (proof_parse(buf_str(&text), &arena, &proof, &err) && proof_check(&proof, &note, &err) &&
            checkpoint_is_signed_by(proof.note, public_key)) {
            assert_int_equal(proof.count, whole.count);
            assert_true(str_equal(proof.id, whole.id));
            for (size_t i = 0; i < proof.count; i++)
                assert_true(str_equal(proof.records[i].line, whole.records[i].line));
        }
        arena_reset(&arena);
        text.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    arena_release(&own);
    buf_release(&text);
}

/* The text with `old` replaced once. */
static void replace(const char *old, const char *new)
{
    const char *found = memmem(text.data, text.len, old, strlen(old));
    struct buf changed;
    assert_non_null(found);
    buf_init(&changed, LIMIT_PROOF_BYTES);
    buf_append(&changed, (struct str){text.data, (size_t)(found - text.data)});
    buf_append(&changed, str_from(new));
    buf_append(&changed,
               str_slice(buf_str(&text), (size_t)(found - text.data) + strlen(old), text.len));
    buf_release(&text);
    text = changed;
}

TEST(what_is_altered_is_refused)
{
    static const struct {
        const char *old, *new, *sentence;
    } changes[] = {
        {"proof/1", "proof/2", "\"format\" is not"},
        {"{\"format\"", "[\"format\"", "not a proof: line 1"},
        {"\"id\":\"a\"", "\"id\":\"b\"", "is not about b"},
        {"\"id\":\"a\"", "\"id\":7", "not what they must be"},
        {"\"tree_size\":8", "\"tree_size\":9", "another tree_size"},
        {"\"tree_size\":8", "\"tree_size\":-8", "another tree_size"},
        {"\"tree_size\":8", "\"tree_size\":1e300", "another tree_size"},
        {"\"seq\":3", "\"seq\":4", "another number in its line"},
        {"\"seq\":3", "\"seq\":0", "not what they must be"},
        {"\"seq\":3", "\"seq\":3.5", "not what they must be"},
        {"\"seq\":3", "\"seq\":18446744073709551619", "not what they must be"},
        {"\"records\":[", "\"records\":[7,", "not what they must be"},
        {"\"path\":[\"", "\"path\":[\"x", "not what they must be"},
        {"\"path\":[", "\"path\":[\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",",
         "not in the journal that was signed"},
        {"decision", "Decision", "was altered"},
        {"\\n8\\n", "\\n08\\n", "is not one, or has another"},
    };
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct checkpoint note;
        make_proof();
        replace(changes[i].old, changes[i].new);
        if (checks(&note) || !strstr(err.text, changes[i].sentence))
            fail_msg("%zu: \"%s\" does not say \"%s\"", i, err.text, changes[i].sentence);
        buf_release(&text);
        prover_release(&prover);
        arena_reset(&arena);
    }
}

TEST(a_record_behind_the_note_is_not_under_it)
{
    struct checkpoint note;
    struct proof proof;
    make_proof();
    assert_true(proof_parse(buf_str(&text), &arena, &proof, &err));
    struct chain_head head = {.seq = 8};
    struct buf line;
    buf_init(&line, 1000);
    assert_true(chain_append(&head, STR("\"id\":\"a\""), &line));
    proof.records[1].seq = 9;
    proof.records[1].line = str_slice(buf_str(&line), 0, line.len - 1);
    assert_false(proof_check(&proof, &note, &err));
    assert_non_null(strstr(err.text, "behind the 8 records"));
    proof.records[1] = proof.records[0];
    assert_false(proof_check(&proof, &note, &err));
    assert_non_null(strstr(err.text, "not in order, or one is twice"));
    buf_release(&line);
    buf_release(&text);
}

TEST(a_campaign_with_too_many_records_is_refused)
{
    const struct merkle tree = {0};
    prover_init(&prover, STR("a"), &arena);
    for (size_t i = 0; i <= LIMIT_PROOF_RECORDS; i++) {
        assert_false(prover.failed);
        prover_look(&prover, STR("x"), STR("{\"id\":\"a\"}"), i + 1, &tree);
    }
    assert_true(prover.failed);
}

#define WITH_ARENA(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(WITH_ARENA(every_leaf_of_every_tree_has_a_path_to_its_root),
      WITH_ARENA(also_where_the_leaves_in_front_are_gone), WITH_ARENA(a_path_has_one_length),
      WITH_ARENA(a_proof_is_written_read_and_holds), WITH_ARENA(no_flipped_bit_makes_another_proof),
      WITH_ARENA(what_is_altered_is_refused), WITH_ARENA(a_record_behind_the_note_is_not_under_it),
      WITH_ARENA(a_campaign_with_too_many_records_is_refused))
