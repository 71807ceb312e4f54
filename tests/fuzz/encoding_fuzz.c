/* message_decode: a text, or a fault inside it. */
#include <assert.h>

#include "base/utf8.h"
#include "campaign/encoding.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct str text = {(const char *)data, size}, decoded = {0};
    size_t offset = 0;
    arena_init(&arena, 1 << 20);
    enum message_fault fault = message_decode(text, &arena, &decoded, &offset);
    assert(offset <= size);
    assert((fault == MESSAGE_OK) == (decoded.len > 0));
    assert(utf8_invalid_at(decoded) == decoded.len);
    arena_release(&arena);
    return 0;
}
