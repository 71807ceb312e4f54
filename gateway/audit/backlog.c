#include "audit/backlog.h"

#include <string.h>

static void halve(struct backlog *backlog)
{
    size_t kept = 0;
    for (size_t i = 0; i < backlog->count; i += 2) {
        size_t younger = i + 1 < backlog->count ? i + 1 : i;
        backlog->marks[kept++] =
            (struct backlog_mark){backlog->marks[younger].last_seq, backlog->marks[i].since_us};
    }
    backlog->count = kept;
}

void backlog_add(struct backlog *backlog, uint64_t last_seq, int64_t now_us)
{
    if (backlog->count == BACKLOG_MARKS)
        halve(backlog);
    backlog->marks[backlog->count++] = (struct backlog_mark){last_seq, now_us};
}

void backlog_confirm(struct backlog *backlog, uint64_t seq)
{
    size_t confirmed = 0;
    while (confirmed < backlog->count && backlog->marks[confirmed].last_seq <= seq)
        confirmed++;
    backlog->count -= confirmed;
    memmove(backlog->marks, backlog->marks + confirmed, backlog->count * sizeof(*backlog->marks));
}

int64_t backlog_age_us(const struct backlog *backlog, int64_t now_us)
{
    return backlog->count ? now_us - backlog->marks[0].since_us : 0;
}
