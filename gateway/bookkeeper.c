#include "bookkeeper.h"

#include <poll.h>

#include "audit/record.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "supervisor.h"

#define INBOX_LOOK_MS 1000 /* how often, when the system does not tell of new files */
#define HASH_KEYS_EVERY_MS (3600 * 1000)
#define JOURNAL_LOOK_MS 50

/* ---- what is told in the log ---- */

static void log_inbox(void *arg, const char *name, struct str kind, const char *reason)
{
    (void)arg;
    if (reason)
        LOG(LOG_WARN, "inbox-refused", LOG_TEXT("request", name), LOG_STR("kind", kind),
            LOG_TEXT("reason", reason));
    else
        LOG(LOG_INFO, "inbox-taken", LOG_TEXT("request", name), LOG_STR("kind", kind));
}

/* On a thread of the journal. */
static void log_journal(void *arg, const struct journal_state *before,
                        const struct journal_state *now)
{
    (void)arg;
    if (now->failing && !before->failing)
        LOG(LOG_ERROR, "journal-failing", LOG_TEXT("error", now->why.text),
            LOG_INT("last_seq", now->last_seq));
    if (!now->failing && before->failing)
        LOG(LOG_INFO, "journal-mended", LOG_INT("last_seq", now->last_seq));
    if (now->unconfirmed && !before->unconfirmed)
        LOG(LOG_ERROR, "journal-unconfirmed", LOG_TEXT("error", now->why.text),
            LOG_INT("receipt_seq", now->receipt_seq));
    if (!now->unconfirmed && before->unconfirmed)
        LOG(LOG_INFO, "journal-confirmed", LOG_INT("receipt_seq", now->receipt_seq));
    if (now->space_is_low != before->space_is_low)
        LOG(now->space_is_low ? LOG_WARN : LOG_INFO,
            now->space_is_low ? "journal-space-low" : "journal-space-ample",
            LOG_TEXT("directory", now->directory));
    if (now->directory != before->directory)
        LOG(LOG_WARN, "journal-moved", LOG_TEXT("directory", now->directory),
            LOG_TEXT("before", before->directory));
}

#define LISTED_INTENTS 20 /* in one line of the log; /status has more */

struct id_list {
    struct buf text;
    size_t count;
};

static void list_id(void *arg, struct str id)
{
    struct id_list *list = arg;
    if (list->count++ < LISTED_INTENTS)
        buf_format(&list->text, "%s%.*s", list->text.len ? " " : "", STR_ARGS(id));
}

static void log_open_intents(struct journal *journal, uint64_t count)
{
    struct id_list list = {.count = 0};
    if (count == 0)
        return;
    buf_init(&list.text, LISTED_INTENTS * (ID_SIZE + 1));
    journal_each_open(journal, list_id, &list);
    LOG(LOG_WARN, "open-intents", LOG_INT("count", count), LOG_STR("ids", buf_str(&list.text)),
        LOG_TEXT("remedy", "campaign-gateway audit reconcile"));
    buf_release(&list.text);
}

/* What passed without a durable record is in memory alone, and has one more chance. */
static void log_unrecorded_shutdown(struct journal *journal)
{
    struct journal_state now;
    journal_state(journal, &now);
    LOG(LOG_ERROR, "shutdown-unrecorded", LOG_TEXT("error", now.why.text),
        LOG_INT("passed", now.passed));
}

/* ---- the gateway's life ---- */

static bool record_life_event(const struct bookkeeper *keeper, const struct snapshot *snapshot,
                              const char *kind, uint64_t torn_bytes)
{
    const struct life_record record = {.kind = kind,
                                       .time_unix_ms = clock_unix_ms(),
                                       .version = STR(GATEWAY_VERSION),
                                       .config_digest = str_from(snapshot->config->digest),
                                       .policy_revision = snapshot->policy->revision,
                                       .policy_digest = str_from(snapshot->policy->digest),
                                       .callers_digest = str_from(snapshot->callers_digest),
                                       .torn_bytes = torn_bytes};
    struct buf members;
    buf_init(&members, LIMIT_RECORD_BYTES);
    record_life(&record, &members);
    bool durable =
        !members.failed && journal_append_wait(keeper->journal, buf_str(&members), (struct str){0});
    buf_release(&members);
    return durable;
}

bool bookkeeper_record(const struct bookkeeper *keeper, const struct snapshot *snapshot,
                       const char *kind)
{
    return record_life_event(keeper, snapshot, kind, 0);
}

/* ---- opening ---- */

static int64_t now_ms(void)
{
    return clock_mono_us() / 1000;
}

