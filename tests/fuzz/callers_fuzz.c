/* callers_compile, callers_find: any text is callers or a sentence; what is found was written. */
#include <assert.h>

#include "fuzz.h"
#include "identity/callers.h"

static const struct caller_evidence evidences[] = {
    {true, STR("uri:spiffe://e/billing\n"), NULL, 0},
    {true, STR("dns:a\ncn:b\n"), NULL, 0},
    {false, STR(""), (const uint8_t *)"0123456789abcdef0123456789abcdef", 0},
    {true, STR("cn:a\n"),
     (const uint8_t *)"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
     1795564800000},
};

static void check_caller(enum caller_answer answer, const struct caller *caller)
{
    bool known = answer == CALLER_KNOWN;
    assert(known == (caller->team.len > 0));
    assert(!known || str_equal(caller->team, STR("billing")) ||
           str_equal(caller->team, STR("sales")));
    assert(!known || caller->name.len > 0);
}

static void check_sentence(const struct error *err)
{
    assert(str_starts(str_from(err->text), STR("callers.yaml:")));
    for (const char *c = err->text; *c; c++)
        assert((unsigned char)*c >= ' ' && *c != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct strset teams;
    struct error err = {""};
    arena_init(&arena, 4 << 20);
    assert(strset_init(&teams, &arena, 2));
    assert(strset_add(&teams, STR("billing"), "") == STRSET_ADDED);
    assert(strset_add(&teams, STR("sales"), "") == STRSET_ADDED);
    const struct callers *callers = callers_compile(
        "callers.yaml", (struct str){(const char *)data, size}, &teams, &arena, &err);
    if (!callers)
        check_sentence(&err);
    for (size_t i = 0; callers && i < COUNT_OF(evidences); i++) {
        struct caller caller;
        enum caller_answer answer = callers_find(callers, &evidences[i], &caller);
        check_caller(answer, &caller);
    }
    arena_release(&arena);
    return 0;
}
