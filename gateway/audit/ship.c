#include "audit/ship.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "audit/reader.h"
#include "audit/retention.h"
#include "base/clock.h"
#include "base/json_read.h"
#include "base/limits.h"

#define BATCH_BYTES (1024 * 1024) /* begun batches end here: four of them are under way */
#define IDLE_MS 1000              /* until it looks again without having been woken */
#define SIGN_OF_LIFE_MS 20000     /* many of them are missed before a source counts as silent */
#define RETENTION_MS 60000
#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS 10000
#define FINDING_MS 60000 /* for a person to do something */
#define LAST_MS 5000     /* told to stop: for what the gateway has just written */

/* How a step went; what is not fine ends the session. */
enum step {
    STEP_FINE,
    STEP_STOP,      /* told to, or once and done */
    STEP_NOTHING,   /* the journal has no record yet */
    STEP_TEMPORARY, /* try again */
    STEP_REFUSED,   /* try again, but it will hardly help */
    STEP_FINDING,
    STEP_USELESS, /* the connection string is wrong */
};

struct ship {
    const struct ship_options *options;
    int stop_fd;
    void (*tell)(void *arg, const struct ship_event *event);
    void *arg;

    int receipt_fds[SHIP_DIRECTORIES]; /* -1: none can be written there */
    int watch_fd;                      /* inotify of each DIRECTORY/durable */
    char source[LIMIT_ORIGIN_BYTES + 1];
    struct chain_head confirmed; /* by the server, of this source, since we are running */
    int64_t retained_us;         /* when retention was run last */

    /* one session */
    struct central *central;
    struct reader *reader;
    struct buf batch;
    uint64_t sent_seq;
    struct chain_head sent[CENTRAL_BATCHES_MOST]; /* the last record of each batch under way */
    size_t first_sent;
    bool at_end; /* of the journal, when last looked */
    bool stopping, caught_up;
    int64_t stop_us; /* when it was told to stop */
    int64_t contact_us;
    struct error broken; /* why the journal cannot be read on; empty: it can */
};

static void tell(struct ship *ship, struct ship_event event)
{
    event.source = str_from(ship->source);
    ship->tell(ship->arg, &event);
}

static enum step step_of(enum central_result result)
{
    static const enum step steps[] = {[CENTRAL_FINE] = STEP_FINE,
                                      [CENTRAL_PENDING] = STEP_FINE,
                                      [CENTRAL_UNREACHABLE] = STEP_TEMPORARY,
                                      [CENTRAL_REFUSED] = STEP_REFUSED};
    return steps[result];
}

/* ---- waiting ---- */

/* The file may have been made, or replaced, since; one that is the same is watched once. */
static void watch_durable(const struct ship *ship)
{
    char path[4096];
    for (size_t i = 0; i < ship->options->directory_count; i++) {
        (void)snprintf(path, sizeof(path), "%s/durable", ship->options->directories[i]);
        (void)inotify_add_watch(ship->watch_fd, path, IN_MODIFY);
    }
}

/* Waits until something happens; sets ship->stopping when it was told to stop. */
static void wait_for_something(struct ship *ship, int64_t timeout_ms)
{
    char events[4096];
    struct pollfd watched[3] = {{.fd = ship->stopping ? -1 : ship->stop_fd, .events = POLLIN},
                                {.fd = ship->watch_fd, .events = POLLIN},
                                {.fd = -1}};
    if (ship->central && central_under_way(ship->central) > 0)
        watched[2].fd = central_descriptor(ship->central, &watched[2].events);
    int happened = poll(watched, COUNT_OF(watched), (int)timeout_ms);
    if (watched[0].revents) {
        ship->stopping = true;
        ship->stop_us = clock_mono_us();
    }
    if (watched[1].revents)
        (void)!read(ship->watch_fd, events, sizeof(events));
    if (happened == 0)
        watch_durable(ship);
}

/* ---- receipts ---- */

