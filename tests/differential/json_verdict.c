/* Reads texts (4 bytes of length, little-endian, then the text) and prints each one's verdict. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_read.h"
#include "base/limits.h"

int main(void)
{
    uint8_t size[4];
    struct arena arena;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    while (fread(size, 1, sizeof(size), stdin) == sizeof(size)) {
        size_t len = size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16 | (size_t)size[3] << 24;
        char *text = malloc(len ? len : 1);
        struct json_fault fault;
        if (!text || fread(text, 1, len, stdin) != len)
            return 1;
        bool fine = json_read((struct str){text, len}, &arena, &fault) != NULL;
        printf("%s\n", fine ? "fine" : json_fault_code(fault.kind));
        free(text);
        arena_reset(&arena);
    }
    arena_release(&arena);
    return 0;
}
