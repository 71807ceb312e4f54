/*
 * Writes a valid journal, quickly, with the gateway's own functions: for the tests and measures of
 * what reads journals.
 *
 *     journal_maker DIRECTORY RECORDS [OPTION=NUMBER...]
 *
 *     seed=1               other numbers give other journals; the same number the same one, but for
 *                          keys that are not in the directory yet
 *     start=1764288000000  time of the first record, in milliseconds since 1970
 *     step=250             milliseconds from one decision to the next
 *     segment=67108864     bytes of a segment
 *     checkpoint=1000      records from one checkpoint to the next
 *     open=0               decisions without outcome, of 1000
 *     clear=0              1: numbers in the clear
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/checkpoint.h"
#include "audit/record.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"

#define SOURCE "campaign-gateway/made/00000000-0000-7000-8000-000000000000"
#define HOST "platform.kore.ai"

static struct options {
    const char *directory;
    uint64_t records, seed, start, step, segment, checkpoint, open, clear;
} options = {
    .seed = 1, .start = 1764288000000, .step = 250, .segment = 64UL << 20, .checkpoint = 1000};

static struct maker {
    struct chain_head head;
    struct merkle tree;
    struct signing_key *key;
    struct hash_keys *hash_keys;
    struct privacy privacy;
    struct arena arena;
    int64_t now;
    uint64_t since_checkpoint, segment_bytes;
    size_t policy;
    int fd;
    struct buf members, lines;
    char open_ids[1024][ID_SIZE];
    size_t open_count;
} maker;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void need(bool fine, const char *what)
{
    if (fine)
        return;
    (void)fprintf(stderr, "journal_maker: %s\n", what);
    exit(1);
}

/* ---- chance, always the same ---- */

static uint64_t chance(uint64_t below)
{
    options.seed ^= options.seed << 13;
    options.seed ^= options.seed >> 7;
    options.seed ^= options.seed << 17;
    return (options.seed * 0x2545f4914f6cdd1d >> 33) % below;
}

/* An expression to be used once: each time it is another. */
#define ONE_OF(list) str_from((list)[chance(COUNT_OF(list))])

static const char *const teams[] = {"billing",   "marketing", "support", "collections", "loyalty",
                                    "logistics", "claims",    "sales",   "events",      "security"};
static const char *const subjects[] = {
    "Payment reminder", "Diwali offer", "Delivery notice",     "Renewal",      "Outage", "Survey",
    "Appointment",      "Card blocked", "Sommerfest für alle", "Points expire"};
static const char *const regions[] = {"North",  "South", "East",  "West",
                                      "Mumbai", "Texas", "Bayern"};
static const char *const templates[] = {"Welcome", "Reminder", "Offer", "Alert", "Notice_2"};
static const char *const zones[] = {"Asia/Kolkata", "America/New_York", "Europe/Berlin"};
static const enum violation_code codes[] = {
    VIOLATION_OUTSIDE_HOURS, VIOLATION_CALLER_ID_NOT_ALLOWED, VIOLATION_TIMEZONE_NOT_ALLOWED,
    VIOLATION_FIELD_VALUE, VIOLATION_BANNED_CONTENT};

static struct str random_hex(size_t digits)
{
    static const char hex[] = "0123456789abcdef";
    char *out = arena_alloc(&maker.arena, digits);
    need(out != NULL, "no memory");
    for (size_t i = 0; i < digits; i++)
        out[i] = hex[chance(16)];
    return (struct str){out, digits};
}

/* ---- files ---- */

static void flush(void)
{
    size_t done = 0;
    while (done < maker.lines.len) {
        ssize_t got = write(maker.fd, maker.lines.data + done, maker.lines.len - done);
        if (got < 0)
            die("write");
        done += (size_t)got;
    }
    buf_clear(&maker.lines);
}

/* Puts the members behind the record before. */
static void put(void)
{
    size_t before = maker.lines.len;
    need(!maker.members.failed &&
             chain_append(&maker.head, buf_str(&maker.members), &maker.lines) &&
             merkle_add(&maker.tree, maker.head.hash),
         "a record cannot be made");
    maker.segment_bytes += maker.lines.len - before;
    maker.since_checkpoint++;
    buf_clear(&maker.members);
    arena_reset(&maker.arena);
    if (maker.lines.len > (1 << 20))
        flush();
}