static struct journal *wait_for_journal(const struct journal_options *options, int64_t patience_ms,
                                        struct journal_recovery *recovery, struct error *err)
{
    struct journal *journal = NULL;
    int64_t until_ms = now_ms() + patience_ms;
    bool told = false;
    while (!(journal = journal_open(options, recovery, err)) &&
           inbox_is_served(options->directory) && now_ms() < until_ms && !supervisor_wants_end()) {
        if (!told)
            LOG(LOG_INFO, "journal-awaited", LOG_TEXT("directory", options->directory),
                LOG_INT("patience_ms", patience_ms));
        told = true;
        (void)poll(NULL, 0, JOURNAL_LOOK_MS);
    }
    return journal;
}

static bool open_journal(struct bookkeeper *keeper, const struct snapshot *snapshot,
                         int64_t patience_ms, struct error *err)
{
    const struct config *config = snapshot->config;
    struct journal_options options;
    struct journal_recovery recovery;
    struct error why;
    config_journal_options(config, &options);
    options.changed = log_journal;
    keeper->journal = wait_for_journal(&options, patience_ms, &recovery, &why);
    if (!keeper->journal)
        return config_error(&config->audit.directory.place, err, "%s", why.text);
    if (recovery.torn_bytes)
        LOG(LOG_WARN, "journal-torn", LOG_INT("bytes", recovery.torn_bytes),
            LOG_TEXT("kept_in", recovery.torn_path), LOG_INT("last_seq", recovery.last_seq));
    if (!record_life_event(keeper, snapshot, "started", recovery.torn_bytes))
        return config_error(&config->audit.directory.place, err,
                            "the first record could not be written; is there space left?");
    log_open_intents(keeper->journal, recovery.open_intents);
    keeper->inbox =
        inbox_open(keeper->journal, &options, recovery.last_seq, log_inbox, keeper, &why);
    keeper->inbox_waits = true; /* verbs may have left something while no gateway ran */
    return keeper->inbox || config_error(&config->audit.directory.place, err, "%s", why.text);
}

/* This month's and the next month's key, ahead of time: workers read no files. */
static void refresh_hash_keys(struct bookkeeper *keeper, int64_t now_ms)
{
    struct error err;
    keeper->hash_keys_due_ms = now_ms + HASH_KEYS_EVERY_MS;
    if (!hash_keys_refresh(keeper->hash_keys, clock_unix_ms(), &err))
        LOG(LOG_ERROR, "hash-keys", LOG_TEXT("error", err.text));
}

static bool open_hash_keys(struct bookkeeper *keeper, const struct snapshot *snapshot,
                           struct error *err)
{
    const struct config_audit *audit = &snapshot->config->audit;
    struct error why;
    if (audit->phone_numbers == PHONE_NUMBERS_CLEAR)
        return true;
    keeper->hash_keys = hash_keys_open(audit->hash_keys.value.data, clock_unix_ms(), &why);
    if (!keeper->hash_keys)
        return config_error(&audit->hash_keys.place, err, "%s", why.text);
    refresh_hash_keys(keeper, now_ms());
    return true;
}

bool bookkeeper_open(struct bookkeeper *keeper, const struct snapshot *snapshot,
                     int64_t patience_ms, struct error *err)
{
    *keeper = (struct bookkeeper){0};
    return open_journal(keeper, snapshot, patience_ms, err) &&
           open_hash_keys(keeper, snapshot, err);
}

/* ---- turns ---- */

int bookkeeper_fd(const struct bookkeeper *keeper)
{
    return inbox_fd(keeper->inbox);
}

int64_t bookkeeper_wait_ms(const struct bookkeeper *keeper, int64_t now_ms)
{
    if (keeper->inbox_waits)
        return 0;
    int64_t wait_ms = keeper->hash_keys ? keeper->hash_keys_due_ms - now_ms : INT64_MAX;
    return inbox_fd(keeper->inbox) < 0 && wait_ms > INBOX_LOOK_MS ? INBOX_LOOK_MS : wait_ms;
}

void bookkeeper_turn(struct bookkeeper *keeper, int64_t now_ms, bool readable)
{
    if (keeper->hash_keys && now_ms >= keeper->hash_keys_due_ms)
        refresh_hash_keys(keeper, now_ms);
    if (readable || keeper->inbox_waits || inbox_fd(keeper->inbox) < 0)
        keeper->inbox_waits = inbox_take(keeper->inbox);
}

/* ---- closing ---- */

void bookkeeper_close(struct bookkeeper *keeper, const struct snapshot *snapshot)
{
    inbox_close(keeper->inbox);
    if (keeper->journal && !bookkeeper_record(keeper, snapshot, "shutdown"))
        log_unrecorded_shutdown(keeper->journal);
    journal_close(keeper->journal);
    keeper->inbox = NULL;
    keeper->journal = NULL;
}

void bookkeeper_release(struct bookkeeper *keeper)
{
    hash_keys_close(keeper->hash_keys);
    keeper->hash_keys = NULL;
}
