#include "cli/audit_story.h"

#include "base/clock.h"

struct collecting {
    struct audit_source *source;
    struct arena *arena;
    struct story *story;
    struct story_record *one; /* takes the only one that is asked for, or is NULL */
    struct buf other_ids;     /* of an abbreviation that does not suffice */
    size_t other_count;
    bool failed; /* no memory */
};

static bool copy(struct collecting *c, struct story_record *to, struct str source, uint64_t seq,
                 struct str json, struct str hash)
{
    struct json_fault fault;
    struct buf place;
    buf_init(&place, 8192);
    audit_source_place(c->source, seq, &place);
    *to = (struct story_record){.source = arena_copy(c->arena, source),
                                .json = arena_copy(c->arena, json),
                                .hash = arena_copy(c->arena, hash),
                                .place = arena_copy(c->arena, buf_str(&place)),
                                .seq = seq};
    buf_release(&place);
    c->failed |= !to->source.data || !to->json.data || !to->hash.data || !to->place.data;
    if (!c->failed)
        to->value = json_read(to->json, c->arena, &fault);
    return !c->failed;
}

/* ---- the records ---- */

#define SHOWN_IDS 5

static void take_other_id(struct collecting *c, struct str id)
{
    struct str known = buf_str(&c->other_ids);
    if (known.len && id.len && memmem(known.data, known.len, id.data, id.len))
        return; /* its outcome */
    if (c->other_count++ < SHOWN_IDS)
        buf_format(&c->other_ids, ", %.*s", SHOW_ARGS(id));
}

static bool take_record(void *arg, struct str source, uint64_t seq, struct str json,
                        struct str hash)
{
    struct collecting *c = arg;
    struct story *story = c->story;
    struct story_record *record = &story->records[story->count];
    if (story->count == LIMIT_STORY_RECORDS || !copy(c, record, source, seq, json, hash))
        return false;
    struct str id = record_text(record->value, "id");
    if (story->count > 0 && !str_equal(id, story->id)) {
        take_other_id(c, id);
        return c->other_count <= SHOWN_IDS;
    }
    story->id = id;
    story->count++;
    if (!story->decision && str_equal(record_text(record->value, "kind"), STR("decision")))
        story->decision = record;
    return true;
}

/* ---- what stands around them ---- */

static bool take_one(void *arg, struct str source, uint64_t seq, struct str json, struct str hash)
{
    struct collecting *c = arg;
    (void)copy(c, c->one, source, seq, json, hash);
    return false;
}

/* The first record that is asked for; *ret is as it was when there is none. */
static bool find_one(struct collecting *c, struct search_query *query, struct story_record *ret,
                     struct error *err)
{
    struct story_record found = {0};
    struct buf unused;
    c->one = &found;
    query->source = c->story->records[0].source;
    query->limit = 1;
    buf_init(&unused, 256);
    bool fine = audit_source_search(c->source, query, take_one, c, &unused, err);
    buf_release(&unused);
    if (fine && !c->failed && found.value)
        *ret = found;
    return fine;
}

/* The last word on the policy before the decision. */
static bool find_policy(struct collecting *c, struct error *err)
{
    static const char *const kinds[] = {"started", "reloaded"};
    struct story_record *best = &c->story->policy;
    uint64_t before = c->story->records[0].seq;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct search_query query = {.kind = str_from(kinds[i]), .to_seq = before};
        struct story_record found = {0};
        if (!find_one(c, &query, &found, err))
            return false;
        if (found.seq > best->seq)
            *best = found;
    }
    return true;
}

/* The first note behind the last record; the clock may have gone back a little between. */
static bool find_note(struct collecting *c, struct error *err)
{
    static const char *const kinds[] = {"checkpoint", "segment", "key"};
    const int64_t hour_ms = 3600 * 1000;
    const struct story_record *last = &c->story->records[c->story->count - 1];
    struct story_record *best = &c->story->note;
    int64_t time = 0;
    bool has_time = record_time(last->value, &time);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct search_query query = {.kind = str_from(kinds[i]),
                                     .from_unix_ms = has_time ? time - hour_ms : 0,
                                     .from_seq = last->seq + 1,
                                     .oldest_first = true};
        struct story_record found = {0};
        if (!find_one(c, &query, &found, err))
            return false;
        if (found.seq && (!best->seq || found.seq < best->seq))
            *best = found;
    }
    if (best->seq && !checkpoint_parse(record_text(best->value, "note"), &c->story->checkpoint))
        *best = (struct story_record){0};
    return true;
}

/* ---- all of it ---- */

static enum story_result collect(struct collecting *c, struct str id, struct error *err)
{
    const struct search_query query = {
        .id = id, .oldest_first = true, .limit = LIMIT_STORY_RECORDS};
    struct buf unused;
    buf_init(&unused, 256);
    bool fine = audit_source_search(c->source, &query, take_record, c, &unused, err);
    buf_release(&unused);
    if (!fine)
        return STORY_FAILED;
    if (c->story->count == 0)
        return STORY_UNKNOWN;
    if (c->other_count) {
        (void)error_set(err, "'%.*s' begins several ids: %.*s%.*s%s", SHOW_ARGS(id),
                        SHOW_ARGS(c->story->id), STR_ARGS(buf_str(&c->other_ids)),
                        c->other_count > SHOWN_IDS ? ", …" : "");
        return STORY_AMBIGUOUS;
    }
    return find_policy(c, err) && find_note(c, err) ? STORY_FOUND : STORY_FAILED;
}

enum story_result story_read(struct audit_source *source, struct str id, struct arena *arena,
                             struct story *ret, struct error *err)
{
    struct collecting c = {.source = source, .arena = arena, .story = ret};
    *ret = (struct story){0};
    buf_init(&c.other_ids, 1024);
    enum story_result result = collect(&c, id, err);
    buf_release(&c.other_ids);
    if (c.failed) {
        (void)error_set(err, "out of memory");
        return STORY_FAILED;
    }
    return result;
}

struct str story_state(const struct story *story)
{
    const struct story_record *decision = story->decision;
    if (decision && str_equal(record_text(decision->value, "verdict"), STR("deny")))
        return STR("refused");
    for (size_t i = story->count; i-- > 0;) {
        struct str kind = record_text(story->records[i].value, "kind");
        if (str_equal(kind, STR("outcome")))
            return record_text(story->records[i].value, "outcome");
        if (str_equal(kind, STR("closed")))
            return STR("closed");
    }
    return STR("open");
}
