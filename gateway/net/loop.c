#include "net/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"

struct task_list {
    struct task *first;
    struct task *last;
};

struct loop {
    struct event_base *base;
    struct event *deferred_event;
    struct task_list deferred;
    struct event *paced_event;
    struct task_list paced;

    int wake_fd;
    struct event *wake_event;
    pthread_mutex_t lock; /* guards `posted` */
    struct task_list posted;
    atomic_bool stopping;
};

static void list_append(struct task_list *list, struct task *task)
{
    task->next = NULL;
    if (list->last)
        list->last->next = task;
    else
        list->first = task;
    list->last = task;
}

static struct task *list_take_first(struct task_list *list)
{
    struct task *task = list->first;
    list->first = task->next;
    if (!list->first)
        list->last = NULL;
    task->queued = false;
    return task;
}

static bool list_remove(struct task_list *list, struct task *task)
{
    struct task *before = NULL;
    for (struct task *each = list->first; each; before = each, each = each->next) {
        if (each != task)
            continue;
        if (before)
            before->next = task->next;
        else
            list->first = task->next;
        if (list->last == task)
            list->last = before;
        task->queued = false;
        return true;
    }
    return false;
}

/* Each task may free itself or queue others; those wait for the next round. */
static void run_all(struct task_list list)
{
    for (struct task *task = list.first, *next; task; task = next) {
        next = task->next;
        task->queued = false;
        task->run(task->arg);
    }
}

static void on_deferred(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct loop *loop = arg;
    /* one at a time: a task that runs may cancel one that waits behind it */
    for (struct task *stop = loop->deferred.last; loop->deferred.first;) {
        struct task *task = list_take_first(&loop->deferred);
        bool was_last = task == stop;
        task->run(task->arg);
        if (was_last)
            break;
    }
    if (loop->deferred.first)
        event_active(loop->deferred_event, 0, 0);
}

/* A timer that is due fires once in a turn of the loop, after sockets have been asked. */
static void arm_paced(struct loop *loop)
{
    static const struct timeval at_once = {0, 0};
    if (event_add(loop->paced_event, &at_once) != 0)
        event_active(loop->paced_event, EV_TIMEOUT, 0); /* needs no memory; sooner does no harm */
}

static void on_paced(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct loop *loop = arg;
    if (!loop->paced.first)
        return; /* cancelled meanwhile */
    struct task *task = list_take_first(&loop->paced);
    if (loop->paced.first)
        arm_paced(loop);
    task->run(task->arg);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct loop *loop = arg;
    uint64_t count;
    if (read(fd, &count, sizeof(count)) < 0) {
        /* woken for nothing; the list below tells what there is to do */
    }
    pthread_mutex_lock(&loop->lock);
    struct task_list posted = loop->posted;
    loop->posted = (struct task_list){0};
    pthread_mutex_unlock(&loop->lock);
    run_all(posted);
    if (atomic_load(&loop->stopping))
        event_base_loopbreak(loop->base);
}

static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    /* each loop belongs to one thread; what crosses threads goes through loop_post */
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return NULL;
    pthread_mutex_init(&loop->lock, NULL);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->base = base_new();
    if (loop->wake_fd < 0 || !loop->base)
        goto fail;
    loop->deferred_event = event_new(loop->base, -1, 0, on_deferred, loop);
    loop->wake_event = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    loop->paced_event = event_new(loop->base, -1, 0, on_paced, loop);
    if (!loop->deferred_event || !loop->paced_event || !loop->wake_event ||
        event_add(loop->wake_event, NULL) != 0)
        goto fail;
    return loop;

fail:
    loop_free(loop);
    return NULL;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    if (loop->deferred_event)
        event_free(loop->deferred_event);
    if (loop->paced_event)
        event_free(loop->paced_event);
    if (loop->wake_event)
        event_free(loop->wake_event);
    if (loop->base)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

const char *loop_library_version(void)
{
    return event_get_version();
}

void loop_run(struct loop *loop)
{
    if (!atomic_load(&loop->stopping))
        event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

static void wake(struct loop *loop)
{
    const uint64_t one = 1;
    if (write(loop->wake_fd, &one, sizeof(one)) < 0) {
        /* the counter is full, so the loop is being woken anyway */
    }
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    wake(loop);
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

void loop_defer(struct loop *loop, struct task *task)
{
    if (task->queued)
        return;
    task->queued = true;
    if (!loop->deferred.first)
        event_active(loop->deferred_event, 0, 0);
    list_append(&loop->deferred, task);
}

void loop_defer_paced(struct loop *loop, struct task *task)
{
    if (task->queued)
        return;
    task->queued = true;
    if (!loop->paced.first)
        arm_paced(loop);
    list_append(&loop->paced, task);
}

void loop_cancel(struct loop *loop, struct task *task)
{
    if (task->queued && !list_remove(&loop->deferred, task))
        (void)list_remove(&loop->paced, task);
}

void loop_post(struct loop *loop, struct task *task)
{
    pthread_mutex_lock(&loop->lock);
    bool was_empty = !loop->posted.first;
    list_append(&loop->posted, task);
    pthread_mutex_unlock(&loop->lock);
    if (was_empty)
        wake(loop);
}

struct timer {
    struct event *event;
    void (*fire)(void *arg);
    void *arg;
    int64_t deadline_us; /* 0: not set */
    int64_t alarm_us;    /* when the event will ring; 0: it is not added */
};

static void arm(struct timer *timer, int64_t now_us)
{
    int64_t wait_us = timer->deadline_us > now_us ? timer->deadline_us - now_us : 0;
    struct timeval wait = {.tv_sec = wait_us / 1000000, .tv_usec = wait_us % 1000000};
    timer->alarm_us = timer->deadline_us;
    if (event_add(timer->event, &wait) == 0)
        return;
    /* no memory for one more timer: a deadline that cannot be waited for has come */
    timer->alarm_us = timer->deadline_us = now_us;
    event_active(timer->event, EV_TIMEOUT, 0);
}

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct timer *timer = arg;
    int64_t now_us = clock_mono_us();
    timer->alarm_us = 0;
    if (timer->deadline_us == 0)
        return;
    if (timer->deadline_us > now_us) {
        arm(timer, now_us);
        return;
    }
    timer->deadline_us = 0;
    timer->fire(timer->arg);
}

struct timer *timer_new(struct loop *loop, void (*fire)(void *arg), void *arg)
{
    struct timer *timer = calloc(1, sizeof(*timer));
    if (!timer)
        return NULL;
    timer->event = event_new(loop->base, -1, 0, on_alarm, timer);
    timer->fire = fire;
    timer->arg = arg;
    if (!timer->event) {
        free(timer);
        return NULL;
    }
    return timer;
}

void timer_free(struct timer *timer)
{
    if (!timer)
        return;
    event_free(timer->event);
    free(timer);
}

static void set_deadline(struct timer *timer, int64_t deadline_us, int64_t now_us)
{
    timer->deadline_us = deadline_us;
    if (timer->alarm_us == 0 || timer->deadline_us < timer->alarm_us)
        arm(timer, now_us);
}

void timer_set(struct timer *timer, int64_t ms_from_now)
{
    int64_t now_us = clock_mono_us();
    set_deadline(timer, now_us + ms_from_now * 1000, now_us);
}

void timer_set_at(struct timer *timer, int64_t deadline_us)
{
    if (deadline_us == INT64_MAX)
        timer_clear(timer);
    else
        set_deadline(timer, deadline_us, clock_mono_us());
}

void timer_clear(struct timer *timer)
{
    timer->deadline_us = 0;
}
