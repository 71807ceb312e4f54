#include "status.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "net/address.h"
#include "versions.h"

struct status {
    pthread_mutex_t lock;
    struct status_view now; /* its snapshot is held */
};

struct status *status_new(struct snapshot *snapshot, int64_t now_unix_ms)
{
    struct status *status = calloc(1, sizeof(*status));
    if (!status)
        return NULL;
    (void)pthread_mutex_init(&status->lock, NULL);
    status->now.snapshot = snapshot_hold(snapshot);
    status->now.started_ms = status->now.adopted_ms = now_unix_ms;
    return status;
}

void status_free(struct status *status)
{
    if (!status)
        return;
    snapshot_release(status->now.snapshot);
    (void)pthread_mutex_destroy(&status->lock);
    free(status);
}

void status_adopted(struct status *status, struct snapshot *snapshot, int64_t now_unix_ms)
{
    pthread_mutex_lock(&status->lock);
    struct snapshot *old = status->now.snapshot;
    status->now.snapshot = snapshot_hold(snapshot);
    status->now.adopted_ms = now_unix_ms;
    status->now.stale = false;
    pthread_mutex_unlock(&status->lock);
    snapshot_release(old);
}

void status_failed(struct status *status, const char *because, const struct error *err,
                   int64_t now_unix_ms)
{
    pthread_mutex_lock(&status->lock);
    status->now.stale = true;
    status->now.failed_ms = now_unix_ms;
    status->now.because = because;
    status->now.err = *err;
    pthread_mutex_unlock(&status->lock);
}

void status_look(struct status *status, struct status_view *ret)
{
    pthread_mutex_lock(&status->lock);
    *ret = status->now;
    snapshot_hold(ret->snapshot);
    pthread_mutex_unlock(&status->lock);
}

/* ---- as JSON ---- */

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

static void put_versions(struct json_writer *w)
{
    const struct versions of = versions();
    json_put_str(w, "version", str_from(of.gateway));
    json_put_str(w, "build", str_from(of.build));
    json_put_str(w, "openssl", str_from(of.openssl));
    json_put_str(w, "libevent", str_from(of.libevent));
    json_put_str(w, "tzdata", str_from(of.tzdata));
}

/* While what is on disk is wrong; afterwards it is history. */
static void put_failure(struct json_writer *w, const struct status_view *view)
{
    json_open_object_at(w, "reload_failed");
    put_time(w, "time", view->failed_ms);
    json_put_str(w, "because", str_from(view->because));
    json_put_str(w, "error", str_from(view->err.text));
    json_close_object(w);
}

static void put_space(struct json_writer *w, const struct journal_state *journal)
{
    json_open_array_at(w, "directories");
    for (size_t i = 0; i < JOURNAL_DIRECTORIES && journal->space[i].directory; i++) {
        json_open_object(w);
        json_put_str(w, "directory", str_from(journal->space[i].directory));
        json_put_int(w, "free_bytes", (int64_t)journal->space[i].free_bytes);
        json_put_int(w, "size_bytes", (int64_t)journal->space[i].all_bytes);
        json_close_object(w);
    }
    json_close_array(w);
}

static void put_journal(struct json_writer *w, const struct config_audit *audit,
                        const struct journal_state *journal)
{
    bool central = audit->durability == DURABILITY_CENTRAL;
    json_open_object_at(w, "audit");
    json_put_str(w, "durability", central ? STR("central") : STR("local"));
    json_put_bool(w, "failing", journal->failing);
    json_put_bool(w, "denying", journal->denying);
    json_put_bool(w, "space_is_low", journal->space_is_low);
    json_put_str(w, "directory", str_from(journal->directory));
    put_space(w, journal);
    json_put_str(w, "journal", str_from(journal->origin));
    json_put_int(w, "last_seq", (int64_t)journal->last_seq);
    json_put_str(w, "last_hash", str_from(journal->last_hash));
    json_put_int(w, "checkpoint_seq", (int64_t)journal->checkpoint_seq);
    if (central)
        json_put_bool(w, "unconfirmed", journal->unconfirmed);
    if (journal->ships)
        json_put_int(w, "receipt_seq", (int64_t)journal->receipt_seq);
    json_put_int(w, "passed", (int64_t)journal->passed);
    json_put_int(w, "retracted", (int64_t)journal->retracted);
    json_put_str_if_any(w, "error", str_from(journal->why.text));
    json_close_object(w);
}