/* Of two devices one may be gone; the gateway believes the furthest receipt. */
static bool open_receipts(struct ship *ship, struct error *err)
{
    bool any = false;
    for (size_t i = 0; i < ship->options->directory_count; i++) {
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/receipt", ship->options->directories[i]);
        ship->receipt_fds[i] = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (ship->receipt_fds[i] >= 0)
            any = true;
        else
            (void)error_set(err, "cannot write '%s': %s", path, strerrordesc_np(errno));
    }
    return any;
}

static void close_receipts(const struct ship *ship)
{
    for (size_t i = 0; i < ship->options->directory_count; i++) {
        if (ship->receipt_fds[i] >= 0)
            close(ship->receipt_fds[i]);
    }
}

static enum step confirm(struct ship *ship, const struct chain_head *upto, struct error *err)
{
    char text[128], hex[DIGEST_HEX_SIZE];
    bool written = false;
    digest_to_hex(upto->hash, hex);
    int length = snprintf(text, sizeof(text), "%020llu %s %020llu\n", (unsigned long long)upto->seq,
                          hex, (unsigned long long)upto->seq);
    ship->confirmed = *upto;
    ship->contact_us = clock_mono_us();
    for (size_t i = 0; i < ship->options->directory_count; i++) {
        if (ship->receipt_fds[i] >= 0 &&
            pwrite(ship->receipt_fds[i], text, (size_t)length, 0) == length)
            written = true;
        else
            (void)error_set(err, "cannot write '%s/receipt': %s", ship->options->directories[i],
                            strerrordesc_np(errno));
    }
    return written ? STEP_FINE : STEP_TEMPORARY;
}

static enum step take_receipt(struct ship *ship, const struct central_receipt *receipt,
                              struct error *err)
{
    const struct chain_head *sent = &ship->sent[ship->first_sent];
    ship->first_sent = (ship->first_sent + 1) % CENTRAL_BATCHES_MOST;
    if (receipt->verdict != CENTRAL_STORED) {
        (void)error_set(err, "the central database does not take this journal: %s",
                        receipt->reason);
        return STEP_FINDING;
    }
    if (receipt->upto.seq < sent->seq ||
        (receipt->upto.seq == sent->seq &&
         memcmp(receipt->upto.hash, sent->hash, DIGEST_BYTES) != 0)) {
        (void)error_set(err, "the central database answered with a receipt for something else");
        return STEP_FINDING;
    }
    return confirm(ship, sent, err); /* no more than that, whatever the server claims to have */
}

/* ---- batches ---- */

/* The next records that are there, as far as a batch goes; *ret_first 0: there is none. */
static enum step read_batch(struct ship *ship, uint64_t *ret_first, struct error *err)
{
    struct reader_record record;
    enum reader_result result = READER_RECORD;
    size_t count = 0;
    *ret_first = 0;
    buf_clear(&ship->batch);
    while (count < ship->options->batch_records && ship->batch.len < BATCH_BYTES &&
           !ship->broken.text[0]) {
        result = reader_next(ship->reader, &record, err);
        if (result != READER_RECORD)
            break;
        if (record.head.seq <= ship->sent_seq)
            continue;
        if (count++ == 0)
            *ret_first = record.head.seq;
        else
            buf_append_byte(&ship->batch, '\n');
        buf_append(&ship->batch, record.line);
        size_t slot = (ship->first_sent + central_under_way(ship->central)) % CENTRAL_BATCHES_MOST;
        ship->sent[slot] = record.head;
        ship->sent_seq = record.head.seq;
    }
    ship->at_end = result == READER_END;
    if (result == READER_BROKEN)
        ship->broken = *err; /* what is before it is shipped first */
    if (ship->batch.failed)
        (void)error_set(err, "out of memory");
    return result == READER_FAILED || ship->batch.failed ? STEP_TEMPORARY : STEP_FINE;
}

static enum step fill(struct ship *ship, struct error *err)
{
    while (central_under_way(ship->central) < CENTRAL_BATCHES_MOST) {
        struct central_batch batch = {.source = str_from(ship->source)};
        enum step step = read_batch(ship, &batch.first_seq, err);
        if (step != STEP_FINE || batch.first_seq == 0)
            return step;
        batch.lines = buf_str(&ship->batch);
        step = step_of(central_send(ship->central, &batch, err));
        if (step != STEP_FINE)
            return step;
    }
    return STEP_FINE;
}

