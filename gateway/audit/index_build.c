#include "audit/index_build.h"

#include <stdlib.h>

#include "audit/terms.h"
#include "base/limits.h"

/* Postings that are kept until they are written: a block of ordinary records has about half. */
#define MOST_POSTINGS (8UL << 20)

/* Where the terms of one record stand among the postings. */
struct range {
    size_t start, end;
};

/* One of an earlier block, whose rows are written already. */
struct late {
    uint64_t block, posting;
};

struct index_build {
    struct index_db *db;
    struct fetch *fetch;
    struct arena arena;  /* of the record being taken */
    struct arena second; /* of an earlier one of its story */

    struct terms postings; /* of the block; as terms, with the record in the lower bits */
    struct range ranges[POSTINGS_BLOCK]; /* by record; of those not yet written */
    uint64_t block_number;
    struct index_block block;
    bool is_begun;            /* the block above is the one being taken */
    bool has_rows;            /* some of its records were written before */
    uint64_t first_unwritten; /* number of the first record that is not written yet */

    struct late *late;
    size_t late_count, late_capacity;

    struct terms own, others; /* of the record, and of an earlier one */
    uint64_t members[LIMIT_STORY_RECORDS];
    size_t member_count;
    char source[INDEX_SOURCE_BYTES];
    struct buf written;
};

struct index_build *index_build_new(struct index_db *db, struct fetch *fetch)
{
    struct index_build *build = calloc(1, sizeof(*build));
    if (!build)
        return NULL;
    build->db = db;
    build->fetch = fetch;
    arena_init(&build->arena, LIMIT_ARENA_BYTES);
    arena_init(&build->second, LIMIT_ARENA_BYTES);
    buf_init(&build->written, POSTINGS_BYTES);
    return build;
}

void index_build_free(struct index_build *build)
{
    if (!build)
        return;
    arena_release(&build->arena);
    arena_release(&build->second);
    terms_release(&build->postings);
    terms_release(&build->own);
    terms_release(&build->others);
    buf_release(&build->written);
    free(build->late);
    free(build);
}

struct str index_build_source(const struct index_build *build)
{
    return str_from(build->source);
}

bool index_build_is_full(const struct index_build *build)
{
    return build->postings.count >= MOST_POSTINGS;
}

/* ---- postings ---- */

static void post(struct index_build *build, uint64_t seq, uint64_t term)
{
    uint64_t posting = term << 16 | seq % POSTINGS_BLOCK;
    if (seq / POSTINGS_BLOCK == build->block_number) {
        terms_add(&build->postings, posting);
        return;
    }
    if (build->late_count == build->late_capacity) {
        size_t capacity = build->late_capacity ? build->late_capacity * 2 : 1024;
        struct late *late = realloc(build->late, capacity * sizeof(*late));
        build->postings.failed |= !late;
        if (!late)
            return;
        build->late = late;
        build->late_capacity = capacity;
    }
    build->late[build->late_count++] = (struct late){seq / POSTINGS_BLOCK, posting};
}

static void post_all(struct index_build *build, uint64_t seq, const struct terms *terms)
{
    for (size_t i = 0; i < terms->count; i++)
        post(build, seq, terms->items[i]);
}

/* ---- stories ---- */

static bool take_member(void *arg, uint64_t seq)
{
    struct index_build *build = arg;
    build->members[build->member_count++] = seq;
    return build->member_count < LIMIT_STORY_RECORDS;
}

/* The terms of a record that was written before, read from its segment. One that is gone, or was
 * altered since, has none: whoever comes upon it while searching is told. */
static bool read_terms(struct index_build *build, uint64_t seq, struct terms *out,
                       struct error *err)
{
    struct index_record record;
    struct fetched fetched;
    struct json_fault fault;
    struct error unused;
    bool found;
    if (!index_db_record(build->db, seq, &record, &found, err))
        return false;
    if (!found ||
        fetch_record(build->fetch, seq, record.offset, &fetched, &unused) != FETCH_FOUND)
        return true;
    arena_reset(&build->second);
    const struct json_value *json = json_read(fetched.json, &build->second, &fault);
    if (json)
        terms_of_record(json, &build->second, out);
    return true;
}

/* Each is found by what the other says. */
static bool join(struct index_build *build, uint64_t seq, uint64_t earlier, struct error *err)
{
    post_all(build, earlier, &build->own);
    if (earlier >= build->first_unwritten) {
        struct range range = build->ranges[earlier % POSTINGS_BLOCK];
        for (size_t i = range.start; i < range.end; i++)
            post(build, seq, build->postings.items[i] >> 16);
        return true;
    }
    build->others.count = 0;
    if (!read_terms(build, earlier, &build->others, err))
        return false;
    post_all(build, seq, &build->others);
    build->postings.failed |= build->others.failed;
    return true;
}

static bool join_story(struct index_build *build, uint64_t seq, struct str id, struct error *err)
{
    build->member_count = 0;
    if (!index_db_story(build->db, id, true, take_member, build, err))
        return false;
    /* more than that are no campaign's; search_story (index.c) looks at as many */
    for (size_t i = 0; build->member_count < LIMIT_STORY_RECORDS && i < build->member_count; i++) {
        if (!join(build, seq, build->members[i], err))
            return false;
    }
    return index_db_put_story(build->db, id, seq, err);
}

/* ---- blocks ---- */

