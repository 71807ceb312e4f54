#include "watch.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

void watch_each_path(const struct config *config, void (*each)(void *arg, const char *path),
                     void *arg)
{
    const struct config_text *singles[] = {&config->client_ca,
                                           &config->client_crl,
                                           &config->callers,
                                           &config->upstream_ca,
                                           &config->audit.capture_certificate,
                                           &config->admin.identity.certificate,
                                           &config->admin.identity.key,
                                           &config->admin.client_ca,
                                           &config->trace_ca};
    each(arg, config->path);
    for (size_t i = 0; i < config->identity_count; i++) {
        each(arg, config->identities[i].certificate.value.data);
        each(arg, config->identities[i].key.value.data);
    }
    for (size_t i = 0; i < COUNT_OF(singles); i++) {
        if (singles[i]->value.len)
            each(arg, singles[i]->value.data);
    }
    for (size_t i = 0; i < config->policy_count; i++)
        each(arg, config->policies[i].value.data);
    for (size_t i = 0; i < config->candidate_count; i++)
        each(arg, config->candidates[i].value.data);
}

/* ---- stamps ---- */

static uint64_t mix(uint64_t stamp, uint64_t value)
{
    stamp = (stamp ^ value) * 0x9e3779b97f4a7c15u;
    return stamp ^ stamp >> 29;
}

static uint64_t stamp_file(uint64_t stamp, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return mix(stamp, 1);
    const int64_t facts[] = {(int64_t)info.st_dev,          (int64_t)info.st_ino,
                             (int64_t)info.st_size,         (int64_t)info.st_mtim.tv_sec,
                             (int64_t)info.st_mtim.tv_nsec, (int64_t)info.st_ctim.tv_sec,
                             (int64_t)info.st_ctim.tv_nsec};
    for (size_t i = 0; i < COUNT_OF(facts); i++)
        stamp = mix(stamp, (uint64_t)facts[i]);
    return stamp;
}

/* Not "..": what else happens beside the directory is not its business. */
static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void stamp_path(void *arg, const char *path)
{
    uint64_t *stamp = arg;
    struct dirent **entries;
    *stamp = stamp_file(*stamp, path);
    int count = scandir(path, &entries, is_visible, alphasort);
    if (count < 0)
        return; /* an ordinary file */
    for (int i = 0; i < count; i++) {
        char file[PATH_MAX];
        if (snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name) < (int)sizeof(file))
            *stamp = stamp_file(*stamp, file);
        free(entries[i]);
    }
    free(entries);
}

uint64_t watch_stamp_add(uint64_t stamp, const char *path)
{
    stamp_path(&stamp, path);
    return stamp;
}

uint64_t watch_stamp_config(const struct config *config)
{
    uint64_t stamp = 0;
    watch_each_path(config, stamp_path, &stamp);
    return stamp;
}

uint64_t watch_stamp_included(const struct policy_files *files)
{
    uint64_t stamp = 0;
    for (size_t i = files->own_count; i < files->count; i++)
        stamp = watch_stamp_add(stamp, files->items[i].name);
    return stamp;
}

/* ---- events ---- */

static void watch_directory(int fd, const char *path)
{
    /* one that cannot be watched is still looked at every minute */
    (void)inotify_add_watch(fd, path, IN_CLOSE_WRITE | IN_MOVE | IN_CREATE | IN_DELETE);
}

static void watch_path(void *arg, const char *path)
{
    const int *fd = arg;
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        watch_directory(*fd, path);
    int length = slash == path ? 1 : slash ? (int)(slash - path) : 0;
    if (snprintf(directory, sizeof(directory), "%.*s", length, path) < (int)sizeof(directory))
        watch_directory(*fd, slash ? directory : ".");
}

static void watch_included(int fd, const struct policy_files *files)
{
    for (size_t i = files ? files->own_count : 0; files && i < files->count; i++)
        watch_path(&fd, files->items[i].name);
}

int watch_open(const struct config *config, const struct policy_files *policy,
               const struct policy_files *candidate)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        return fd;
    watch_each_path(config, watch_path, &fd);
    watch_included(fd, policy);
    watch_included(fd, candidate);
    return fd;
}

void watch_drain(int fd)
{
    char events[4096];
    while (read(fd, events, sizeof(events)) > 0)
        ;
}
