#include "supervisor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include "test.h"

static void hand_over(const char *count, const char *names)
{
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", count, 1);
    if (names)
        setenv("LISTEN_FDNAMES", names, 1);
}

/* A listening socket at the descriptor. */
static void listen_at(int fd)
{
    int made = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_return_code(bind(made, (struct sockaddr *)&any, sizeof(any)), 0);
    assert_return_code(listen(made, 1), 0);
    if (made == fd)
        return;
    assert_int_equal(dup2(made, fd), fd);
    close(made);
}

TEST(nothing_is_handed_over)
{
    struct supervisor supervisor;
    struct error err;
    assert_true(supervisor_meet(&supervisor, &err));
    assert_int_equal(supervisor.data_fd, -1);
    assert_int_equal(supervisor.admin_fd, -1);
    assert_true(supervisor_turn(&supervisor, 0) == INT64_MAX);
    supervisor_tell(&supervisor, "READY=1"); /* to nobody */
    supervisor_release(&supervisor);
}

TEST(sockets_are_prepared_and_variables_removed)
{
    struct supervisor supervisor;
    struct error err;
    listen_at(3);
    listen_at(4);
    hand_over("2", "admin:web.socket");
    assert_true(supervisor_meet(&supervisor, &err));
    assert_int_equal(supervisor.admin_fd, 3);
    assert_int_equal(supervisor.data_fd, 4);
    assert_true(fcntl(3, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(3, F_GETFL) & O_NONBLOCK);
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDS"));
    assert_null(getenv("LISTEN_FDNAMES"));
    supervisor_release(&supervisor);
    assert_int_equal(fcntl(3, F_GETFD), -1);
}

TEST(those_of_another_process_are_not_touched)
{
    struct supervisor supervisor;
    struct error err;
    listen_at(3);
    hand_over("1", NULL);
    setenv("LISTEN_PID", "1", 1);
    assert_true(supervisor_meet(&supervisor, &err));
    assert_int_equal(supervisor.data_fd, -1);
    assert_false(fcntl(3, F_GETFD) & FD_CLOEXEC);
    close(3);
}

TEST(refuses_what_is_no_socket)
{
    struct supervisor supervisor;
    struct error err;
    int ends[2];
    assert_return_code(pipe(ends), 0);
    assert_int_equal(dup2(ends[0], 3), 3);
    hand_over("1", NULL);
    assert_false(supervisor_meet(&supervisor, &err));
    assert_non_null(strstr(err.text, "descriptor 3 is not a listening TCP socket"));
    supervisor_release(&supervisor);
    close(3);
    close(ends[1]);
}

TEST(the_watchdog_is_due_twice_in_its_time)
{
    struct supervisor supervisor;
    struct error err;
    setenv("NOTIFY_SOCKET", "@nobody-listens-here", 1);
    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_true(supervisor_meet(&supervisor, &err));
    assert_int_equal(supervisor_turn(&supervisor, 1000), 15000);
    assert_int_equal(supervisor_turn(&supervisor, 11000), 5000);
    assert_int_equal(supervisor_turn(&supervisor, 16000), 15000);
    supervisor_release(&supervisor);
}

TESTS(UNIT(nothing_is_handed_over), UNIT(sockets_are_prepared_and_variables_removed),
      UNIT(those_of_another_process_are_not_touched), UNIT(refuses_what_is_no_socket),
      UNIT(the_watchdog_is_due_twice_in_its_time))