static bool begin_block(struct index_build *build, uint64_t seq, struct error *err)
{
    uint64_t number = seq / POSTINGS_BLOCK;
    if (build->is_begun && build->block_number == number)
        return true;
    if (!index_build_flush(build, err) || !index_db_block(build->db, number, &build->block, err))
        return false;
    build->block_number = number;
    build->is_begun = true;
    build->has_rows = build->block.records > 0;
    build->first_unwritten = seq;
    return true;
}

static void take_time(struct index_build *build, uint64_t seq, const struct json_value *json)
{
    int64_t time;
    struct index_times *times =
        &build->block.times[seq % POSTINGS_BLOCK / INDEX_TIMES_RECORDS];
    build->block.records++;
    if (!json || !record_time(json, &time))
        return;
    if (time < times->least)
        times->least = time;
    if (time > times->most)
        times->most = time;
}

static void take_source(struct index_build *build, const struct json_value *json)
{
    struct str source = record_text(json, "source");
    if (source.len == 0 || source.len >= sizeof(build->source) ||
        !str_equal(record_text(json, "kind"), STR("segment")))
        return;
    memcpy(build->source, source.data, source.len);
    build->source[source.len] = '\0';
}

/* What it says; a record that is no JSON is there, and found by its number alone. */
static bool take_content(struct index_build *build, uint64_t seq, const struct json_value *json,
                         struct error *err)
{
    struct str id = record_text(json, "id"), digest = record_text(json, "policy.digest");
    size_t start = build->postings.count;
    build->own.count = 0;
    terms_of_record(json, &build->arena, &build->own);
    post_all(build, seq, &build->own);
    build->ranges[seq % POSTINGS_BLOCK] = (struct range){start, build->postings.count};
    post(build, seq, term_of_kind(record_text(json, "kind")));
    take_source(build, json);
    if (digest.len && !index_db_put_policy(build->db, digest, err))
        return false;
    if (id.len && !join_story(build, seq, id, err))
        return false;
    return !(build->postings.failed | build->own.failed) || error_set(err, "out of memory");
}

bool index_build_take(struct index_build *build, const struct reader_record *record,
                      struct error *err)
{
    struct json_fault fault;
    uint64_t seq = record->head.seq;
    struct index_record row = {.offset = record->offset};
    memcpy(&row.hash, record->head.hash, sizeof(row.hash));
    if (seq > INT64_MAX)
        return error_set(err, "%s:%llu: the record's number is beyond all bounds", record->file,
                         (unsigned long long)record->line_number);
    if (!begin_block(build, seq, err) || !index_db_put_record(build->db, seq, &row, err))
        return false;
    arena_reset(&build->arena);
    const struct json_value *json = json_read(record->json, &build->arena, &fault);
    take_time(build, seq, json);
    build->ranges[seq % POSTINGS_BLOCK] = (struct range){0};
    return !json || take_content(build, seq, json, err);
}

/* ---- writing ---- */

/* Adds those of one term to what is written already. */
static bool merge(struct index_build *build, uint64_t block, const uint64_t *sorted, size_t count,
                  struct error *err)
{
    bool found;
    struct postings set = {0};
    buf_clear(&build->written);
    if (!index_db_posting(build->db, block, sorted[0] >> 16, &set, &found, err))
        return false;
    for (size_t i = 0; i < count; i++)
        postings_put(&set, sorted[i] & 0xffff);
    postings_write_set(&set, &build->written);
    return index_db_put_posting(build->db, block, sorted[0] >> 16, buf_str(&build->written), err);
}

static bool write_term(struct index_build *build, const uint64_t *sorted, size_t count,
                       struct error *err)
{
    if (build->has_rows)
        return merge(build, build->block_number, sorted, count, err);
    buf_clear(&build->written);
    postings_write(sorted, count, &build->written);
    return index_db_put_posting(build->db, build->block_number, sorted[0] >> 16,
                                buf_str(&build->written), err);
}

static bool write_postings(struct index_build *build, struct error *err)
{
    size_t count = build->postings.count;
    uint64_t *items = build->postings.items, *scratch = malloc((count + 1) * sizeof(*scratch));
    bool fine = scratch || error_set(err, "out of memory");
    if (fine)
        postings_sort(items, scratch, count);
    free(scratch);
    for (size_t start = 0, end; fine && start < count; start = end) {
        for (end = start + 1; end < count && items[end] >> 16 == items[start] >> 16;)
            end++;
        fine = write_term(build, items + start, end - start, err);
    }
    build->postings.count = 0;
    return fine;
}

static int compare_late(const void *a, const void *b)
{
    const struct late *x = a, *y = b;
    int order = (x->block > y->block) - (x->block < y->block);
    return order ? order : (x->posting > y->posting) - (x->posting < y->posting);
}

static bool write_late(struct index_build *build, struct error *err)
{
    bool fine = true;
    if (build->late_count)
        qsort(build->late, build->late_count, sizeof(*build->late), compare_late);
    for (size_t i = 0; fine && i < build->late_count; i++)
        fine = merge(build, build->late[i].block, &build->late[i].posting, 1, err);
    build->late_count = 0;
    return fine;
}

bool index_build_flush(struct index_build *build, struct error *err)
{
    if (!build->is_begun)
        return true;
    if (!write_postings(build, err) || !write_late(build, err) ||
        !index_db_put_block(build->db, build->block_number, &build->block, err))
        return false;
    build->is_begun = false; /* it is read again when it goes on */
    return true;
}
