#include "upstream/ask.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"

struct asker {
    struct loop *loop;
    struct upstream_pool *pool;
    pthread_t thread;
    bool runs;

    struct arena arena; /* of the answer's head */
    struct upstream_call call;
    struct task send;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool answered, cancelled;
};

static void *asker_main(void *arg)
{
    struct asker *asker = arg;
    loop_run(asker->loop);
    return NULL;
}

static void run_send(void *arg)
{
    struct asker *asker = arg;
    pool_send(asker->pool, &asker->call);
}

static void run_done(void *arg)
{
    struct asker *asker = arg;
    pthread_mutex_lock(&asker->lock);
    asker->answered = true;
    pthread_cond_signal(&asker->changed);
    pthread_mutex_unlock(&asker->lock);
}

struct asker *asker_start(const struct upstream_options *options)
{
    struct asker *asker = calloc(1, sizeof(*asker));
    if (!asker)
        return NULL;
    clock_mono_cond_init(&asker->changed);
    (void)pthread_mutex_init(&asker->lock, NULL);
    arena_init(&asker->arena, LIMIT_ARENA_BYTES);
    buf_init(&asker->call.body, options->max_answer_bytes);
    asker->loop = loop_new();
    asker->pool = asker->loop ? pool_new(asker->loop, options) : NULL;
    asker->runs = asker->pool && pthread_create(&asker->thread, NULL, asker_main, asker) == 0;
    if (asker->runs)
        return asker;
    asker_stop(asker);
    return NULL;
}

bool asker_ask(struct asker *asker, struct str request, struct asker_answer *ret)
{
    arena_reset(&asker->arena);
    buf_clear(&asker->call.body);
    asker->answered = false; /* the loop's thread has nothing of ours just now */
    asker->call.request = request;
    asker->call.arena = &asker->arena;
    asker->call.done = (struct task){.run = run_done, .arg = asker};
    asker->send = (struct task){.run = run_send, .arg = asker};
    loop_post(asker->loop, &asker->send);
    pthread_mutex_lock(&asker->lock);
    while (!asker->answered && !asker->cancelled)
        pthread_cond_wait(&asker->changed, &asker->lock);
    bool answered = !asker->cancelled;
    pthread_mutex_unlock(&asker->lock);
    if (answered)
        *ret = (struct asker_answer){.failure = asker->call.failure,
                                     .detail = asker->call.detail,
                                     .response = &asker->call.response,
                                     .body = buf_str(&asker->call.body)};
    return answered;
}

bool asker_pause(struct asker *asker, int64_t wait_ms)
{
    const struct timespec until = clock_mono_from_now(wait_ms);
    pthread_mutex_lock(&asker->lock);
    while (!asker->cancelled && pthread_cond_timedwait(&asker->changed, &asker->lock, &until) == 0)
        ; /* woken for nothing */
    bool cancelled = asker->cancelled;
    pthread_mutex_unlock(&asker->lock);
    return !cancelled;
}

void asker_cancel(struct asker *asker)
{
    pthread_mutex_lock(&asker->lock);
    asker->cancelled = true;
    pthread_cond_broadcast(&asker->changed);
    pthread_mutex_unlock(&asker->lock);
}

void asker_stop(struct asker *asker)
{
    if (!asker)
        return;
    if (asker->runs) {
        loop_stop(asker->loop);
        pthread_join(asker->thread, NULL);
    }
    if (asker->pool)
        pool_free(asker->pool);
    loop_free(asker->loop);
    buf_release(&asker->call.body);
    arena_release(&asker->arena);
    pthread_cond_destroy(&asker->changed);
    pthread_mutex_destroy(&asker->lock);
    free(asker);
}
