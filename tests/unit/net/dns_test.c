#include "net/dns.h"

#include <arpa/inet.h>

#include "base/buf.h"
#include "test.h"

/* ---- messages, written by hand ---- */

static void put16(struct buf *out, unsigned value)
{
    const char bytes[] = {(char)(value >> 8), (char)value};
    buf_append(out, (struct str){bytes, sizeof(bytes)});
}

static void put_name(struct buf *out, const char *name)
{
    struct str rest = str_from(name), label;
    while (rest.len) {
        (void)str_cut(rest, '.', &label, &rest);
        const char length = (char)label.len;
        buf_append(out, (struct str){&length, 1});
        buf_append(out, label);
    }
    buf_append(out, (struct str){"", 1});
}

static void begin(struct buf *out, unsigned code, unsigned answers)
{
    buf_init(out, 65535);
    put16(out, 7);
    put16(out, 0x8180 | code);
    put16(out, 1);
    put16(out, answers);
    put16(out, 0);
    put16(out, 0);
    put_name(out, "api.test");
    put16(out, 1);
    put16(out, 1);
}

static void put_record(struct buf *out, const char *name, unsigned type, unsigned ttl_s,
                       struct str data)
{
    put_name(out, name);
    put16(out, type);
    put16(out, 1);
    put16(out, ttl_s >> 16);
    put16(out, ttl_s & 0xffff);
    put16(out, (unsigned)data.len);
    buf_append(out, data);
}

static void put_a(struct buf *out, const char *name, unsigned ttl_s, const char *address)
{
    struct in_addr bytes;
    assert_int_equal(inet_pton(AF_INET, address, &bytes), 1);
    put_record(out, name, 1, ttl_s, (struct str){(const char *)&bytes, sizeof(bytes)});
}

static void put_cname(struct buf *out, const char *name, unsigned ttl_s, const char *target)
{
    struct buf wire;
    buf_init(&wire, 300);
    put_name(&wire, target);
    put_record(out, name, 5, ttl_s, buf_str(&wire));
    buf_release(&wire);
}

struct reading {
    bool fine;
    char name[DNS_NAME_SIZE];
    struct resolved resolved;
};

static struct reading read_and_release(struct buf *message)
{
    struct reading r = {.name = "api.test", .resolved = {.ttl_s = UINT32_MAX}};
    r.fine = dns_read_answer((const unsigned char *)message->data, message->len, 443, r.name,
                             &r.resolved);
    buf_release(message);
    return r;
}

static void expect_v4(const struct resolved *resolved, size_t i, const char *address)
{
    char text[INET_ADDRSTRLEN];
    const struct sockaddr_in *v4 = (const void *)&resolved->items[i].address;
    assert_true(i < resolved->count);
    assert_int_equal(v4->sin_family, AF_INET);
    assert_int_equal(ntohs(v4->sin_port), 443);
    assert_string_equal(inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text)), address);
}

/* ---- what is read ---- */

TEST(addresses_and_the_least_ttl)
{
    struct buf message;
    begin(&message, 0, 3);
    put_a(&message, "API.test", 300, "192.0.2.1");
    put_a(&message, "api.test", 60, "192.0.2.2");
    put_a(&message, "api.test", 90, "192.0.2.1"); /* twice is once */
    struct reading r = read_and_release(&message);
    assert_true(r.fine);
    assert_int_equal(r.resolved.count, 2);
    expect_v4(&r.resolved, 0, "192.0.2.1");
    expect_v4(&r.resolved, 1, "192.0.2.2");
    assert_int_equal(r.resolved.ttl_s, 60);
}

TEST(aliases_are_followed_in_whatever_order_they_come)
{
    struct buf message;
    begin(&message, 0, 3);
    put_a(&message, "b.test", 300, "192.0.2.1");
    put_cname(&message, "a.test", 20, "b.test");
    put_cname(&message, "api.test", 300, "a.test");
    struct reading r = read_and_release(&message);
    assert_true(r.fine);
    expect_v4(&r.resolved, 0, "192.0.2.1");
    assert_int_equal(r.resolved.ttl_s, 20);
    assert_string_equal(r.name, "b.test");
}

TEST(an_alias_alone_says_what_to_ask_next)
{
    struct buf message;
    begin(&message, 0, 1);
    put_cname(&message, "api.test", 20, "elsewhere.test");
    struct reading r = read_and_release(&message);
    assert_true(r.fine);
    assert_int_equal(r.resolved.count, 0);
    assert_string_equal(r.name, "elsewhere.test");
}

TEST(addresses_of_other_names_are_not_taken)
{
    struct buf message;
    begin(&message, 0, 2);
    put_a(&message, "evil.test", 300, "192.0.2.66");
    put_a(&message, "api.test.evil.test", 300, "192.0.2.66");
    struct reading r = read_and_release(&message);
    assert_true(r.fine);
    assert_int_equal(r.resolved.count, 0);
}

TEST(refuses_aliases_in_a_circle)
{
    struct buf message;
    begin(&message, 0, 2);
    put_cname(&message, "api.test", 20, "a.test");
    put_cname(&message, "a.test", 20, "api.test");
    assert_false(read_and_release(&message).fine);
}

TEST(refuses_answers_that_are_errors)
{
    struct buf message;
    begin(&message, 3, 1);
    put_a(&message, "api.test", 300, "192.0.2.1");
    struct reading r = read_and_release(&message);
    assert_false(r.fine);
    assert_int_equal(r.resolved.count, 0);
}

TEST(no_more_addresses_than_fit)
{
    struct buf message;
    begin(&message, 0, 40);
    for (int i = 0; i < 40; i++) {
        char address[32];
        (void)snprintf(address, sizeof(address), "192.0.2.%d", i + 1);
        put_a(&message, "api.test", 300, address);
    }
    struct reading r = read_and_release(&message);
    assert_true(r.fine);
    assert_int_equal(r.resolved.count, RESOLVE_ADDRESSES);
}

/* Whatever is cut off or turned: no more is read than is there (the sanitizers look on). */
TEST(reads_no_further_than_the_message)
{
    struct buf whole;
    begin(&whole, 0, 3);
    put_cname(&whole, "api.test", 20, "a.test");
    put_a(&whole, "a.test", 300, "192.0.2.1");
    put_record(&whole, "a.test", 1, 300, STR("short"));
    for (size_t size = 0; size <= whole.len; size++) {
        for (size_t flip = 0; flip < size; flip++) {
            unsigned char *part = malloc(size);
            assert_non_null(part);
            memcpy(part, whole.data, size);
            part[flip] ^= 0xff;
            char name[DNS_NAME_SIZE] = "api.test";
            struct resolved resolved = {.ttl_s = UINT32_MAX};
            (void)!dns_read_answer(part, size, 443, name, &resolved);
            assert_true(resolved.count <= 1);
            free(part);
        }
    }
    buf_release(&whole);
}

TESTS(UNIT(addresses_and_the_least_ttl), UNIT(aliases_are_followed_in_whatever_order_they_come),
      UNIT(an_alias_alone_says_what_to_ask_next), UNIT(addresses_of_other_names_are_not_taken),
      UNIT(refuses_aliases_in_a_circle), UNIT(refuses_answers_that_are_errors),
      UNIT(no_more_addresses_than_fit), UNIT(reads_no_further_than_the_message))