static void sign(struct buf *note)
{
    struct checkpoint checkpoint = {
        .origin = STR(SOURCE), .size = maker.tree.size, .time_unix_ms = maker.now};
    buf_init(note, LIMIT_CHECKPOINT_BYTES);
    need(merkle_root(&maker.tree, checkpoint.root) && checkpoint_sign(&checkpoint, maker.key, note),
         "a checkpoint cannot be signed");
}

/* Outcomes come a few decisions later, as in a gateway with several requests under way. */
static struct waiting {
    char id[ID_SIZE];
    size_t policy; /* that decided */
} waiting[8];
static size_t waiting_count;

static void begin_segment(void)
{
    char name[SEGMENT_NAME_SIZE], path[4096];
    struct str open_ids[COUNT_OF(maker.open_ids) + COUNT_OF(waiting)];
    struct buf note;
    sign(&note);
    if (maker.fd >= 0) {
        flush();
        (void)fchmod(maker.fd, 0400);
        close(maker.fd);
    }
    segment_name(maker.head.seq + 1, name);
    (void)snprintf(path, sizeof(path), "%s/%s", options.directory, name);
    maker.fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (maker.fd < 0)
        die(path);
    for (size_t i = 0; i < maker.open_count; i++)
        open_ids[i] = str_from(maker.open_ids[i]);
    for (size_t i = 0; i < waiting_count; i++)
        open_ids[maker.open_count + i] = str_from(waiting[i].id);
    struct segment_record record = {.time_unix_ms = maker.now,
                                    .source = STR(SOURCE),
                                    .tree = maker.tree,
                                    .open = open_ids,
                                    .open_count = maker.open_count + waiting_count,
                                    .note = buf_str(&note)};
    memcpy(record.key, signing_key_public(maker.key), SIGNING_PUBLIC_BYTES);
    record_segment(&record, &maker.members);
    maker.segment_bytes = 0;
    put();
    buf_release(&note);
}

static void put_checkpoint(void)
{
    struct buf note;
    sign(&note);
    record_checkpoint(maker.now, buf_str(&note), &maker.members);
    put();
    buf_release(&note);
    maker.since_checkpoint = 0;
}

/* ---- records ---- */

static struct str policy_revision(size_t policy)
{
    return arena_format(&maker.arena, "2026-11-%02zu.1", policy % 28 + 1);
}

static struct str policy_digest(size_t policy)
{
    char hex[DIGEST_HEX_SIZE];
    struct str revision = arena_format(&maker.arena, "policy %zu", policy);
    need(digest_hex(revision, hex), "no digest");
    return arena_copy(&maker.arena, str_from(hex));
}

static void put_life(const char *kind)
{
    struct life_record record = {.kind = kind,
                                 .time_unix_ms = maker.now,
                                 .version = STR("0.1.0"),
                                 .config_digest = random_hex(DIGEST_HEX),
                                 .policy_revision = policy_revision(maker.policy),
                                 .policy_digest = policy_digest(maker.policy)};
    record_life(&record, &maker.members);
    put();
}

static void make_campaign(struct campaign *campaign)
{
    static struct calling_block blocks[5];
    static struct str lists[1];
    struct str subject = ONE_OF(subjects), region = ONE_OF(regions);
    for (int day = 0; day < 5; day++)
        blocks[day] =
            (struct calling_block){.day = MONDAY + day, .start_min = 540, .end_min = 1080};
    lists[0] = arena_format(&maker.arena, "List %llu", (unsigned long long)chance(500));
    *campaign = (struct campaign){
        .name = arena_format(&maker.arena, "%.*s %.*s %llu", STR_ARGS(subject), STR_ARGS(region),
                             (unsigned long long)chance(10000)),
        .description = STR("Made for a test"),
        .contact_lists = lists,
        .contact_list_count = 1,
        .dnc_list = STR("dnc"),
        .priority = 1 + (int)chance(5),
        .format = STR("simple"),
        .template_name = ONE_OF(templates),
        .message =
            arena_format(&maker.arena, "Dear customer, <name>, visit https://example.com/%llu",
                         (unsigned long long)chance(1000)),
        .caller_id = arena_format(&maker.arena, "+9195616%05llu", (unsigned long long)chance(200)),
        .frequency = FREQUENCY_WEEKLY,
        .timezone = ONE_OF(zones),
        .blocks = blocks,
        .block_count = COUNT_OF(blocks),
        .has_schedule = true,
    };
}