static enum step receive(struct ship *ship, struct error *err)
{
    enum step step = STEP_FINE;
    while (step == STEP_FINE && central_under_way(ship->central) > 0) {
        struct central_receipt receipt;
        enum central_result result = central_receive(ship->central, 0, &receipt, err);
        if (result == CENTRAL_PENDING)
            return STEP_FINE;
        step = result == CENTRAL_FINE ? take_receipt(ship, &receipt, err) : step_of(result);
    }
    return step;
}

/* ---- nothing under way ---- */

static void deleted(void *arg, const char *path)
{
    tell(arg, (struct ship_event){.kind = SHIP_DELETED, .path = path});
}

static void delete_old(struct ship *ship)
{
    struct error err;
    const struct retention retention = {.directories = ship->options->directories,
                                        .directory_count = ship->options->directory_count,
                                        .confirmed_seq = ship->confirmed.seq,
                                        .hold_ms = ship->options->hold_ms};
    ship->retained_us = clock_mono_us();
    if (!retention_run(&retention, clock_unix_ms(), deleted, ship, &err))
        tell(ship, (struct ship_event){.kind = SHIP_KEPT, .error = err.text});
}

static enum step give_sign_of_life(struct ship *ship, struct error *err)
{
    struct chain_head upto;
    enum step step = step_of(central_upto(ship->central, str_from(ship->source), &upto, err));
    if (step != STEP_FINE)
        return step;
    if (upto.seq < ship->confirmed.seq) {
        (void)error_set(err, "the central database at %.*s stands at %llu and had confirmed %llu",
                        STR_ARGS(central_server(ship->central)), (unsigned long long)upto.seq,
                        (unsigned long long)ship->confirmed.seq);
        return STEP_TEMPORARY;
    }
    ship->contact_us = clock_mono_us();
    return STEP_FINE;
}

static bool is_due(int64_t since_us, int64_t after_ms)
{
    return clock_mono_us() - since_us >= after_ms * 1000;
}

/* Whoever stops the shipper has stopped the gateway before: what that wrote last is still sent. */
static bool time_is_up(const struct ship *ship)
{
    return ship->stopping && is_due(ship->stop_us, LAST_MS);
}

static enum step rest(struct ship *ship, struct error *err)
{
    if (ship->broken.text[0]) {
        *err = ship->broken;
        return STEP_FINDING;
    }
    if (ship->at_end && !ship->caught_up) {
        ship->caught_up = true;
        tell(ship, (struct ship_event){.kind = SHIP_CAUGHT_UP, .seq = ship->confirmed.seq});
        delete_old(ship);
    } else if (is_due(ship->retained_us, RETENTION_MS)) {
        delete_old(ship);
    }
    if (time_is_up(ship) || ((ship->stopping || ship->options->once) && ship->at_end))
        return STEP_STOP;
    return is_due(ship->contact_us, SIGN_OF_LIFE_MS) ? give_sign_of_life(ship, err) : STEP_FINE;
}

static enum step pump(struct ship *ship, struct error *err)
{
    for (;;) {
        enum step step = time_is_up(ship) ? STEP_FINE : fill(ship, err);
        if (step == STEP_FINE && central_under_way(ship->central) == 0)
            step = rest(ship, err);
        if (step != STEP_FINE)
            return step;
        wait_for_something(ship, IDLE_MS);
        step = receive(ship, err);
        if (step != STEP_FINE)
            return step;
    }
}

/* ---- where to go on ---- */

/* One record, durable or not; as reader_next, but without a record at its number READER_END. */
static enum reader_result read_one(const struct ship *ship, uint64_t seq, struct chain_head *ret,
                                   struct error *err)
{
    const struct reader_options options = {.directories = ship->options->directories,
                                           .directory_count = ship->options->directory_count,
                                           .from_seq = seq};
    struct reader_record record;
    struct reader *reader = reader_open(&options, err);
    if (!reader)
        return READER_FAILED;
    enum reader_result result = reader_next(reader, &record, err);
    if (result == READER_RECORD)
        *ret = record.head;
    reader_close(reader);
    return result;
}

