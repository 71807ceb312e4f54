#include "reconciler.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "reconcile.h"

#define LOOK_MS 1000 /* how often the journal is asked who is open: it costs nothing */
#define FIRST_PAUSE_MS 60000
#define LONGEST_PAUSE_MS 3600000

/* One that is open, and when it is to be asked about. */
struct watched {
    char id[ID_SIZE];
    int64_t due_unix_ms;
    int64_t pause_ms;    /* until the next time, should it stay unknown */
    bool chosen;         /* for the round under way */
    uint64_t told;       /* of the reason that the log has: it is told of once */
    bool told_of_reason; /* whether there was one */
};

struct watch_list {
    struct watched *items; /* by id */
    size_t count, capacity;
};

struct reconciler {
    struct journal *journal;
    const struct hash_keys *hash_keys;
    struct upstream_options upstream;
    struct snapshot *first; /* whose journal and token these are, whatever later ones say */
    pthread_t thread;
    bool runs;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct snapshot *snapshot;
    struct asker *asker; /* of the round under way */
    bool stopping;

    /* the thread's own */
    struct watch_list list, former;
    struct snapshot *round; /* the one that the round goes by */
    struct error failure;   /* the last round's, told once */
};

/* ---- who is open ---- */

static int by_id(const void *one, const void *other)
{
    const struct watched *a = one, *b = other;
    return strcmp(a->id, b->id);
}

static struct watched *find(const struct watch_list *list, struct str id)
{
    struct watched key = {.id = ""};
    if (list->count == 0 || id.len >= sizeof(key.id))
        return NULL;
    memcpy(key.id, id.data, id.len);
    return bsearch(&key, list->items, list->count, sizeof(key), by_id);
}

/* Under the journal's lock. More than fit are looked at when others have gone. */
static void add(void *arg, struct str id)
{
    struct reconciler *reconciler = arg;
    struct watch_list *list = &reconciler->list;
    struct watched watched = {.pause_ms = FIRST_PAUSE_MS};
    if (list->count == list->capacity || !id_unix_ms(id, &watched.due_unix_ms))
        return;
    watched.due_unix_ms += reconcile_settle_ms(reconciler->first->config);
    memcpy(watched.id, id.data, id.len);
    list->items[list->count++] = watched;
}

static bool has_room(struct watch_list *list, size_t count)
{
    if (count <= list->capacity)
        return true;
    struct watched *grown = reallocarray(list->items, count, sizeof(*grown));
    if (!grown)
        return false;
    list->items = grown;
    list->capacity = count;
    return true;
}

/* Afterwards the list is of those that are open now, with what was known of each. */
static void look(struct reconciler *reconciler)
{
    struct journal_state state;
    journal_state(reconciler->journal, &state);
    struct watch_list now = reconciler->former;
    reconciler->former = reconciler->list;
    now.count = 0;
    reconciler->list = now;
    size_t count = state.open_intents < LIMIT_INTENTS ? (size_t)state.open_intents : LIMIT_INTENTS;
    if (count == 0 || !has_room(&reconciler->list, count))
        return;
    journal_each_open(reconciler->journal, add, reconciler);
    qsort(reconciler->list.items, reconciler->list.count, sizeof(struct watched), by_id);
    for (size_t i = 0; i < reconciler->list.count; i++) {
        struct watched *known = find(&reconciler->former, str_from(reconciler->list.items[i].id));
        if (known)
            reconciler->list.items[i] = *known;
    }
}

static bool is_due(const struct watched *watched)
{
    return watched->due_unix_ms <= clock_unix_ms();
}

/* Those that are due; and whatever comes of it, they are not due again at once. */
static bool choose(struct reconciler *reconciler)
{
    bool any = false;
    for (size_t i = 0; i < reconciler->list.count; i++) {
        struct watched *watched = &reconciler->list.items[i];
        watched->chosen = is_due(watched);
        any |= watched->chosen;
        if (!watched->chosen)
            continue;
        watched->due_unix_ms = clock_unix_ms() + watched->pause_ms;
        watched->pause_ms =
            2 * watched->pause_ms < LONGEST_PAUSE_MS ? 2 * watched->pause_ms : LONGEST_PAUSE_MS;
    }
    return any;
}

