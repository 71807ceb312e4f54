/*
 * Reads texts (4 bytes of length, little-endian, then the text) and prints one line for each: the
 * verdict's code and the offset of the first bad byte. Scan and tree must agree.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_read.h"
#include "base/limits.h"

static bool print_verdict(struct str text, struct arena *arena)
{
    struct json_fault scanned, read;
    bool fine = json_scan(text, arena, &scanned);
    bool built = json_read(text, arena, &read) != NULL;
    printf("%s %zu\n", fine ? "fine" : json_fault_code(scanned.kind), scanned.offset);
    return fine == built && scanned.kind == read.kind && scanned.offset == read.offset;
}

int main(void)
{
    uint8_t size[4];
    struct arena arena;
    bool agreed = true;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    while (agreed && fread(size, 1, sizeof(size), stdin) == sizeof(size)) {
        size_t len = size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16 | (size_t)size[3] << 24;
        char *text = malloc(len ? len : 1); /* exact size: overreads show under ASan */
        if (!text || fread(text, 1, len, stdin) != len)
            return 1;
        agreed = print_verdict((struct str){text, len}, &arena);
        free(text);
        arena_reset(&arena);
    }
    arena_release(&arena);
    return agreed ? 0 : 1;
}
