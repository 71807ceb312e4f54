#include "status.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "base/zones.h"

struct status {
    pthread_mutex_t lock;
    struct snapshot *snapshot;
    int64_t started_ms, adopted_ms;
    bool failed;
    int64_t failed_ms;
    const char *because; /* a literal */
    struct error err;
};

struct status *status_new(struct snapshot *snapshot, int64_t now_unix_ms)
{
    struct status *status = calloc(1, sizeof(*status));
    if (!status)
        return NULL;
    (void)pthread_mutex_init(&status->lock, NULL);
    status->snapshot = snapshot_hold(snapshot);
    status->started_ms = status->adopted_ms = now_unix_ms;
    return status;
}

void status_free(struct status *status)
{
    if (!status)
        return;
    snapshot_release(status->snapshot);
    (void)pthread_mutex_destroy(&status->lock);
    free(status);
}

void status_adopted(struct status *status, struct snapshot *snapshot, int64_t now_unix_ms)
{
    pthread_mutex_lock(&status->lock);
    struct snapshot *old = status->snapshot;
    status->snapshot = snapshot_hold(snapshot);
    status->adopted_ms = now_unix_ms;
    status->failed = false;
    pthread_mutex_unlock(&status->lock);
    snapshot_release(old);
}

void status_failed(struct status *status, const char *because, const struct error *err,
                   int64_t now_unix_ms)
{
    pthread_mutex_lock(&status->lock);
    status->failed = true;
    status->failed_ms = now_unix_ms;
    status->because = because;
    status->err = *err;
    pthread_mutex_unlock(&status->lock);
}

bool status_is_stale(struct status *status)
{
    pthread_mutex_lock(&status->lock);
    bool stale = status->failed;
    pthread_mutex_unlock(&status->lock);
    return stale;
}

static void put_time(struct json_writer *w, const char *key, int64_t unix_ms)
{
    char text[CLOCK_UTC_SIZE];
    clock_format_utc(unix_ms, text);
    json_put_str(w, key, str_from(text));
}

static void put_policy(struct json_writer *w, const char *key, const struct policy_set *policy,
                       const struct policy_files *files)
{
    json_open_object_at(w, key);
    json_put_str(w, "revision", policy->revision);
    json_put_str(w, "digest", str_from(policy->digest));
    json_put_int(w, "teams", (int64_t)policy->teams.count);
    json_open_array_at(w, "files");
    for (size_t i = 0; i < files->count; i++)
        json_put_str(w, NULL, str_from(files->items[i].name));
    json_close_array(w);
    json_close_object(w);
}

static void put_failure(struct json_writer *w, const struct status *status)
{
    json_open_object_at(w, "reload_failed");
    put_time(w, "time", status->failed_ms);
    json_put_str(w, "because", str_from(status->because));
    json_put_str(w, "error", str_from(status->err.text));
    json_close_object(w);
}

static void put_journal(struct json_writer *w, const struct config_audit *audit,
                        const struct journal_state *journal)
{
    json_open_object_at(w, "audit");
    json_put_bool(w, "failing", journal->failing);
    json_put_bool(w, "space_is_low", journal->space_is_low);
    json_put_str(w, "directory", str_from(journal->directory));
    json_put_int(w, "last_seq", (int64_t)journal->last_seq);
    json_put_int(w, "checkpoint_seq", (int64_t)journal->checkpoint_seq);
    if (audit->durability == DURABILITY_CENTRAL) {
        json_put_bool(w, "unconfirmed", journal->unconfirmed);
        json_put_int(w, "receipt_seq", (int64_t)journal->receipt_seq);
    }
    json_put_int(w, "passed", (int64_t)journal->passed);
    json_put_int(w, "retracted", (int64_t)journal->retracted);
    json_put_str_if_any(w, "error", str_from(journal->why.text));
    json_close_object(w);
}

#define LISTED_INTENTS 100 /* the count tells of all */

struct id_list {
    struct json_writer *writer;
    size_t count;
};

static void put_id(void *arg, struct str id)
{
    struct id_list *list = arg;
    if (list->count++ < LISTED_INTENTS)
        json_put_str(list->writer, NULL, id);
}

/* Let through, and nobody knows whether they were created. */
static void put_open_intents(struct json_writer *w, struct journal *journal)
{
    struct id_list list = {.writer = w};
    json_open_object_at(w, "open_intents");
    json_open_array_at(w, "ids");
    journal_each_open(journal, put_id, &list);
    json_close_array(w);
    json_put_int(w, "count", (int64_t)list.count);
    json_close_object(w);
}

void status_write(struct status *status, struct journal *journal, struct buf *out)
{
    struct json_writer w = json_writer(out);
    struct journal_state state;
    journal_state(journal, &state);
    pthread_mutex_lock(&status->lock);
    const struct snapshot *snapshot = status->snapshot;
    json_open_object(&w);
    json_put_str(&w, "version", STR(GATEWAY_VERSION));
    json_put_str(&w, "tzdata", str_from(zone_table_version()));
    put_time(&w, "started", status->started_ms);
    put_time(&w, "in_force_since", status->adopted_ms);
    json_put_str(&w, "config_digest", str_from(snapshot->config->digest));
    put_policy(&w, "policy", snapshot->policy, snapshot->policy_files);
    if (snapshot->candidate)
        put_policy(&w, "candidate", snapshot->candidate, snapshot->candidate_files);
    if (status->failed)
        put_failure(&w, status);
    put_journal(&w, &snapshot->config->audit, &state);
    put_open_intents(&w, journal);
    json_close_object(&w);
    pthread_mutex_unlock(&status->lock);
    buf_append_byte(out, '\n');
}
