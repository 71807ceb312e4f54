#include "reload.h"

#include <unistd.h>

#include "base/clock.h"
#include "watch.h"

#define QUIET_MS 200  /* writers that replace several files are done by then */
#define LOOK_MS 60000 /* file systems that tell nothing, such as NFS */

static int64_t next_look_ms(void)
{
    return clock_mono_us() / 1000 + LOOK_MS;
}

static void watch_again(struct reload *reload, const struct snapshot *snapshot)
{
    if (reload->fd >= 0)
        close(reload->fd);
    reload->fd = watch_open(snapshot->config, snapshot->policy_files, snapshot->candidate_files);
}

bool reload_init(struct reload *reload, const struct snapshot *snapshot, struct error *err)
{
    *reload = (struct reload){.fd = -1, .stamp = snapshot->stamp, .look_at_ms = next_look_ms()};
    watch_again(reload, snapshot);
    return reload->fd >= 0 || error_set(err, "cannot watch the configuration's files");
}

void reload_release(struct reload *reload)
{
    if (reload->fd >= 0)
        close(reload->fd);
    reload->fd = -1;
}

int reload_fd(const struct reload *reload)
{
    return reload->fd;
}

int64_t reload_due_ms(const struct reload *reload)
{
    return reload->look_at_ms;
}

void reload_event(struct reload *reload, int64_t now_ms)
{
    watch_drain(reload->fd);
    if (reload->look_at_ms > now_ms + QUIET_MS)
        reload->look_at_ms = now_ms + QUIET_MS;
}

bool reload_is_due(struct reload *reload, const struct snapshot *current, int64_t now_ms)
{
    if (now_ms < reload->look_at_ms)
        return false;
    bool by_time =
        reload->failed; /* a file that only the new configuration names may be there now */
    reload->look_at_ms = next_look_ms();
    uint64_t stamp = snapshot_stamp_now(current);
    bool changed = stamp != reload->stamp;
    reload->stamp = stamp;
    return changed || by_time;
}

void reload_done(struct reload *reload, const struct snapshot *current)
{
    reload->failed = current == NULL;
    reload->look_at_ms = next_look_ms();
    if (!current)
        return;
    reload->stamp = current->stamp;
    watch_again(reload, current);
    reload->look_at_ms = clock_mono_us() / 1000 + QUIET_MS; /* what changed before it was watched */
}
