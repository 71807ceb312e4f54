/*
 * What the system says of this process. What it is read from is opened once, so that it can still
 * be read when the process may open nothing any more. One thread.
 */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

struct process_watch {
    int stat_fd;      /* /proc/self/stat, or -1 */
    DIR *descriptors; /* /proc/self/fd, or NULL */
};

/* Where there is no /proc, less is known. */
void process_watch_open(struct process_watch *watch);
void process_watch_close(struct process_watch *watch); /* accepts zeros after a failed start */

struct process_facts {
    int64_t cpu_us; /* user and system */
    bool knows_stat;
    uint64_t resident_bytes, threads; /* when knows_stat */
    uint64_t open_fds;                /* 0: not known */
    uint64_t max_fds;
};

void process_look(const struct process_watch *watch, struct process_facts *ret);