static void put_decision(const char *id, bool allowed)
{
    struct campaign campaign;
    struct violations violations;
    struct policy_findings findings = {.violations = &violations};
    char message_hex[DIGEST_HEX_SIZE];
    make_campaign(&campaign);
    violations_init(&violations, &maker.arena);
    violations_init(&findings.observed, &maker.arena);
    for (uint64_t i = allowed ? 0 : 1 + chance(2); i > 0; i--)
        violations_add(&violations, codes[chance(COUNT_OF(codes))],
                       STR("/dialingStrategy/callerId/phoneNumber"), "made");
    if (chance(20) == 0) {
        violations_add(&findings.observed, VIOLATION_NAME_PATTERN, STR("/name"), "made");
        findings.observed.items[0].effect = EFFECT_REPORTED;
    }
    need(digest_hex(campaign.message, message_hex), "no digest");
    maker.privacy.arena = &maker.arena;
    maker.privacy.hashed = 0;
    struct str team = ONE_OF(teams);
    struct decision_record record = {
        .id = id,
        .time_unix_ms = maker.now,
        .duration_us = 200 + (int64_t)chance(100),
        .allowed = allowed,
        .status = 403,
        .type = "https://campaign-gateway.example/problems/policy",
        .team = team,
        .caller = arena_format(&maker.arena, "key:%.*s-2026", STR_ARGS(team)),
        .peer = arena_format(&maker.arena, "10.0.%llu.%llu:%llu", (unsigned long long)chance(4),
                             (unsigned long long)chance(250),
                             (unsigned long long)(32768 + chance(28000))),
        .method = STR("POST"),
        .path = STR("/campaign/api/v2/public/st-0603182c-7ffb-53c3-b307-47ca14b00000/campaign"),
        .route = "create-campaign",
        .stream_id = STR("st-0603182c-7ffb-53c3-b307-47ca14b00000"),
        .account_id = STR("67777ce93e25326494e00000"),
        .own_stream_id = STR("st-0603182c-7ffb-53c3-b307-47ca14b00000"),
        .own_account_id = STR("67777ce93e25326494e00000"),
        .body = random_hex(40),
        .campaign = &campaign,
        .message_sha256 = str_from(message_hex),
        .violations = &violations,
        .findings = &findings,
        .policy_revision = policy_revision(maker.policy),
        .policy_digest = policy_digest(maker.policy),
        .privacy = &maker.privacy,
    };
    record_decision(&record, &maker.members);
    put();
}

static void put_outcome(const struct waiting *decided)
{
    static const char *const failures[] = {"refused_upstream", "failed", "unknown", "client_gone"};
    bool created = chance(25) > 0;
    const char *outcome = created ? "created" : failures[chance(COUNT_OF(failures))];
    struct str created_at = {0};
    char time[CLOCK_UTC_SIZE];
    clock_format_utc(maker.now, time);
    created_at = str_from(time);
    maker.privacy.hashed = 0;
    struct outcome_record record = {
        .id = decided->id,
        .time_unix_ms = maker.now,
        .duration_us = 90000 + (int64_t)chance(90000),
        .outcome = outcome,
        .created = created ? "yes" : "unknown",
        .upstream_host = STR(HOST),
        .upstream_status = created ? 200 : 0,
        .failure = created ? NULL : "timeout",
        .privacy = &maker.privacy,
        .policy_revision = policy_revision(decided->policy),
        .policy_digest = policy_digest(decided->policy),
    };
    if (created) {
        record.answer_status = STR("success");
        record.campaign_id = random_hex(24);
        record.template_id = random_hex(24);
        record.created_at = created_at;
        record.stored_message_sha256 = random_hex(DIGEST_HEX);
        record.message_sha256 = random_hex(DIGEST_HEX);
    }
    record_outcome(&record, &maker.members);
    put();
}

static void end_one(void)
{
    size_t which = chance(waiting_count);
    struct waiting decided = waiting[which];
    waiting[which] = waiting[--waiting_count];
    put_outcome(&decided);
}