/* ---- a round ---- */

static bool wanted(void *arg, struct str id)
{
    const struct reconciler *reconciler = arg;
    const struct watched *watched = find(&reconciler->list, id);
    return watched && watched->chosen;
}

static bool append(void *arg, struct str id, struct str members, struct error *err)
{
    struct reconciler *reconciler = arg;
    if (!journal_is_open(reconciler->journal, id))
        return error_set(err, "somebody has closed it meanwhile");
    return journal_append_wait(reconciler->journal, members, id) ||
           error_set(err, "the journal cannot be written");
}

static uint64_t hash(const char *text)
{
    uint64_t value = 14695981039346656037ULL;
    for (; *text; text++)
        value = (value ^ (unsigned char)*text) * 1099511628211ULL;
    return value;
}

static void log_unknown(struct watched *watched, const char *reason)
{
    uint64_t told = hash(reason);
    if (watched->told_of_reason && watched->told == told)
        return;
    watched->told_of_reason = true;
    watched->told = told;
    LOG(LOG_WARN, "campaign-unknown", LOG_TEXT("id", watched->id), LOG_TEXT("reason", reason));
}

static void found(void *arg, const struct reconcile_finding *finding)
{
    struct reconciler *reconciler = arg;
    struct watched *watched = find(&reconciler->list, str_from(finding->intent->id));
    if (finding->recorded) {
        LOG(LOG_INFO, "campaign-reconciled", LOG_TEXT("id", finding->intent->id),
            LOG_TEXT("created", finding->result == RECONCILE_CREATED ? "yes" : "no"),
            LOG_TEXT("campaign_id", finding->campaign_id));
        return;
    }
    if (!watched)
        return;
    if (finding->result != RECONCILE_TOO_YOUNG) {
        log_unknown(watched, finding->reason);
        return;
    }
    watched->pause_ms = FIRST_PAUSE_MS; /* its id is a little older than its decision */
    watched->due_unix_ms =
        finding->intent->time_unix_ms + reconcile_settle_ms(reconciler->first->config);
}

static void log_failure(struct reconciler *reconciler, const char *why)
{
    if (strcmp(reconciler->failure.text, why) == 0)
        return;
    (void)error_set(&reconciler->failure, "%s", why);
    LOG(LOG_ERROR, "reconcile-failed", LOG_TEXT("error", why));
}

/* NULL: there is none to be had, or the gateway stops. */
static struct asker *open_asker(struct reconciler *reconciler)
{
    struct upstream_options options = reconciler->upstream;
    options.peer.tls = reconciler->round->client_tls;
    struct asker *asker = asker_start(&options);
    if (!asker)
        log_failure(reconciler, "out of memory, descriptors or threads");
    pthread_mutex_lock(&reconciler->lock);
    bool stopping = reconciler->stopping;
    if (!stopping)
        reconciler->asker = asker;
    pthread_mutex_unlock(&reconciler->lock);
    if (!stopping)
        return asker;
    asker_stop(asker);
    return NULL;
}

static void close_asker(struct reconciler *reconciler, struct asker *asker)
{
    pthread_mutex_lock(&reconciler->lock);
    reconciler->asker = NULL;
    pthread_mutex_unlock(&reconciler->lock);
    asker_stop(asker);
}

static void run_round(struct reconciler *reconciler)
{
    const struct config_audit *audit = &reconciler->first->config->audit;
    const char *const directories[] = {audit->directory.value.data,
                                       audit->second_directory.value.data};
    struct asker *asker = open_asker(reconciler);
    struct error err;
    if (!asker)
        return;
    const struct reconcile_options options = {
        .journal = {.directories = directories,
                    .directory_count = audit->second_directory.value.len ? 2 : 1,
                    .durable_only = true},
        .config = reconciler->first->config,
        .tenant = &reconciler->round->config->tenant,
        .asker = asker,
        .auth_path = audit->reconcile_auth.value.data,
        .hash_keys = reconciler->hash_keys,
        .with_time = true,
        .wanted = wanted,
        .append = append,
        .found = found,
        .arg = reconciler};
    if (reconcile_run(&options, &err))
        reconciler->failure.text[0] = '\0';
    else
        log_failure(reconciler, err.text);
    close_asker(reconciler, asker);
}

