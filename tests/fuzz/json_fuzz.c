/* json_scan, json_read: what the scan accepts, cJSON builds; a fault lies at the first bad byte. */
#include <assert.h>

#include "base/json_read.h"
#include "base/limits.h"
#include "fuzz.h"

/* Everything before the first bad byte could still become JSON, so it is at worst incomplete. */
static void check_prefix(struct str text, size_t offset, struct arena *arena)
{
    struct json_fault fault;
    if (!json_scan(str_slice(text, 0, offset), arena, &fault))
        assert(fault.kind == JSON_TRUNCATED || fault.kind == JSON_EMPTY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct arena arena;
    struct json_fault scanned, read;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    bool fine = json_scan(text, &arena, &scanned);
    assert(fine == (scanned.kind == JSON_OK));
    assert(scanned.offset <= size);
    assert((json_read(text, &arena, &read) != NULL) == fine);
    assert(read.kind == scanned.kind && read.offset == scanned.offset);
    if (!fine && scanned.kind != JSON_BYTE_ORDER_MARK)
        check_prefix(text, scanned.offset, &arena);
    arena_release(&arena);
    return 0;
}
