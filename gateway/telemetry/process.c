#include "telemetry/process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/str.h"

void process_watch_open(struct process_watch *watch)
{
    watch->stat_fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    watch->descriptors = opendir("/proc/self/fd");
}

void process_watch_close(struct process_watch *watch)
{
    if (watch->stat_fd > 0)
        close(watch->stat_fd);
    if (watch->descriptors)
        closedir(watch->descriptors);
    *watch = (struct process_watch){.stat_fd = -1};
}

/* Fields of proc(5), stat; counted from the one behind the command, which may hold anything. */
#define FIELD_THREADS (20 - 3)
#define FIELD_RESIDENT_PAGES (24 - 3)

static bool read_stat(const struct process_watch *watch, struct process_facts *ret)
{
    char text[1024];
    ssize_t got = watch->stat_fd > 0 ? pread(watch->stat_fd, text, sizeof(text), 0) : -1;
    struct str rest = {text, got > 0 ? (size_t)got : 0}, field;
    const char *end = rest.len ? memrchr(text, ')', rest.len) : NULL;
    uint64_t pages = 0;
    if (!end)
        return false;
    rest = str_slice(rest, (size_t)(end - text) + 2, rest.len);
    bool fine = true;
    for (int i = 0; i <= FIELD_RESIDENT_PAGES; i++) {
        fine = str_cut(rest, ' ', &field, &rest);
        if (i == FIELD_THREADS)
            fine = fine && str_to_u64(field, &ret->threads);
        if (!fine)
            return false;
    }
    if (!str_to_u64(field, &pages))
        return false;
    ret->resident_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}

static uint64_t count_descriptors(const struct process_watch *watch)
{
    uint64_t count = 0;
    if (!watch->descriptors)
        return 0;
    rewinddir(watch->descriptors);
    for (const struct dirent *entry; (entry = readdir(watch->descriptors));)
        count += entry->d_name[0] != '.';
    return count;
}

static int64_t microseconds(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

void process_look(const struct process_watch *watch, struct process_facts *ret)
{
    struct rusage usage = {0};
    struct rlimit limit = {0};
    *ret = (struct process_facts){0};
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    ret->cpu_us = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
    ret->max_fds = limit.rlim_cur;
    ret->knows_stat = read_stat(watch, ret);
    ret->open_fds = count_descriptors(watch);
}