static void decide_one(void)
{
    char id[ID_SIZE];
    uint8_t random[ID_RANDOM_BYTES];
    for (size_t i = 0; i < sizeof(random); i++)
        random[i] = (uint8_t)chance(256);
    bool allowed = chance(4) > 0;
    maker.now += (int64_t)options.step;
    id_format(maker.now, random, id);
    put_decision(id, allowed);
    if (!allowed)
        return;
    if (chance(1000) >= options.open) {
        waiting[waiting_count].policy = maker.policy;
        memcpy(waiting[waiting_count++].id, id, ID_SIZE);
    } else if (maker.open_count < COUNT_OF(maker.open_ids)) {
        memcpy(maker.open_ids[maker.open_count++], id, ID_SIZE);
    }
}

static void make_one(void)
{
    if (maker.segment_bytes >= options.segment)
        begin_segment();
    if (maker.since_checkpoint >= options.checkpoint)
        put_checkpoint();
    if (chance(options.records / 30 + 1) == 0) {
        maker.policy++;
        put_life("reloaded");
    }
    if (waiting_count == COUNT_OF(waiting) || (waiting_count > 0 && chance(2) == 0))
        end_one();
    else
        decide_one();
}

/* ---- all of it ---- */

static void read_options(int argc, char **argv)
{
    const struct {
        const char *name;
        uint64_t *value;
    } names[] = {
        {"seed", &options.seed},       {"start", &options.start},           {"step", &options.step},
        {"segment", &options.segment}, {"checkpoint", &options.checkpoint}, {"open", &options.open},
        {"clear", &options.clear}};
    need(argc >= 3 && str_to_u64(str_from(argv[2]), &options.records),
         "usage: journal_maker DIRECTORY RECORDS [OPTION=NUMBER...]");
    options.directory = argv[1];
    for (int i = 3; i < argc; i++) {
        struct str name, number;
        bool known = false;
        (void)str_cut(str_from(argv[i]), '=', &name, &number);
        for (size_t k = 0; k < COUNT_OF(names); k++) {
            if (str_equal(name, str_from(names[k].name)))
                known = str_to_u64(number, names[k].value);
        }
        need(known, argv[i]);
    }
    need(options.seed > 0, "a seed of 0 gives no chance");
}

static void open_keys(void)
{
    char path[4096];
    struct error err = {.text = ""};
    if (mkdir(options.directory, 0700) != 0 && errno != EEXIST)
        die(options.directory);
    (void)snprintf(path, sizeof(path), "%s/signing.key", options.directory);
    if (access(path, F_OK) != 0)
        need(signing_key_make(path, &err), err.text);
    need(signing_key_load(path, NULL, &maker.key, NULL, &err), err.text);
    maker.privacy.in_clear = options.clear;
    if (options.clear)
        return;
    (void)snprintf(path, sizeof(path), "%s/hash-keys", options.directory);
    maker.hash_keys = hash_keys_open(path, (int64_t)options.start, &err);
    need(maker.hash_keys != NULL, err.text);
    maker.privacy.key = hash_keys_at(maker.hash_keys, (int64_t)options.start);
}

static void write_durable(void)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/durable", options.directory);
    FILE *file = fopen(path, "w");
    if (!file || fprintf(file, "%020llu\n", (unsigned long long)maker.head.seq) < 0 || fclose(file))
        die(path);
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    maker.fd = -1;
    maker.now = (int64_t)options.start;
    arena_init(&maker.arena, LIMIT_ARENA_BYTES);
    buf_init(&maker.members, LIMIT_RECORD_BYTES);
    buf_init(&maker.lines, 4UL << 20);
    open_keys();
    begin_segment();
    put_life("started");
    while (maker.head.seq + waiting_count + 2 < options.records)
        make_one();
    while (waiting_count > 0)
        end_one();
    put_life("shutdown");
    put_checkpoint();
    flush();
    close(maker.fd);
    write_durable();
    signing_key_free(maker.key);
    hash_keys_close(maker.hash_keys);
    buf_release(&maker.members);
    buf_release(&maker.lines);
    arena_release(&maker.arena);
    (void)printf("%llu\n", (unsigned long long)maker.head.seq);
    return 0;
}
