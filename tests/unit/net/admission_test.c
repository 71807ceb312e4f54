/* What may be under way at one time, counted also when many threads come and go. */
#include "net/admission.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>

#include "test.h"

static struct client_key client_of(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return address_client((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return address_client((struct sockaddr *)&v6);
}

/* Handshakes are another test's business. */
static struct admission *make(uint64_t connections, uint64_t per_client, uint64_t requests)
{
    struct admission *admission =
        admission_new(&(struct admission_limits){connections, per_client, 1000000, requests, 1000});
    assert_non_null(admission);
    return admission;
}

TEST(connections_are_bounded_in_all)
{
    struct admission *admission = make(2, 2, 1);
    struct client_key a = client_of("10.0.0.1");
    assert_int_equal(admission_enter(admission, a), ADMITTED);
    assert_int_equal(admission_enter(admission, a), ADMITTED);
    assert_int_equal(admission_enter(admission, a), ADMISSION_FULL);
    admission_leave(admission, a);
    assert_int_equal(admission_enter(admission, a), ADMITTED);
    admission_leave(admission, a);
    admission_leave(admission, a);
    assert_int_equal(admission_usage(admission).connections, 0);
    admission_free(admission);
}

TEST(a_client_has_its_share_and_no_more)
{
    struct admission *admission = make(100, 2, 1);
    struct client_key a = client_of("10.0.0.1"), b = client_of("10.0.0.2");
    assert_int_equal(admission_enter(admission, a), ADMITTED);
    assert_int_equal(admission_enter(admission, a), ADMITTED);
    assert_int_equal(admission_enter(admission, a), ADMISSION_CLIENT_FULL);
    assert_int_equal(admission_enter(admission, b), ADMITTED);
    assert_int_equal(admission_usage(admission).connections, 3);
    admission_leave(admission, a);
    assert_int_equal(admission_enter(admission, a), ADMITTED);
    assert_int_equal(admission_enter(admission, a), ADMISSION_CLIENT_FULL);
    admission_free(admission);
}

static bool same(const char *one, const char *two)
{
    struct client_key a = client_of(one), b = client_of(two);
    return a.prefix == b.prefix && a.is_v4 == b.is_v4;
}

TEST(a_client_is_an_address_or_a_network_of_64_bits)
{
    assert_true(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
    assert_false(same("2001:db8:1:2::1", "2001:db8:1:3::1"));
    assert_true(same("::ffff:10.0.0.1", "10.0.0.1"));
    assert_false(same("10.0.0.1", "10.0.0.2"));
    assert_false(same("a00:1::", "10.0.0.1"));
}

/* Against a plain array, over random comings and goings of many clients. */
TEST(the_table_counts_as_an_array_would)
{
    enum { CLIENTS = 200, SHARE = 3, MOST = 128 };
    struct admission *admission = make(MOST, SHARE, 1);
    int counts[CLIENTS] = {0}, all = 0;
    srand(7);
    for (int round = 0; round < 200000; round++) {
        int which = rand() % CLIENTS;
        struct client_key key = {.prefix = (uint64_t)which << (which % 48), .is_v4 = which % 2};
        if (rand() % 2) {
            enum admitted expected = all == MOST              ? ADMISSION_FULL
                                     : counts[which] == SHARE ? ADMISSION_CLIENT_FULL
                                                              : ADMITTED;
            assert_int_equal(admission_enter(admission, key), expected);
            counts[which] += expected == ADMITTED;
            all += expected == ADMITTED;
        } else if (counts[which]) {
            admission_leave(admission, key);
            counts[which]--;
            all--;
        }
    }
    assert_int_equal(admission_usage(admission).connections, all);
    admission_free(admission);
}

TEST(handshakes_are_counted_until_they_are_done)
{
    struct admission *admission = admission_new(&(struct admission_limits){9, 9, 1, 1, 1000});
    struct client_key a = client_of("10.0.0.1");
    assert_false(admission_handshakes_full(admission));
    assert_int_equal(admission_enter(admission, a), ADMITTED);
    assert_true(admission_handshakes_full(admission));
    admission_end_handshake(admission);
    assert_false(admission_handshakes_full(admission));
    admission_free(admission);
}

TEST(requests_are_bounded_by_number_and_by_memory)
{
    struct admission *admission = make(1, 1, 2);
    struct budget *budget = admission_budget(admission);
    assert_true(admission_begin_request(admission));
    assert_true(admission_begin_request(admission));
    assert_false(admission_begin_request(admission));
    admission_end_request(admission);
    assert_true(budget_take(budget, 800));
    assert_false(admission_begin_request(admission)); /* three quarters are gone */
    budget_give(budget, 800);
    assert_true(admission_begin_request(admission));
    admission_free(admission);
}

TEST(a_budget_gives_all_or_nothing)
{
    struct budget budget = {.max = 10};
    assert_true(budget_take(&budget, 10));
    assert_false(budget_take(&budget, 1));
    assert_false(budget_take(&budget, SIZE_MAX));
    budget_give(&budget, 4);
    assert_false(budget_take(&budget, 5));
    assert_true(budget_take(&budget, 4));
    assert_true(budget_take(NULL, SIZE_MAX));
    budget_give(NULL, 1);
}

static void *come_and_go(void *arg)
{
    struct admission *admission = arg;
    struct client_key key = client_of("10.0.0.1");
    for (int i = 0; i < 20000; i++) {
        if (admission_enter(admission, key) == ADMITTED) {
            admission_end_handshake(admission);
            admission_leave(admission, key);
        }
        if (admission_begin_request(admission))
            admission_end_request(admission);
    }
    return NULL;
}

TEST(nothing_is_lost_between_threads)
{
    struct admission *admission = make(3, 2, 2);
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, admission), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    struct admission_usage usage = admission_usage(admission);
    assert_int_equal(usage.connections + usage.requests + usage.buffer_bytes, 0);
    assert_int_equal(admission_enter(admission, client_of("10.0.0.1")), ADMITTED);
    admission_free(admission);
}

TESTS(UNIT(connections_are_bounded_in_all), UNIT(a_client_has_its_share_and_no_more),
      UNIT(a_client_is_an_address_or_a_network_of_64_bits),
      UNIT(the_table_counts_as_an_array_would), UNIT(handshakes_are_counted_until_they_are_done),
      UNIT(requests_are_bounded_by_number_and_by_memory), UNIT(a_budget_gives_all_or_nothing),
      UNIT(nothing_is_lost_between_threads))
