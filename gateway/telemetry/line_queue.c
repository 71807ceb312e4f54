#include "telemetry/line_queue.h"

#include "base/clock.h"

void line_queue_init(struct line_queue *queue, size_t max_bytes)
{
    *queue = (struct line_queue){.wake_at = 1};
    (void)pthread_mutex_init(&queue->lock, NULL);
    clock_mono_cond_init(&queue->changed);
    buf_init(&queue->waiting, max_bytes);
}

void line_queue_release(struct line_queue *queue)
{
    buf_release(&queue->waiting);
    (void)pthread_cond_destroy(&queue->changed);
    (void)pthread_mutex_destroy(&queue->lock);
}

bool line_queue_put(struct line_queue *queue, struct str line)
{
    pthread_mutex_lock(&queue->lock);
    bool put = !queue->closed && buf_append(&queue->waiting, line);
    queue->waiting.failed = false; /* there will be room again */
    queue->lines += put;
    if (put && (queue->lines == 1 || queue->lines == queue->wake_at))
        pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    if (!put)
        atomic_fetch_add_explicit(&queue->lost, 1, memory_order_relaxed);
    return put;
}

static bool looks_up(const struct line_queue *queue)
{
    return queue->nudged || queue->closed;
}

bool line_queue_take(struct line_queue *queue, size_t enough, int64_t linger_ms, struct buf *into)
{
    buf_clear(into);
    pthread_mutex_lock(&queue->lock);
    queue->wake_at = enough;
    while (queue->lines == 0 && !looks_up(queue))
        pthread_cond_wait(&queue->changed, &queue->lock);
    const struct timespec until = clock_mono_from_now(linger_ms);
    while (linger_ms > 0 && queue->lines < enough && !looks_up(queue)) {
        if (pthread_cond_timedwait(&queue->changed, &queue->lock, &until) != 0)
            break;
    }
    const struct buf taken = queue->waiting;
    queue->waiting = *into;
    *into = taken;
    bool any = queue->lines > 0 || !queue->closed;
    queue->lines = 0;
    queue->nudged = false;
    pthread_mutex_unlock(&queue->lock);
    return any;
}

void line_queue_nudge(struct line_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->nudged = true;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

void line_queue_close(struct line_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}
