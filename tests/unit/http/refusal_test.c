/* The table of noes says what product and RFC 9457 ask of it. */
#include "http/refusal.h"

#include "base/compiler.h"
#include "http/message.h"
#include "test.h"

static const enum refusal_kind kinds[] = {
#define REFUSAL(name, status, type, code, detail) REFUSAL_##name,
#include "http/refusals.def"
#undef REFUSAL
};

TEST(every_row_is_complete)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct refusal refusal = refusal_of(kinds[i]);
        assert_true(refusal.status >= 400 && refusal.status <= 599);
        assert_string_not_equal(http_reason(refusal.status), "Unknown");
        assert_true(strlen(refusal.type) > 0 && strlen(refusal.detail) > 0);
        assert_string_not_equal(refusal_title(&refusal), "The request is not accepted");
        assert_true(refusal.code || strcmp(refusal.type, "policy") == 0 ||
                    strcmp(refusal.type, "contract") == 0);
    }
}

TEST(only_failures_of_ours_and_upstreams_are_failures)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct refusal refusal = refusal_of(kinds[i]);
        assert_int_equal(refusal_is_failure(&refusal), refusal.status >= 500);
    }
    struct refusal version = {505, "http-version", "version", "x"};
    assert_false(refusal_is_failure(&version));
    assert_string_equal(refusal_title(&version), "The request is not accepted");
}

TEST(a_row_can_speak_in_other_words)
{
    struct refusal refusal = refusal_because(REFUSAL_CONTENT, "c", "because");
    assert_int_equal(refusal.status, 415);
    assert_string_equal(refusal.code, "c");
    assert_string_equal(refusal.detail, "because");
    assert_string_equal(refusal_of(REFUSAL_CONTENT).code, "content-type");
    assert_int_equal(refusal_of(REFUSAL_NONE).status, 0);
}

TESTS(UNIT(every_row_is_complete), UNIT(only_failures_of_ours_and_upstreams_are_failures),
      UNIT(a_row_can_speak_in_other_words))
