#include "audit/index_build.h"

#include <stdlib.h>

#include "audit/recent_terms.h"
#include "base/clock.h"
#include "base/limits.h"

/* One of an earlier block, whose rows are written already. */
struct late {
    uint64_t block, posting;
};

struct index_build {
    struct index_db *db;
    struct fetch *fetch;
    struct arena arena;  /* of the record being taken */
    struct arena second; /* of an earlier one of its story */

    struct postings_block *postings;
    struct recent_terms *recent;
    uint64_t block_number;
    struct index_block block;
    bool is_begun;     /* the block above is the one being taken */
    bool has_rows;     /* some of its records were written before */
    bool has_failed;   /* no memory */
    struct error *err; /* of the writing under way */

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
    build->postings = postings_block_new();
    build->recent = recent_terms_new();
    if (build->postings && build->recent)
        return build;
    index_build_free(build);
    return NULL;
}

void index_build_free(struct index_build *build)
{
    if (!build)
        return;
    arena_release(&build->arena);
    arena_release(&build->second);
    postings_block_free(build->postings);
    recent_terms_free(build->recent);
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
    return postings_block_is_full(build->postings);
}

/* ---- postings ---- */

/* Into a block that is written already. */
static void post_late(struct index_build *build, uint64_t seq, uint64_t term)
{
    if (build->late_count == build->late_capacity) {
        size_t capacity = build->late_capacity ? build->late_capacity * 2 : 1024;
        struct late *late = realloc(build->late, capacity * sizeof(*late));
        build->has_failed |= !late;
        if (!late)
            return;
        build->late = late;
        build->late_capacity = capacity;
    }
    build->late[build->late_count++] =
        (struct late){seq / POSTINGS_BLOCK, term << 16 | seq % POSTINGS_BLOCK};
}

static void post(struct index_build *build, uint64_t seq, const uint64_t *terms, size_t count)
{
    bool is_late = seq / POSTINGS_BLOCK != build->block_number;
    for (size_t i = 0; i < count; i++) {
        if (is_late)
            post_late(build, seq, terms[i]);
        else
            postings_block_add(build->postings, terms[i], seq % POSTINGS_BLOCK);
    }
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
    struct record_brief brief;
    struct fetched fetched;
    struct error unused;
    bool found;
    if (!index_db_record(build->db, seq, &record, &found, err))
        return false;
    if (!found || fetch_record(build->fetch, seq, record.offset, &fetched, &unused) != FETCH_FOUND)
        return true;
    arena_reset(&build->second);
    if (!terms_of_record(fetched.json, &build->second, out, &brief))
        out->count = 0;
    return true;
}

/* Each is found by what the other says. */
static bool join(struct index_build *build, uint64_t seq, uint64_t earlier, struct error *err)
{
    size_t count;
    const uint64_t *terms = recent_terms_get(build->recent, earlier, &count);
    if (!terms) {
        build->others.count = 0;
        if (!read_terms(build, earlier, &build->others, err))
            return false;
        terms = build->others.items;
        count = build->others.count;
    }
    post(build, seq, terms, count);
    post(build, earlier, build->own.items, build->own.count);
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
    return true;
}

static void take_time(struct index_build *build, uint64_t seq, struct str text)
{
    int64_t time;
    struct index_times *times = &build->block.times[seq % POSTINGS_BLOCK / INDEX_TIMES_RECORDS];
    if (!clock_parse_utc(text, &time))
        return;
    if (time < times->least)
        times->least = time;
    if (time > times->most)
        times->most = time;
}

static void take_source(struct index_build *build, const struct record_brief *brief)
{
    if (brief->source.len == 0 || brief->source.len >= sizeof(build->source) ||
        !str_equal(brief->kind, STR("segment")))
        return;
    memcpy(build->source, brief->source.data, brief->source.len);
    build->source[brief->source.len] = '\0';
}

/* What it says; a record that is no JSON is there, and found by its number alone. */
static bool take_content(struct index_build *build, uint64_t seq, struct str json,
                         struct error *err)
{
    struct record_brief brief;
    arena_reset(&build->arena);
    build->own.count = 0;
    if (!terms_of_record(json, &build->arena, &build->own, &brief))
        return true;
    const uint64_t kind = term_of_kind(brief.kind);
    post(build, seq, &kind, 1);
    post(build, seq, build->own.items, build->own.count);
    recent_terms_put(build->recent, seq, &build->own);
    take_time(build, seq, brief.time);
    take_source(build, &brief);
    if (brief.policy_digest.len && !index_db_put_policy(build->db, brief.policy_digest, err))
        return false;
    return !brief.id.len || join_story(build, seq, brief.id, err);
}

static bool has_failed(const struct index_build *build)
{
    return build->has_failed || build->own.failed || build->others.failed ||
           postings_block_has_failed(build->postings);
}

bool index_build_take(struct index_build *build, const struct reader_record *record,
                      struct error *err)
{
    uint64_t seq = record->head.seq;
    struct index_record row = {.offset = record->offset};
    memcpy(&row.hash, record->head.hash, sizeof(row.hash));
    if (seq >= INDEX_SEQ_MOST)
        return error_set(err, "%s:%llu: the record's number is beyond all bounds", record->file,
                         (unsigned long long)record->line_number);
    if (!begin_block(build, seq, err) || !index_db_put_record(build->db, seq, &row, err) ||
        !take_content(build, seq, record->json, err))
        return false;
    build->block.records++;
    return !has_failed(build) || error_set(err, "out of memory");
}

/* ---- writing ---- */

/* With what is written already of the term. */
static bool merge(struct index_build *build, uint64_t block, const struct postings_found *postings,
                  struct error *err)
{
    bool found;
    struct postings set = {0};
    if (postings->set)
        set = *postings->set;
    for (size_t i = 0; i < postings->count; i++)
        postings_put(&set, postings->sorted[i] & 0xffff);
    if (!index_db_posting(build->db, block, postings->term, &set, &found, err))
        return false;
    buf_clear(&build->written);
    postings_write_set(&set, &build->written);
    return index_db_put_posting(build->db, block, postings->term, !found, buf_str(&build->written),
                                err);
}

static bool write_term(void *arg, const struct postings_found *postings)
{
    struct index_build *build = arg;
    if (build->has_rows)
        return merge(build, build->block_number, postings, build->err);
    buf_clear(&build->written);
    if (postings->set)
        postings_write_set(postings->set, &build->written);
    else
        postings_write(postings->sorted, postings->count, &build->written);
    return index_db_put_posting(build->db, build->block_number, postings->term, true,
                                buf_str(&build->written), build->err);
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
    for (size_t i = 0; fine && i < build->late_count; i++) {
        const struct late *late = &build->late[i];
        const struct postings_found one = {
            .term = late->posting >> 16, .sorted = &late->posting, .count = 1};
        fine = merge(build, late->block, &one, err);
    }
    build->late_count = 0;
    return fine;
}

bool index_build_flush(struct index_build *build, struct error *err)
{
    if (!build->is_begun)
        return true;
    build->err = err;
    (void)error_set(err, "out of memory"); /* unless something else is said */
    if (!postings_block_take(build->postings, write_term, build) || !write_late(build, err) ||
        !index_db_put_block(build->db, build->block_number, &build->block, err))
        return false;
    build->is_begun = false; /* it is read again when it goes on */
    return true;
}
