/* What the system says of this process is believed to be this process's. */
#include "telemetry/process.h"

#include <fcntl.h>
#include <unistd.h>

#include "test.h"

TEST(descriptors_are_counted)
{
    struct process_watch watch;
    struct process_facts before, now;
    process_watch_open(&watch);
    process_look(&watch, &before);
    int fd = open("/dev/null", O_RDONLY);
    assert_true(fd >= 0);
    process_look(&watch, &now);
    assert_int_equal(now.open_fds, before.open_fds + 1);
    close(fd);
    process_look(&watch, &now);
    assert_int_equal(now.open_fds, before.open_fds);
    assert_true(now.max_fds >= now.open_fds);
    process_watch_close(&watch);
}

TEST(memory_threads_and_time_are_told)
{
    struct process_watch watch;
    struct process_facts facts;
    volatile uint64_t spent = 0;
    process_watch_open(&watch);
    do {
        for (int i = 0; i < 1000000; i++)
            spent = spent + 1;
        process_look(&watch, &facts);
    } while (facts.cpu_us == 0);
    assert_true(facts.knows_stat);
    assert_true(facts.threads >= 1 && facts.threads < 100);
    assert_true(facts.resident_bytes > 100000);
    process_watch_close(&watch);
}

TEST(without_proc_less_is_known)
{
    const struct process_watch watch = {.stat_fd = -1};
    struct process_facts facts;
    process_look(&watch, &facts);
    assert_false(facts.knows_stat);
    assert_int_equal(facts.open_fds, 0);
    assert_true(facts.max_fds > 0);
}

TESTS(UNIT(descriptors_are_counted), UNIT(memory_threads_and_time_are_told),
      UNIT(without_proc_less_is_known))