/* ---- the thread ---- */

/* Waits; then reconciler->round is what the next round goes by. False: the gateway stops. */
static bool wait_for_turn(struct reconciler *reconciler, int64_t wait_ms)
{
    const struct timespec until = clock_mono_from_now(wait_ms);
    snapshot_release(reconciler->round);
    pthread_mutex_lock(&reconciler->lock);
    while (!reconciler->stopping &&
           pthread_cond_timedwait(&reconciler->changed, &reconciler->lock, &until) == 0)
        ; /* woken for nothing */
    reconciler->round = snapshot_hold(reconciler->snapshot);
    bool goes_on = !reconciler->stopping;
    pthread_mutex_unlock(&reconciler->lock);
    return goes_on;
}

static void *reconciler_main(void *arg)
{
    struct reconciler *reconciler = arg;
    for (int64_t wait_ms = 0; wait_for_turn(reconciler, wait_ms); wait_ms = LOOK_MS) {
        look(reconciler);
        if (choose(reconciler))
            run_round(reconciler);
    }
    return NULL;
}

/* It may come later; but better known now than after a crash. */
static void look_at_token(const struct config_text *path)
{
    if (access(path->value.data, R_OK) != 0)
        LOG(LOG_WARN, "reconcile-auth-unreadable", LOG_STR("file", path->value),
            LOG_TEXT("error", strerrordesc_np(errno)));
}

struct reconciler *reconciler_start(const struct reconciler_options *options, struct error *err)
{
    struct reconciler *reconciler = calloc(1, sizeof(*reconciler));
    if (!reconciler) {
        (void)error_set(err, "out of memory");
        return NULL;
    }
    clock_mono_cond_init(&reconciler->changed);
    (void)pthread_mutex_init(&reconciler->lock, NULL);
    look_at_token(&options->snapshot->config->audit.reconcile_auth);
    reconciler->journal = options->journal;
    reconciler->hash_keys = options->hash_keys;
    reconciler->upstream = *options->upstream;
    reconciler->first = snapshot_hold(options->snapshot);
    reconciler->snapshot = snapshot_hold(options->snapshot);
    reconciler->runs = pthread_create(&reconciler->thread, NULL, reconciler_main, reconciler) == 0;
    if (reconciler->runs)
        return reconciler;
    (void)error_set(err, "cannot start the thread that reconciles");
    reconciler_stop(reconciler);
    return NULL;
}

void reconciler_adopt(struct reconciler *reconciler, struct snapshot *snapshot)
{
    if (!reconciler)
        return;
    pthread_mutex_lock(&reconciler->lock);
    struct snapshot *old = reconciler->snapshot;
    reconciler->snapshot = snapshot_hold(snapshot);
    pthread_mutex_unlock(&reconciler->lock);
    snapshot_release(old);
}

void reconciler_stop(struct reconciler *reconciler)
{
    if (!reconciler)
        return;
    pthread_mutex_lock(&reconciler->lock);
    reconciler->stopping = true;
    pthread_cond_signal(&reconciler->changed);
    if (reconciler->asker)
        asker_cancel(reconciler->asker);
    pthread_mutex_unlock(&reconciler->lock);
    if (reconciler->runs)
        pthread_join(reconciler->thread, NULL);
    snapshot_release(reconciler->round);
    snapshot_release(reconciler->snapshot);
    snapshot_release(reconciler->first);
    free(reconciler->list.items);
    free(reconciler->former.items);
    pthread_cond_destroy(&reconciler->changed);
    pthread_mutex_destroy(&reconciler->lock);
    free(reconciler);
}
