#include "audit/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Room is reserved so much ahead of what is written: a full disk shows here first, while there is
 * still room for what is under way. */
#define RESERVE_BYTES (4UL * 1024 * 1024)

static bool write_fully(int fd, struct str bytes, uint64_t offset)
{
    size_t done = 0;
    while (done < bytes.len) {
        ssize_t wrote = pwrite(fd, bytes.data + done, bytes.len - done, (off_t)(offset + done));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            errno = wrote < 0 ? errno : EIO;
            return false;
        }
        done += (size_t)wrote;
    }
    return true;
}

/* Says what could not be done with a file; errno says why. False. */
static bool failed(struct writer *writer, const char *what, size_t directory, const char *name)
{
    return error_set(&writer->why, "cannot %s '%s/%s': %s", what,
                     writer->directories[directory].path, name, strerrordesc_np(errno));
}

static void leave(struct writer *writer)
{
    if (writer->fd >= 0)
        close(writer->fd);
    writer->fd = -1;
    writer->bytes = writer->reserved = 0;
}

/* A file without any durable record must go: the next segment has its name, and would not count
 * beside one in a later directory. */
static bool remove_remains(struct writer *writer, size_t directory)
{
    for (size_t i = directory; i < writer->directory_count; i++) {
        struct writer_directory *place = &writer->directories[i];
        if (!place->remains[0])
            continue;
        if (unlinkat(place->fd, place->remains, 0) != 0 && errno != ENOENT)
            return failed(writer, "remove what a failed write left in", i, place->remains);
        place->remains[0] = '\0';
    }
    return true;
}

static bool is_same(const struct stat *one, const struct stat *other)
{
    return one->st_ino == other->st_ino && one->st_dev == other->st_dev;
}

/* Whether the path leads to the directory that is open, and not to another in its place. */
static bool has_directory(struct writer *writer, size_t directory)
{
    struct stat open_one, named;
    const char *path = writer->directories[directory].path;
    return (fstat(writer->directories[directory].fd, &open_one) == 0 && stat(path, &named) == 0 &&
            is_same(&open_one, &named)) ||
           error_set(&writer->why,
                     "the directory '%s' was taken away, or another is in its place: bring it "
                     "back, or start the gateway anew",
                     path);
}

/* Writing on into a file that was deleted or replaced, itself or with its directory, would feed an
 * inode nobody finds again. */
static bool is_in_place(struct writer *writer)
{
    struct stat open_one, named;
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", writer->directories[writer->directory].path,
                   writer->name);
    return (fstat(writer->fd, &open_one) == 0 && lstat(path, &named) == 0 &&
            is_same(&open_one, &named)) ||
           error_set(&writer->why, "'%s' was taken away, or another file has its name", path);
}

bool writer_begin(struct writer *writer, size_t directory, uint64_t first_seq)
{
    int directory_fd = writer->directories[directory].fd;
    leave(writer);
    if (!has_directory(writer, directory) || !remove_remains(writer, directory))
        return false;
    segment_name(first_seq, writer->name);
    int fd = openat(directory_fd, writer->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(writer, "make", directory, writer->name);
    writer->fd = fd;
    writer->directory = directory;
    if (fsync(directory_fd) == 0) /* the name must survive a power cut, too */
        return true;
    (void)failed(writer, "sync the directory of", directory, writer->name);
    writer_abandon(writer);
    return false;
}

/* The file keeps its size, so that whoever reads it sees records only. */
static void reserve(struct writer *writer, uint64_t end)
{
    if (end <= writer->reserved || writer->cannot_reserve)
        return;
    uint64_t most = writer->segment_bytes > end ? writer->segment_bytes : end;
    uint64_t wanted = end + RESERVE_BYTES < most ? end + RESERVE_BYTES : most;
    int failed = fallocate(writer->fd, FALLOC_FL_KEEP_SIZE, (off_t)writer->bytes,
                           (off_t)(wanted - writer->bytes));
    if (!failed)
        writer->reserved = wanted;
    writer->space_is_low = failed && (errno == ENOSPC || errno == EDQUOT);
    writer->cannot_reserve = failed && (errno == EOPNOTSUPP || errno == ENOSYS);
}

bool writer_append(struct writer *writer, struct str bytes)
{
    if (!is_in_place(writer))
        return false;
    reserve(writer, writer->bytes + bytes.len);
    if (!write_fully(writer->fd, bytes, writer->bytes))
        return failed(writer, "write", writer->directory, writer->name);
    if (fdatasync(writer->fd) != 0)
        return failed(writer, "sync", writer->directory, writer->name);
    writer->bytes += bytes.len;
    return true;
}

void writer_abandon(struct writer *writer)
{
    if (writer->fd < 0)
        return;
    /* If the cut fails, the next segment's first number says where this one ends; reader.c. */
    (void)!ftruncate(writer->fd, (off_t)writer->bytes);
    struct writer_directory *place = &writer->directories[writer->directory];
    if (writer->bytes == 0 && unlinkat(place->fd, writer->name, 0) != 0)
        memcpy(place->remains, writer->name, sizeof(place->remains));
    leave(writer);
}

void writer_finish(struct writer *writer)
{
    if (writer->fd < 0)
        return;
    /* None of this is needed for what is durable already, so none of it can fail it. */
    (void)!ftruncate(writer->fd, (off_t)writer->bytes);
    (void)fchmod(writer->fd, 0400);
    (void)fsync(writer->fd);
    leave(writer);
}

void writer_mark(struct writer *writer, uint64_t seq)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%020llu\n", (unsigned long long)seq);
    for (size_t i = 0; i < writer->directory_count; i++) /* without it, readers only see less */
        (void)!pwrite(writer->directories[i].durable_fd, text, (size_t)length, 0);
}

/* ---- attachments ---- */

/* The directory that holds this name. */
static bool sync_parent(int root_fd, const char *name)
{
    char path[256];
    const char *slash = strrchr(name, '/');
    if (!slash)
        return fsync(root_fd) == 0;
    (void)snprintf(path, sizeof(path), "%.*s", (int)(slash - name), name);
    int fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return synced;
}

/* Makes each directory of the path; its name is durable, too. */
static bool make_directories(int root_fd, const char *name)
{
    char path[256];
    size_t length = strlen(name);
    for (size_t i = 0; i < length && i < sizeof(path); i++) {
        path[i] = name[i];
        if (name[i] != '/')
            continue;
        path[i] = '\0';
        if (mkdirat(root_fd, path, 0700) == 0) {
            if (!sync_parent(root_fd, path))
                return false;
        } else if (errno != EEXIST) {
            return false;
        }
        path[i] = '/';
    }
    return length < sizeof(path);
}

bool writer_attach(struct writer *writer, size_t directory, const char *name, struct str bytes)
{
    int root_fd = writer->directories[directory].fd;
    if (!make_directories(root_fd, name))
        return failed(writer, "make the directories of", directory, name);
    int fd = openat(root_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(writer, "make", directory, name);
    if (write_fully(fd, bytes, 0) && fdatasync(fd) == 0 && sync_parent(root_fd, name)) {
        close(fd);
        return true;
    }
    (void)failed(writer, "write", directory, name);
    close(fd);
    writer_detach(writer, directory, name);
    return false;
}

void writer_detach(const struct writer *writer, size_t directory, const char *name)
{
    (void)unlinkat(writer->directories[directory].fd, name, 0);
}