static void put_certificates(struct json_writer *w, const struct snapshot *snapshot,
                             int64_t now_unix_ms)
{
    const struct certificate_list *list = &snapshot->certificates;
    json_open_array_at(w, "certificates");
    for (size_t i = 0; i < list->count; i++) {
        json_open_object(w);
        json_put_str(w, "use", str_from(list->items[i].use));
        json_put_str(w, "file", list->items[i].file);
        if (list->items[i].dates.until_unix_ms != INT64_MAX)
            put_time(w, "expires", list->items[i].dates.until_unix_ms);
        json_close_object(w);
    }
    json_close_array(w);
    int64_t key_ms =
        snapshot->callers ? callers_next_expiry(snapshot->callers, now_unix_ms) : INT64_MAX;
    if (key_ms != INT64_MAX)
        put_time(w, "next_api_key_expires", key_ms);
}

static void put_upstream(struct json_writer *w, const struct config *config,
                         const struct resolver_state *resolver)
{
    json_open_object_at(w, "upstream");
    json_put_str(w, "url", config->upstream_url.value);
    json_open_array_at(w, "addresses");
    for (size_t i = 0; i < resolver->answer.count; i++) {
        char text[ADDRESS_TEXT_SIZE];
        address_format((const struct sockaddr *)&resolver->answer.items[i].address, text);
        json_put_str(w, NULL, str_from(text));
    }
    json_close_array(w);
    if (resolver->succeeded_unix_ms)
        put_time(w, "resolved", resolver->succeeded_unix_ms);
    json_put_bool(w, "resolving_fails", resolver->answer.is_failing);
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

static void put_sandbox(struct json_writer *w, const struct sandbox *sandbox)
{
    if (!sandbox)
        return;
    json_open_object_at(w, "sandbox");
    json_put_str(w, "landlock", str_from(sandbox_state_name(sandbox->landlock.state)));
    json_put_str(w, "seccomp", str_from(sandbox_state_name(sandbox->seccomp.state)));
    json_close_object(w);
}

static void put_life(struct json_writer *w, const struct status_view *view,
                     const struct status_beside *beside)
{
    put_time(w, "started", view->started_ms);
    json_put_int(w, "uptime_seconds", (beside->now_unix_ms - view->started_ms) / 1000);
    json_put_int(w, "workers", (int64_t)beside->workers);
    json_put_int(w, "open_connections", (int64_t)beside->usage.connections);
    json_put_int(w, "requests_under_way", (int64_t)beside->usage.requests);
}

static void put_force(struct json_writer *w, const struct status_view *view)
{
    const struct snapshot *snapshot = view->snapshot;
    put_time(w, "in_force_since", view->adopted_ms);
    json_put_str(w, "config", str_from(snapshot->config->path));
    json_put_str(w, "config_digest", str_from(snapshot->config->digest));
    put_policy(w, "policy", snapshot->policy, snapshot->policy_files);
    if (snapshot->candidate)
        put_policy(w, "candidate", snapshot->candidate, snapshot->candidate_files);
    if (view->stale)
        put_failure(w, view);
}

void status_write(const struct status_view *view, const struct status_beside *beside,
                  struct buf *out)
{
    struct json_writer w = json_writer(out);
    const struct snapshot *snapshot = view->snapshot;
    struct journal_state state;
    journal_state(beside->journal, &state);
    json_open_object(&w);
    put_versions(&w);
    put_life(&w, view, beside);
    put_sandbox(&w, beside->sandbox);
    put_force(&w, view);
    put_journal(&w, &snapshot->config->audit, &state);
    put_open_intents(&w, beside->journal);
    put_certificates(&w, snapshot, beside->now_unix_ms);
    put_upstream(&w, snapshot->config, &beside->resolver);
    json_close_object(&w);
    buf_append_byte(out, '\n');
}