/*
 * Compares what the server has last with the same record here, and sets ship->sent_seq. Of a record
 * that differs the server is told, so that it notes the fork.
 */
static enum step agree(struct ship *ship, const struct chain_head *upto, struct error *err)
{
    static const uint8_t nothing[DIGEST_BYTES];
    bool known = memcmp(upto->hash, nothing, DIGEST_BYTES) != 0;
    struct chain_head here = {0};
    ship->sent_seq = upto->seq;
    if (upto->seq == 0)
        return STEP_FINE;
    enum reader_result result = read_one(ship, upto->seq, &here, err);
    if (result == READER_FAILED)
        return STEP_TEMPORARY;
    if (result == READER_BROKEN)
        return STEP_FINDING;
    if (result == READER_END) {
        (void)error_set(err,
                        "the central database has record %llu, and this journal ends before it: "
                        "it is a copy, or an older state of it was put back",
                        (unsigned long long)upto->seq);
        return STEP_FINDING;
    }
    if (here.seq > upto->seq + 1) {
        (void)error_set(err,
                        "the central database lacks the records %llu to %llu, and so does this "
                        "journal by now; if they are lost, let an owner call audit_accept_gap "
                        "there",
                        (unsigned long long)upto->seq + 1, (unsigned long long)here.seq - 1);
        return STEP_FINDING;
    }
    if (here.seq != upto->seq || !known)
        return STEP_FINE; /* the server compares what the next record says of it */
    if (memcmp(here.hash, upto->hash, DIGEST_BYTES) == 0)
        return confirm(ship, upto, err);
    ship->sent_seq = upto->seq - 1;
    return STEP_FINE;
}

/* Whose journal it is stands in the first record of each segment. */
static enum step find_source(struct ship *ship, struct error *err)
{
    const struct reader_options options = {.directories = ship->options->directories,
                                           .directory_count = ship->options->directory_count};
    struct reader_record record;
    struct json_fault fault;
    struct arena arena;
    struct reader *reader = reader_open(&options, err);
    if (!reader)
        return STEP_TEMPORARY;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    enum reader_result result = reader_next(reader, &record, err);
    const struct json_value *json =
        result == READER_RECORD ? json_read(record.json, &arena, &fault) : NULL;
    const struct json_value *source =
        json && json_kind(json) == JSON_KIND_OBJECT ? json_member(json, STR("source")) : NULL;
    bool found = source && json_kind(source) == JSON_KIND_STRING && json_string(source).len > 0 &&
                 json_string(source).len <= LIMIT_ORIGIN_BYTES;
    if (found)
        (void)snprintf(ship->source, sizeof(ship->source), "%.*s", STR_ARGS(json_string(source)));
    else if (result == READER_RECORD)
        (void)error_set(err, "%s:1: the record does not say whose journal it is", record.file);
    arena_release(&arena);
    reader_close(reader);
    if (result == READER_END)
        return STEP_NOTHING;
    return found ? STEP_FINE : result == READER_FAILED ? STEP_TEMPORARY : STEP_FINDING;
}

/* ---- sessions ---- */

static enum step open_central(struct ship *ship, struct error *err)
{
    const struct central_options options = {.database = ship->options->database,
                                            .timeout_ms = ship->options->timeout_ms,
                                            .must_write = true};
    enum central_result result;
    ship->central = central_open(&options, &result, err);
    return result == CENTRAL_REFUSED ? STEP_USELESS : step_of(result);
}

static enum step open_reader(struct ship *ship, struct error *err)
{
    const struct reader_options options = {.directories = ship->options->directories,
                                           .directory_count = ship->options->directory_count,
                                           .from_seq = ship->sent_seq + 1,
                                           .durable_only = true};
    ship->reader = reader_open(&options, err);
    return ship->reader ? STEP_FINE : STEP_TEMPORARY;
}

