/* Buffers: they grow up to their maximum, and what did not fit is not forgotten. */
#include "base/buf.h"

#include "test.h"

static struct buf buf;

static int release(void **state)
{
    (void)state;
    buf_release(&buf);
    return 0;
}

TEST(a_buffer_grows_byte_by_byte_up_to_its_maximum)
{
    buf_init(&buf, 5000);
    for (int i = 0; i < 5000; i++)
        assert_true(buf_append_byte(&buf, (char)i));
    assert_int_equal(buf.len, 5000);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(buf.data[i], (char)i);
    assert_false(buf_append_byte(&buf, 'x'));
    assert_int_equal(buf.len, 5000);
}

TEST(a_failure_sticks_until_the_buffer_is_emptied)
{
    buf_init(&buf, 4);
    assert_false(buf_append(&buf, STR("abcde")));
    assert_true(buf.failed);
    assert_false(buf_append(&buf, STR("a")));
    assert_false(buf_reserve(&buf, 0));
    assert_false(buf_format(&buf, "%d", 1));
    assert_int_equal(buf.len, 0);
    buf_clear(&buf);
    assert_true(buf_append(&buf, STR("abcd")));
}

TEST(formatted_text_fits_or_leaves_nothing)
{
    buf_init(&buf, 400);
    assert_true(buf_format(&buf, "%0300d", 7));
    assert_int_equal(buf.len, 300);
    assert_int_equal(buf.data[299], '7');
    assert_false(buf_format(&buf, "%0300d", 7)); /* longer than what is formatted on the stack */
    assert_true(buf.failed);
    assert_int_equal(buf.len, 300);
    buf_clear(&buf);
    buf.len = 300;
    assert_false(buf_format(&buf, "%0200d", 7));
    assert_true(buf.failed);
}

TEST(a_reservation_over_the_maximum_fails_however_large)
{
    buf_init(&buf, 100);
    assert_true(buf_append(&buf, STR("abc")));
    assert_false(buf_reserve(&buf, SIZE_MAX));
    buf_clear(&buf);
    assert_true(buf_reserve(&buf, 100));
    assert_false(buf_reserve(&buf, 101));
}

TEST(bytes_are_consumed_from_the_front)
{
    buf_init(&buf, 100);
    assert_true(buf_append(&buf, STR("abcdef")));
    buf_consume(&buf, 0);
    EXPECT_STR(buf_str(&buf), "abcdef");
    buf_consume(&buf, 2);
    EXPECT_STR(buf_str(&buf), "cdef");
    buf_consume(&buf, 99); /* more than there is: all of it */
    assert_int_equal(buf.len, 0);
    buf_consume(&buf, 1);
    assert_int_equal(buf.len, 0);
}

TEST(a_released_buffer_may_be_used_again)
{
    buf_init(&buf, 10);
    assert_true(buf_append(&buf, STR("a")));
    buf_release(&buf);
    assert_null(buf.data);
    assert_true(buf_append(&buf, STR("0123456789")));
    assert_false(buf_append_byte(&buf, 'x')); /* the maximum is still known */
}

#define STORY(name) cmocka_unit_test_teardown(name, release)

TESTS(STORY(a_buffer_grows_byte_by_byte_up_to_its_maximum),
      STORY(a_failure_sticks_until_the_buffer_is_emptied),
      STORY(formatted_text_fits_or_leaves_nothing),
      STORY(a_reservation_over_the_maximum_fails_however_large),
      STORY(bytes_are_consumed_from_the_front), STORY(a_released_buffer_may_be_used_again))
