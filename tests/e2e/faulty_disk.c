/*
 * A disk that does what a test says: preloaded into the gateway, it makes calls on files below a
 * directory fail, or hang.
 *
 *     LD_PRELOAD=faulty_disk.so FAULTY_DISK=FILE campaign-gateway run …
 *
 * FILE is opened at start, before the sandbox would refuse it, and read at each call; it is
 * rewritten in place. No file, no faults. A line of it is "CALL EFFECT PREFIX":
 *
 *     CALL     pwrite, fdatasync, fsync, ftruncate, fallocate, unlinkat, mkdirat, create (openat
 *              that may make a file), or any
 *     EFFECT   EIO, ENOSPC, EROFS: fails so
 *              hang: waits until FILE says otherwise, and is then done
 *              short: writes at most 100 bytes at once
 *              tear: writes the first half, and fails with EIO
 *              lie: does nothing, and says that all went well
 *     PREFIX   of the file's path
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *name;
    int number;
} errors[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EROFS", EROFS}};

static int control_fd = -1;

/* The file's own calls go to the kernel directly: those below are defined here. */
__attribute__((constructor)) static void open_control(void)
{
    const char *path = getenv("FAULTY_DISK");
    if (path)
        control_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
}

static size_t read_control(char *text, size_t size)
{
    long got = syscall(SYS_pread64, control_fd, text, size - 1, 0L);
    return got > 0 ? (size_t)got : 0;
}

static bool is_below(const char *path, const char *prefix)
{
    return strncmp(path, prefix, strlen(prefix)) == 0;
}

/* What FILE says of this call; false: nothing. */
static bool find_effect(const char *call, const char *path, char effect[16])
{
    char text[4096], word[16], prefix[1024];
    text[read_control(text, sizeof(text))] = '\0';
    for (char *line = text, *next; *line; line = next) {
        next = strchr(line, '\n');
        next = next ? next + 1 : line + strlen(line);
        if (sscanf(line, "%15s %15s %1023s", word, effect, prefix) == 3 &&
            (strcmp(word, call) == 0 || strcmp(word, "any") == 0) && is_below(path, prefix))
            return true;
    }
    return false;
}

enum action { ACTION_DO, ACTION_FAIL, ACTION_SHORT, ACTION_TEAR, ACTION_LIE };

/* Waits as long as the call is to hang. ACTION_FAIL: errno is set. */
static enum action act(const char *call, const char *path)
{
    char effect[16];
    while (find_effect(call, path, effect)) {
        if (strcmp(effect, "short") == 0)
            return ACTION_SHORT;
        if (strcmp(effect, "tear") == 0)
            return ACTION_TEAR;
        if (strcmp(effect, "lie") == 0)
            return ACTION_LIE;
        for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
            if (strcmp(effect, errors[i].name) == 0) {
                errno = errors[i].number;
                return ACTION_FAIL;
            }
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* hang */
    }
    return ACTION_DO;
}

static enum action act_on(const char *call, int fd)
{
    char link[64], path[4096];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof(path) - 1);
    path[length > 0 ? length : 0] = '\0';
    return act(call, path);
}

static enum action act_at(const char *call, int fd, const char *name)
{
    char link[64], path[8192];
    long length = 0;
    if (name[0] != '/') {
        (void)snprintf(link, sizeof(link), fd == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d",
                       fd);
        length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof(path) / 2);
        length = length > 0 ? length : 0;
    }
    (void)snprintf(path + length, sizeof(path) - (size_t)length, "%s%s", length ? "/" : "", name);
    return act(call, path);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    enum action action = act_on("pwrite", fd);
    if (action == ACTION_FAIL)
        return -1;
    if (action == ACTION_LIE)
        return (ssize_t)size;
    if (action == ACTION_SHORT && size > 100)
        size = 100;
    long done = syscall(SYS_pwrite64, fd, data, action == ACTION_TEAR ? size / 2 : size, offset);
    if (action != ACTION_TEAR)
        return done;
    errno = EIO;
    return -1;
}

int fdatasync(int fd)
{
    enum action action = act_on("fdatasync", fd);
    return action == ACTION_FAIL ? -1 : action == ACTION_LIE ? 0 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    enum action action = act_on("fsync", fd);
    return action == ACTION_FAIL ? -1 : action == ACTION_LIE ? 0 : (int)syscall(SYS_fsync, fd);
}

int ftruncate(int fd, off_t size)
{
    return act_on("ftruncate", fd) == ACTION_FAIL ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
    return act_on("fallocate", fd) == ACTION_FAIL
               ? -1
               : (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

int unlinkat(int fd, const char *name, int flags)
{
    return act_at("unlinkat", fd, name) == ACTION_FAIL
               ? -1
               : (int)syscall(SYS_unlinkat, fd, name, flags);
}

int mkdirat(int fd, const char *name, mode_t mode)
{
    return act_at("mkdirat", fd, name) == ACTION_FAIL ? -1
                                                      : (int)syscall(SYS_mkdirat, fd, name, mode);
}

int openat(int fd, const char *name, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
        if (act_at("create", fd, name) == ACTION_FAIL)
            return -1;
    }
    return (int)syscall(SYS_openat, fd, name, flags, mode);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset)
    __attribute__((alias("pwrite")));
int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));
int fallocate64(int fd, int mode, off_t offset, off_t size) __attribute__((alias("fallocate")));
int openat64(int fd, const char *name, int flags, ...) __attribute__((alias("openat")));
