#include "cli/audit_export_check.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/manifest.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "config.h"
#include "policy/page.h"

static int complain(const struct error *err, int exit_code)
{
    (void)fprintf(stderr, "campaign-gateway audit export: %s\n", err->text);
    return exit_code;
}

/* Beside the manifest; never elsewhere, whatever it says. */
static const char *path_beside(const char *manifest_path, struct str file, struct arena *arena,
                               struct error *err)
{
    char copy[4096];
    (void)snprintf(copy, sizeof(copy), "%s", manifest_path);
    if (str_find(file, '/') < file.len) {
        (void)error_set(err, "the manifest names a file in another directory: name it with "
                             "--output FILE");
        return NULL;
    }
    struct str path = arena_format(arena, "%s/%.*s", dirname(copy), STR_ARGS(file));
    if (!path.data)
        (void)error_set(err, "out of memory");
    return path.data;
}

static bool read_file(int fd, struct digest_stream *digest, uint64_t *ret_bytes)
{
    static char piece[256 * 1024];
    for (*ret_bytes = 0;;) {
        ssize_t got = read(fd, piece, sizeof(piece));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        *ret_bytes += (uint64_t)got;
        if (!digest_stream_add(digest, (struct str){piece, (size_t)got}))
            return false;
    }
}

static bool hash_file(const char *path, char hex[DIGEST_HEX_SIZE], uint64_t *ret_bytes,
                      struct error *err)
{
    uint8_t digest[DIGEST_BYTES];
    struct digest_stream *stream = digest_stream_new();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool fine =
        stream && fd >= 0 && read_file(fd, stream, ret_bytes) && digest_stream_end(stream, digest);
    if (fine)
        digest_to_hex(digest, hex);
    else
        (void)error_set(err, "cannot read '%s': %s", path, strerrordesc_np(errno));
    if (fd >= 0)
        close(fd);
    digest_stream_free(stream);
    return fine;
}

static bool is_same(const struct manifest *manifest, const char *hex, uint64_t bytes,
                    const char *path, struct error *err)
{
    if (bytes != manifest->bytes)
        return error_set(err, "'%s' IS NOT WHAT WAS EXPORTED: it has %llu bytes, not %llu", path,
                         (unsigned long long)bytes, (unsigned long long)manifest->bytes);
    return strcmp(hex, manifest->sha256) == 0 ||
           error_set(err, "'%s' IS NOT WHAT WAS EXPORTED: its SHA-256 is %s, not %s", path, hex,
                     manifest->sha256);
}

static int tell(const struct manifest *manifest, const char *path)
{
    char time[CLOCK_UTC_SIZE];
    struct buf out;
    buf_init(&out, LIMIT_REPORT_BYTES);
    clock_format_utc(manifest->time_unix_ms, time);
    page_show(str_from(path), &out);
    buf_format(&out, ": as it was exported, %llu %s (%.*s), %s\nsigned by ",
               (unsigned long long)manifest->rows, manifest->rows == 1 ? "row" : "rows",
               STR_ARGS(manifest->file_format), time);
    page_show(manifest->signer, &out);
    buf_append_byte(&out, '\n');
    return print_answer(&out) ? EXIT_FINE : EXIT_USAGE;
}

int export_check(const char *manifest_path, const char *file, struct audit_pins *pins,
                 struct arena *arena)
{
    struct error err;
    struct manifest manifest;
    struct str note;
    char hex[DIGEST_HEX_SIZE];
    uint64_t bytes;
    if (!audit_pins_read(pins, arena, "audit export"))
        return EXIT_USAGE;
    if (pins->keys.count == 0) {
        (void)error_set(&err, "--check needs the keys to believe: --keys FILE or --key FILE, as "
                              "`campaign-gateway audit key show` prints them");
        return complain(&err, EXIT_USAGE);
    }
    if (!config_read_file(manifest_path, LIMIT_MANIFEST_BYTES, arena, &note, &err))
        return complain(&err, EXIT_USAGE);
    if (!manifest_read(note, arena, &manifest, &err) ||
        !manifest_is_signed(note, &manifest, &pins->keys, &err))
        return complain(&err, EXIT_FINDINGS);
    if (!file && !(file = path_beside(manifest_path, manifest.file, arena, &err)))
        return complain(&err, EXIT_USAGE);
    if (!hash_file(file, hex, &bytes, &err))
        return complain(&err, EXIT_USAGE);
    if (!is_same(&manifest, hex, bytes, file, &err))
        return complain(&err, EXIT_FINDINGS);
    return tell(&manifest, file);
}
