#include "audit/index_look.h"

#include <stdio.h>
#include <stdlib.h>

#include "audit/terms.h"

struct look {
    const struct search_query *query;
    struct search_plan plan;
    struct arena arena;  /* of the whole search */
    struct arena record; /* of the record looked at */
    struct arena other;  /* of another one of its story */
    struct clause *clauses;
    size_t clause_count;
    uint64_t after; /* number in the cursor, or of what was found last; 0: none */
    search_found *tell;
    void *arg;

    /* of one run */
    struct index_db *db;
    struct fetch *fetch;
    const struct index_head *head;
    struct terms policies; /* any of these, when a policy is asked for */
    struct terms ids;      /* numbers of the records with the id that is asked for; sorted */
    struct terms blocks;   /* with records of the time that is asked for; sorted */
    uint64_t first, last;  /* numbers to look at; first > last: none */
    uint64_t members[LIMIT_STORY_RECORDS];
    size_t member_count;

    size_t found;
    bool is_full;    /* a page was found, and one more that is there */
    bool is_stopped; /* by whoever was told */
};

/* ---- cursors: after which number, and of which search ---- */

static void put_text(struct buf *out, struct str text)
{
    buf_format(out, "%zu:", text.len);
    buf_append(out, text);
}

/* Of what is asked, but for the page. */
static void put_fingerprint(const struct search_query *query, struct buf *out)
{
    const struct str texts[] = {query->source,      query->id,       query->kind,
                                query->team,        query->caller,   query->verdict,
                                query->code,        query->outcome,  query->campaign,
                                query->campaign_id, query->template, query->policy_revision,
                                query->text};
    struct buf asked;
    char hex[DIGEST_HEX_SIZE];
    buf_init(&asked, SIZE_MAX);
    buf_format(&asked, "%lld,%lld,%llu,%llu,%d,", (long long)query->from_unix_ms,
               (long long)query->to_unix_ms, (unsigned long long)query->from_seq,
               (unsigned long long)query->to_seq, query->oldest_first);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        put_text(&asked, texts[i]);
    for (size_t i = 0; i < query->caller_id_count; i++)
        put_text(&asked, query->caller_ids[i]);
    for (size_t i = 0; i < query->number_count; i++)
        put_text(&asked, query->numbers[i]);
    if (digest_hex(buf_str(&asked), hex))
        buf_append(out, (struct str){hex, 8});
    buf_release(&asked);
}

static void put_cursor(const struct look *look, struct buf *out)
{
    buf_format(out, "%llu-", (unsigned long long)look->after);
    put_fingerprint(look->query, out);
}

void look_put_cursor(const struct look *look, struct buf *out)
{
    if (look->is_full)
        put_cursor(look, out);
}

static bool take_cursor(struct look *look, struct error *err)
{
    struct str number, rest, after = look->query->after;
    struct buf again;
    if (after.len == 0)
        return true;
    if (!str_cut(after, '-', &number, &rest) || !str_to_u64(number, &look->after) ||
        look->after == 0)
        return error_set(err,
                         "--after '%.*s' is no cursor: a page ends with one when there is "
                         "more",
                         SHOW_ARGS(after));
    buf_init(&again, 64);
    put_cursor(look, &again);
    bool fine = str_equal(buf_str(&again), after);
    buf_release(&again);
    return fine || error_set(err,
                             "--after '%.*s' is the cursor of another search: ask the same "
                             "as there",
                             SHOW_ARGS(after));
}

/* ---- making ready ---- */

struct look *look_new(const struct search_query *query, search_found *found, void *arg,
                      struct error *err)
{
    struct look *look = calloc(1, sizeof(*look));
    if (!look) {
        (void)error_set(err, "out of memory");
        return NULL;
    }
    *look = (struct look){.query = query, .tell = found, .arg = arg};
    arena_init(&look->arena, LIMIT_ARENA_BYTES);
    arena_init(&look->record, LIMIT_ARENA_BYTES);
    arena_init(&look->other, LIMIT_ARENA_BYTES);
    bool fine = search_prepare(query, &look->arena, &look->plan, err) && take_cursor(look, err);
    if (fine && !terms_of_plan(&look->plan, &look->arena, &look->clauses, &look->clause_count))
        fine = error_set(err, "what is asked is too long");
    if (fine)
        return look;
    look_free(look);
    return NULL;
}

