/* json_scan, json_read: what the scan accepts, cJSON builds; faults lie inside the text. */
#include <assert.h>

#include "base/json_read.h"
#include "base/limits.h"
#include "fuzz.h"

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
    arena_release(&arena);
    return 0;
}