/* As far as all is agreed upon and the first batch may be sent. */
static enum step begin(struct ship *ship, struct error *err)
{
    struct chain_head upto;
    enum step step = find_source(ship, err);
    if (step == STEP_FINE)
        step = open_central(ship, err);
    if (step == STEP_FINE)
        step = step_of(central_upto(ship->central, str_from(ship->source), &upto, err));
    if (step != STEP_FINE)
        return step;
    watch_durable(ship);
    ship->contact_us = clock_mono_us();
    tell(ship, (struct ship_event){.kind = SHIP_CONNECTED,
                                   .server = central_server(ship->central),
                                   .seq = upto.seq});
    step = agree(ship, &upto, err);
    return step == STEP_FINE ? open_reader(ship, err) : step;
}

static void end(struct ship *ship)
{
    central_close(ship->central);
    reader_close(ship->reader);
    ship->central = NULL;
    ship->reader = NULL;
    ship->confirmed = (struct chain_head){0};
    ship->caught_up = ship->at_end = false;
    ship->first_sent = 0;
    ship->broken.text[0] = '\0';
}

static enum step session(struct ship *ship, bool *ret_agreed, struct error *err)
{
    enum step step = begin(ship, err);
    *ret_agreed = step == STEP_FINE;
    if (step == STEP_FINE)
        step = pump(ship, err);
    end(ship);
    return step;
}

/* Doubles, up to the last one; half of it by chance, so that not all gateways come back at once. */
static int64_t next_retry_ms(int64_t *retry_ms)
{
    int64_t wait_ms = *retry_ms / 2 + clock_mono_us() % (*retry_ms / 2);
    *retry_ms = *retry_ms * 2 < RETRY_LAST_MS ? *retry_ms * 2 : RETRY_LAST_MS;
    return wait_ms;
}

static void rest_between(struct ship *ship, int64_t wait_ms)
{
    const int64_t until_us = clock_mono_us() + wait_ms * 1000;
    for (int64_t left_us; !ship->stopping && (left_us = until_us - clock_mono_us()) > 0;)
        wait_for_something(ship, left_us / 1000 + 1);
}

/* Session after session. STEP_STOP, or with `once` whatever the first one came to. */
static enum step run_sessions(struct ship *ship, struct error *err)
{
    static const enum ship_event_kind kinds[] = {[STEP_TEMPORARY] = SHIP_INTERRUPTED,
                                                 [STEP_REFUSED] = SHIP_REFUSED,
                                                 [STEP_FINDING] = SHIP_FINDING};
    int64_t retry_ms = RETRY_FIRST_MS;
    while (!ship->stopping) {
        bool agreed;
        enum step step = session(ship, &agreed, err);
        if (step == STEP_STOP || step == STEP_USELESS)
            return step;
        if (agreed)
            retry_ms = RETRY_FIRST_MS;
        int64_t wait_ms = step == STEP_NOTHING   ? IDLE_MS
                          : step == STEP_FINDING ? FINDING_MS
                                                 : next_retry_ms(&retry_ms);
        if (step != STEP_NOTHING)
            tell(ship,
                 (struct ship_event){.kind = kinds[step], .retry_ms = wait_ms, .error = err->text});
        if (ship->options->once)
            return step;
        rest_between(ship, wait_ms);
    }
    return STEP_STOP;
}

enum ship_end ship_run(const struct ship_options *options, int stop_fd,
                       void (*tell_about)(void *arg, const struct ship_event *event), void *arg,
                       struct error *err)
{
    struct ship ship = {.options = options, .stop_fd = stop_fd, .tell = tell_about, .arg = arg};
    if (!central_check(options->database, err) || !open_receipts(&ship, err))
        return SHIP_END_NOT_SHIPPED;
    buf_init(&ship.batch, BATCH_BYTES + SEGMENT_LINE_BYTES + CENTRAL_BATCH_RECORDS);
    ship.watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK); /* -1: it looks every second */
    enum step step = run_sessions(&ship, err);
    if (ship.watch_fd >= 0)
        close(ship.watch_fd);
    close_receipts(&ship);
    buf_release(&ship.batch);
    if (step == STEP_STOP || step == STEP_NOTHING)
        return SHIP_END_FINE;
    return step == STEP_FINDING ? SHIP_END_FINDING : SHIP_END_NOT_SHIPPED;
}