void look_free(struct look *look)
{
    if (!look)
        return;
    terms_release(&look->policies);
    terms_release(&look->ids);
    terms_release(&look->blocks);
    arena_release(&look->arena);
    arena_release(&look->record);
    arena_release(&look->other);
    free(look);
}

static void add_policy(void *arg, struct str digest)
{
    terms_add(arg, term_of_policy(digest));
}

static bool add_id(void *arg, uint64_t seq)
{
    terms_add(arg, seq);
    return true;
}

static int compare_numbers(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool asks_for_time(const struct look *look)
{
    return look->query->from_unix_ms || look->query->to_unix_ms;
}

/* Whether some of a time may be among these. */
static bool is_in_time(const struct look *look, struct index_times times)
{
    int64_t from = look->query->from_unix_ms, to = look->query->to_unix_ms;
    return times.most >= from && (!to || times.least < to);
}

static void add_block(void *arg, uint64_t number, struct index_times times)
{
    struct look *look = arg;
    if (is_in_time(look, times))
        terms_add(&look->blocks, number);
}

/* What has to be looked up before. */
static bool find_before(struct look *look, struct error *err)
{
    struct str policy = look->query->policy_revision, id = look->plan.id;
    look->policies.count = look->ids.count = look->blocks.count = 0;
    if (asks_for_time(look) && !index_db_blocks(look->db, add_block, look, err))
        return false;
    if (policy.len) {
        terms_add(&look->policies, term_of_revision(policy));
        if (!index_db_policies(look->db, policy, add_policy, &look->policies, err))
            return false;
    }
    if (id.len && !index_db_story(look->db, id, false, add_id, &look->ids, err))
        return false;
    if (look->ids.count)
        qsort(look->ids.items, look->ids.count, sizeof(*look->ids.items), compare_numbers);
    return !(look->policies.failed | look->ids.failed | look->blocks.failed) ||
           error_set(err, "out of memory");
}

static uint64_t higher(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* From where to where: what the index has, the journal still has, and is asked for. */
static void set_bounds(struct look *look)
{
    const struct search_query *query = look->query;
    uint64_t first = higher(look->head->first_seq, fetch_first_seq(look->fetch));
    look->first = higher(first, higher(query->from_seq, 1));
    look->last = look->head->at.head.seq;
    if (query->to_seq)
        look->last = lower(look->last, query->to_seq - 1);
    if (look->after && query->oldest_first)
        look->first = higher(look->first, look->after + 1);
    if (look->after && !query->oldest_first)
        look->last = lower(look->last, look->after - 1);
    if (look->plan.id.len && look->ids.count) {
        look->first = higher(look->first, look->ids.items[0]);
        look->last = lower(look->last, look->ids.items[look->ids.count - 1]);
    }
    bool none = (look->plan.id.len && look->ids.count == 0) ||
                (query->source.len && !str_equal(query->source, str_from(look->head->source)));
    if (none)
        look->last = 0;
}

/* ---- which records of a block ---- */

static bool keep_ids(const struct look *look, uint64_t block, struct postings *set)
{
    struct postings with_id = {0};
    for (size_t i = 0; i < look->ids.count; i++) {
        if (look->ids.items[i] / POSTINGS_BLOCK == block)
            postings_put(&with_id, look->ids.items[i] % POSTINGS_BLOCK);
    }
    return postings_keep(set, &with_id) > 0;
}

static bool is_block_in_time(const struct look *look, uint64_t block)
{
    return look->blocks.count &&
           bsearch(&block, look->blocks.items, look->blocks.count, sizeof(block), compare_numbers);
}

/* Those that stand among some that were made at the time: nearly those that were. */
static bool keep_times(struct look *look, uint64_t block, struct postings *set, bool *ret_any,
                       struct error *err)
{
    struct index_block times;
    struct postings in_time = {0};
    *ret_any = is_block_in_time(look, block);
    if (!*ret_any)
        return true;
    if (!index_db_block(look->db, block, &times, err))
        return false;
    for (size_t i = 0; i < INDEX_TIMES; i++) {
        if (is_in_time(look, times.times[i]))
            postings_put_range(&in_time, i * INDEX_TIMES_RECORDS,
                               (i + 1) * INDEX_TIMES_RECORDS - 1);
    }
    *ret_any = postings_keep(set, &in_time) > 0;
    return true;
}

/* Those with any of the terms; *ret_left is how many are left of the set. */
static bool keep_any(struct look *look, uint64_t block, struct clause *clause, struct postings *set,
                     size_t *ret_left, struct error *err)
{
    struct postings with_term = {0};
    bool found;
    for (size_t i = 0; i < clause->count; i++) {
        if (!index_db_posting(look->db, block, clause->terms[i], &with_term, &found, err))
            return false;
    }
    clause->seen = postings_count(&with_term);
    *ret_left = postings_keep(set, &with_term);
    return true;
}

static int compare_clauses(const void *a, const void *b)
{
    const struct clause *x = a, *y = b;
    return (x->seen > y->seen) - (x->seen < y->seen);
}

/* What few records met in the block before is asked first, and most blocks need no more. Where
 * few records are left, reading them costs less than asking on. */
static bool keep_all(struct look *look, uint64_t block, struct postings *set, bool *ret_any,
                     struct error *err)
{
    const size_t worth = 4; /* look-ups instead of reading one record */
    size_t left = POSTINGS_BLOCK;
    if (look->clause_count)
        qsort(look->clauses, look->clause_count, sizeof(*look->clauses), compare_clauses);
    for (size_t i = 0; i < look->clause_count && left > 0; i++) {
        if (left * worth <= look->clause_count - i)
            break;
        if (!keep_any(look, block, &look->clauses[i], set, &left, err))
            return false;
    }
    *ret_any = left > 0;
    return true;
}

/* *ret_any false: none of this block. */
static bool find_in_block(struct look *look, uint64_t block, struct postings *set, bool *ret_any,
                          struct error *err)
{
    const struct search_query *query = look->query;
    const uint64_t start = block * POSTINGS_BLOCK;
    *set = (struct postings){0};
    postings_put_range(set, higher(look->first, start) - start,
                       lower(look->last - start, POSTINGS_BLOCK - 1));
    *ret_any = !look->plan.id.len || keep_ids(look, block, set);
    if (*ret_any && asks_for_time(look) && !keep_times(look, block, set, ret_any, err))
        return false;
    if (*ret_any && query->policy_revision.len) {
        size_t left;
        struct clause policies = {.terms = look->policies.items, .count = look->policies.count};
        if (!keep_any(look, block, &policies, set, &left, err))
            return false;
        *ret_any = left > 0;
    }
    return !*ret_any || keep_all(look, block, set, ret_any, err);
}

/* ---- one record ---- */

/* A record as the segment has it, copied to the arena. */
struct seen {
    const struct json_value *json; /* NULL: the record is no JSON */
    struct str text;
    char hash_hex[DIGEST_HEX_SIZE];
    bool is_gone;
};

static enum look_result differ(struct error *err, uint64_t seq)
{
    (void)error_set(err, "record %llu is not what it says", (unsigned long long)seq);
    return LOOK_DOUBTFUL;
}

static enum look_result read_back(struct look *look, uint64_t seq, struct arena *arena,
                                  struct seen *ret, struct error *err)
{
    struct index_record row;
    struct fetched fetched;
    struct json_fault fault;
    bool found;
    *ret = (struct seen){0};
    arena_reset(arena);
    if (!index_db_record(look->db, seq, &row, &found, err))
        return LOOK_FAILED;
    if (!found)
        return differ(err, seq);
    enum fetch_result result = fetch_record(look->fetch, seq, row.offset, &fetched, err);
    ret->is_gone = result == FETCH_GONE;
    if (result == FETCH_GONE)
        return LOOK_DONE;
    if (result != FETCH_FOUND)
        return result == FETCH_DIFFERENT ? LOOK_DOUBTFUL : LOOK_FAILED;
    if (memcmp(&row.hash, fetched.hash, sizeof(row.hash)) != 0)
        return differ(err, seq);
    digest_to_hex(fetched.hash, ret->hash_hex);
    ret->text = arena_copy(arena, fetched.json);
    ret->json = json_read(fetched.json, arena, &fault);
    if (ret->text.data)
        return LOOK_DONE;
    (void)error_set(err, "out of memory");
    return LOOK_FAILED;
}

static bool take_member(void *arg, uint64_t seq)
{
    struct look *look = arg;
    look->members[look->member_count++] = seq;
    return look->member_count < LIMIT_STORY_RECORDS;
}

/* Whether the others of its story meet what it does not meet itself. */
static enum look_result ask_story(struct look *look, uint64_t seq, struct str id, uint64_t met,
                                  bool *ret_matches, struct error *err)
{
    struct seen seen;
    look->member_count = 0;
    if (id.len && !index_db_story(look->db, id, true, take_member, look, err))
        return LOOK_FAILED;
    for (size_t i = 0; i < look->member_count && met != look->plan.asked; i++) {
        if (look->members[i] == seq)
            continue;
        enum look_result result = read_back(look, look->members[i], &look->other, &seen, err);
        if (result != LOOK_DONE)
            return result;
        met |= search_met(&look->plan, seen.json, &look->other);
    }
    *ret_matches = met == look->plan.asked;
    return LOOK_DONE;
}

static void tell(struct look *look, uint64_t seq, const struct seen *seen)
{
    if (look->found == look->query->limit) {
        look->is_full = true;
        return;
    }
    look->found++;
    look->after = seq;
    look->is_stopped = !look->tell(look->arg, str_from(look->head->source), seq, seen->text,
                                   str_from(seen->hash_hex));
}

/* The index only says that it may be one: the record itself decides. */
static enum look_result look_at(struct look *look, uint64_t seq, struct error *err)
{
    struct seen seen;
    enum look_result result = read_back(look, seq, &look->record, &seen, err);
    if (result != LOOK_DONE || seen.is_gone || !search_is_asked(&look->plan, seq, seen.json))
        return result;
    uint64_t met = search_met(&look->plan, seen.json, &look->record);
    bool matches = met == look->plan.asked;
    if (!matches)
        result = ask_story(look, seq, record_text(seen.json, "id"), met, &matches, err);
    if (result == LOOK_DONE && matches)
        tell(look, seq, &seen);
    return result;
}

/* ---- all of them ---- */

static bool is_over(const struct look *look)
{
    return look->is_full || look->is_stopped;
}

static enum look_result look_at_block(struct look *look, uint64_t block, struct error *err)
{
    struct postings set;
    bool any, up = look->query->oldest_first;
    enum look_result result = LOOK_DONE;
    if (!find_in_block(look, block, &set, &any, err))
        return LOOK_FAILED;
    int at = !any ? -1 : up ? postings_next(&set, 0) : postings_previous(&set, POSTINGS_BLOCK - 1);
    while (at >= 0 && result == LOOK_DONE && !is_over(look)) {
        result = look_at(look, block * POSTINGS_BLOCK + (uint64_t)at, err);
        at = up ? postings_next(&set, at + 1) : postings_previous(&set, at - 1);
    }
    return result;
}

enum look_result look_run(struct look *look, struct index_db *db, struct fetch *fetch,
                          const struct index_head *head, struct error *err)
{
    enum look_result result = LOOK_DONE;
    look->db = db;
    look->fetch = fetch;
    look->head = head;
    if (!find_before(look, err))
        return index_db_trouble(db) == INDEX_DOUBTFUL ? LOOK_DOUBTFUL : LOOK_FAILED;
    set_bounds(look);
    uint64_t blocks = look->first <= look->last
                          ? look->last / POSTINGS_BLOCK - look->first / POSTINGS_BLOCK + 1
                          : 0;
    for (uint64_t i = 0; i < blocks && result == LOOK_DONE && !is_over(look); i++) {
        uint64_t block = look->query->oldest_first ? look->first / POSTINGS_BLOCK + i
                                                   : look->last / POSTINGS_BLOCK - i;
        result = look_at_block(look, block, err);
    }
    bool doubtful = result == LOOK_FAILED && index_db_trouble(db) == INDEX_DOUBTFUL;
    return doubtful ? LOOK_DOUBTFUL : result;
}
