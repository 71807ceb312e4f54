#include "cli/captured_bodies.h"

#include "audit/capture.h"
#include "audit/digest.h"
#include "base/limits.h"
#include "config.h"

/* captures/2026-11-28/ID.cms, and nothing that leads out of the journal's directory. */
static bool is_capture(struct str file)
{
    if (!str_starts(file, STR("captures/")) || !str_ends(file, STR(".cms")))
        return false;
    for (size_t i = 0; i + 1 < file.len; i++) {
        if (file.data[i] == '.' && file.data[i + 1] == '.')
            return false;
    }
    return str_find(file, '\0') == file.len;
}

static bool read_sealed(const struct captured_bodies *bodies,
                        const struct recorded_decision *decision, struct arena *arena,
                        struct str *ret)
{
    for (size_t i = 0; i < bodies->directory_count; i++) {
        struct error ignored;
        char digest[DIGEST_HEX_SIZE];
        struct str path =
            arena_format(arena, "%s/%.*s", bodies->directories[i], STR_ARGS(decision->capture));
        if (path.data &&
            config_read_file(path.data, LIMIT_BODY_CONFIGURABLE + CAPTURE_OVERHEAD_BYTES, arena,
                             ret, &ignored) &&
            digest_hex(*ret, digest) && str_equal(str_from(digest), decision->capture_sha))
            return true;
    }
    return false;
}

bool captured_body_open(void *captured_bodies, const struct recorded_decision *decision,
                        struct arena *arena, struct str *ret)
{
    const struct captured_bodies *bodies = captured_bodies;
    struct str sealed;
    struct buf body;
    if (!is_capture(decision->capture) || !read_sealed(bodies, decision, arena, &sealed))
        return false;
    buf_init(&body, LIMIT_BODY_CONFIGURABLE);
    bool fine = capture_open(bodies->key, sealed, &body);
    struct str copy = fine ? arena_copy(arena, buf_str(&body)) : (struct str){0};
    buf_release(&body);
    if (copy.data)
        *ret = copy;
    return copy.data != NULL;
}
