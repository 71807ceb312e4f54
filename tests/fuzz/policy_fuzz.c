/* yaml_read, policy_compile: a set, or a sentence that names the file. */
#include <assert.h>

#include "fuzz.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct error err = {""};
    struct policy_source source = {"p.yaml", {(const char *)data, size}};
    arena_init(&arena, 16 << 20);
    if (!policy_compile(&source, 1, &arena, &err))
        assert(str_starts(str_from(err.text), STR("p.yaml")) || strstr(err.text, "memory"));
    arena_release(&arena);
    return 0;
}
