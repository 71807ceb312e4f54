#include "cli/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct output {
    char path[4096], directory[4096];
    char partial[4096 + 32]; /* its name for now; empty: it has none */
    int fd;
    bool force;
};

static bool fail(const struct output *output, const char *what, struct error *err)
{
    return error_set(err, "cannot %s '%s': %s", what, output->path, strerrordesc_np(errno));
}

static void name_partial(struct output *output)
{
    (void)snprintf(output->partial, sizeof(output->partial), "%s.partial-%ld", output->path,
                   (long)getpid());
}

static bool make(struct output *output, struct error *err)
{
    output->fd = open(output->directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (output->fd >= 0)
        return true;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        return fail(output, "make", err);
    name_partial(output);
    output->fd = open(output->partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (output->fd >= 0)
        return true;
    output->partial[0] = '\0';
    return fail(output, "make", err);
}

struct output *output_open(const char *path, bool force, struct error *err)
{
    struct output *output = calloc(1, sizeof(*output));
    char copy[4096];
    if (!output || strlen(path) >= sizeof(copy)) {
        (void)error_set(err, output ? "the name is too long" : "out of memory");
        free(output);
        return NULL;
    }
    output->fd = -1;
    output->force = force;
    (void)snprintf(output->path, sizeof(output->path), "%s", path);
    (void)snprintf(copy, sizeof(copy), "%s", path);
    (void)snprintf(output->directory, sizeof(output->directory), "%s", dirname(copy));
    if (!force && faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        (void)error_set(err, "'%s' is there already; --force replaces it", path);
    else if (make(output, err))
        return output;
    output_close(output);
    return NULL;
}

bool output_write(struct output *output, struct str bytes, struct error *err)
{
    for (size_t done = 0; done < bytes.len;) {
        ssize_t written = write(output->fd, bytes.data + done, bytes.len - done);
        if (written < 0 && errno != EINTR)
            return fail(output, "write", err);
        done += written > 0 ? (size_t)written : 0;
    }
    return true;
}

/* Gives what has no name one that is not taken yet. */
static bool give_name(const struct output *output, const char *name)
{
    char self[64];
    (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", output->fd);
    return output->partial[0] ? link(output->partial, name) == 0
                              : linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
}

/* A name that is taken is given by way of another one: that replaces it in one step. */
static bool replace(struct output *output)
{
    if (!output->partial[0]) {
        struct output unnamed = *output;
        name_partial(output);
        if (!give_name(&unnamed, output->partial)) {
            output->partial[0] = '\0';
            return false;
        }
    }
    if (rename(output->partial, output->path) != 0)
        return false;
    output->partial[0] = '\0';
    return true;
}

static bool sync_directory(const struct output *output)
{
    int fd = open(output->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool fine = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return fine;
}

bool output_commit(struct output *output, struct error *err)
{
    if (fsync(output->fd) != 0)
        return fail(output, "write", err);
    bool named = output->force ? replace(output) : give_name(output, output->path);
    if (!named && errno == EEXIST)
        return error_set(err, "'%s' is there already; --force replaces it", output->path);
    return (named && sync_directory(output)) || fail(output, "name", err);
}

void output_close(struct output *output)
{
    if (!output)
        return;
    if (output->fd >= 0)
        close(output->fd);
    if (output->partial[0])
        (void)unlink(output->partial);
    free(output);
}
