#include "audit/capture_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/digest.h"
#include "base/buf.h"

/* The name is the journal's word, and a journal may be anybody's: it must stay below captures/. */
static bool is_safe(struct str file)
{
    struct str part, rest = file;
    if (!str_starts(file, STR("captures/")) || file.len > 255 ||
        memchr(file.data, '\0', file.len) || file.data[file.len - 1] == '/')
        return false;
    while (rest.len > 0) {
        (void)str_cut(rest, '/', &part, &rest);
        if (part.len == 0 || part.data[0] == '.')
            return false;
    }
    return true;
}

static bool read_whole(int fd, struct buf *out)
{
    struct stat file;
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || file.st_size < 0 ||
        !buf_reserve(out, (size_t)file.st_size + 1))
        return false;
    for (;;) {
        ssize_t got = read(fd, out->data + out->len, out->capacity - out->len);
        if (got <= 0)
            return got == 0;
        out->len += (size_t)got;
        if (!buf_reserve(out, 1))
            return false;
    }
}

static enum capture_state check_file(int fd, struct str sha256)
{
    char hex[DIGEST_HEX_SIZE];
    struct buf bytes;
    buf_init(&bytes, LIMIT_CAPTURE_BYTES);
    enum capture_state state = CAPTURE_UNREADABLE;
    if (read_whole(fd, &bytes) && digest_hex(buf_str(&bytes), hex))
        state = str_equal(sha256, str_from(hex)) ? CAPTURE_FINE : CAPTURE_ALTERED;
    buf_release(&bytes);
    return state;
}

enum capture_state capture_check(const char *const *directories, size_t directory_count,
                                 struct str file, struct str sha256)
{
    char path[4096];
    if (!is_safe(file))
        return CAPTURE_UNREADABLE;
    for (size_t i = 0; i < directory_count; i++) {
        (void)snprintf(path, sizeof(path), "%s/%.*s", directories[i], STR_ARGS(file));
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && errno == ENOENT)
            continue;
        if (fd < 0)
            return CAPTURE_UNREADABLE;
        enum capture_state state = check_file(fd, sha256);
        close(fd);
        return state;
    }
    return directory_count > 0 ? CAPTURE_MISSING : CAPTURE_NOT_ASKED;
}
