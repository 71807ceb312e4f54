/* The filter of system calls: what it lists, and what it does to a process. */
#include "sandbox_calls.h"

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static void expect_known(void *arg, const struct sandbox_call *call)
{
    size_t *count = arg;
    if (seccomp_syscall_resolve_name(call->name) == __NR_SCMP_ERROR)
        fail_msg("libseccomp knows no %s: is it written well?", call->name);
    assert_non_null(call->group);
    assert_true(!call->condition ==
                (call->answer == SANDBOX_CALL_ALLOWED || call->answer == SANDBOX_CALL_KILLS));
    assert_true(!call->error == (call->answer != SANDBOX_CALL_REFUSED_IF));
    (*count)++;
}

TEST(every_call_has_a_name_that_exists)
{
    size_t count = 0;
    sandbox_calls_each(expect_known, &count);
    assert_in_range(count, 150, 250);
}

struct search {
    const char *name;
    bool found[SANDBOX_CALL_KILLS + 1];
};

static void look(void *arg, const struct sandbox_call *call)
{
    struct search *search = arg;
    if (strcmp(call->name, search->name) == 0)
        search->found[call->answer] = true;
}

static struct search find(const char *name)
{
    struct search search = {.name = name};
    sandbox_calls_each(look, &search);
    return search;
}

TEST(what_leads_out_of_the_process_ends_it)
{
    static const char *const names[] = {"execve",  "execveat", "mount",  "bpf",         "keyctl",
                                        "unshare", "setns",    "setuid", "finit_module"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct search search = find(names[i]);
        assert_true(search.found[SANDBOX_CALL_KILLS]);
        assert_false(search.found[SANDBOX_CALL_ALLOWED]);
    }
}

TEST(what_arguments_make_dangerous_is_never_allowed_as_a_whole)
{
    static const char *const names[] = {"mmap",  "mprotect",  "socket",
                                        "ioctl", "prlimit64", "listen"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_false(find(names[i]).found[SANDBOX_CALL_ALLOWED]);
}

TEST(what_is_newer_than_the_list_is_in_no_list)
{
    static const char *const names[] = {"clone3", "io_uring_setup", "memfd_create",
                                        "fork",   "symlink",        "personality"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct search search = find(names[i]);
        for (size_t answer = 0; answer < COUNT_OF(search.found); answer++)
            assert_false(search.found[answer]);
    }
}

/* ---- in a process of its own ---- */

#define WORKS 7

/* How a process ends that restricts itself and then runs `inside`. */
static int status_of(int (*inside)(void))
{
    pid_t child = fork();
    if (child == 0) {
        struct error err;
        bool fine = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && sandbox_calls_restrict(&err);
        _exit(fine ? inside() : 1);
    }
    int status = -1;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

static int run_refused(void)
{
    if (syscall(SYS_memfd_create, "a", 0) >= 0 || errno != ENOSYS)
        return 2;
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ||
        errno != EPERM)
        return 3;
    if (socket(AF_PACKET, SOCK_RAW, 0) >= 0)
        return 4;
    if (listen(0, 1) == 0 || errno != EPERM)
        return 5;
    return WORKS;
}

static int run_allowed(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int one = socket(AF_INET6, SOCK_STREAM, 0);
    return page != MAP_FAILED && (one >= 0 || errno == EAFNOSUPPORT) && getpid() > 0 ? WORKS : 2;
}

static int run_program(void)
{
    char *const arguments[] = {NULL};
    return execve("/bin/true", arguments, arguments) == 0 ? 2 : 3;
}

TEST(a_process_goes_on_after_what_is_refused)
{
    int status = status_of(run_refused);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), WORKS);
}

TEST(a_process_does_what_a_gateway_needs)
{
    int status = status_of(run_allowed);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), WORKS);
}

TEST(a_process_that_starts_a_program_ends)
{
    int status = status_of(run_program);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

TESTS(UNIT(every_call_has_a_name_that_exists), UNIT(what_leads_out_of_the_process_ends_it),
      UNIT(what_arguments_make_dangerous_is_never_allowed_as_a_whole),
      UNIT(what_is_newer_than_the_list_is_in_no_list),
      UNIT(a_process_goes_on_after_what_is_refused), UNIT(a_process_does_what_a_gateway_needs),
      UNIT(a_process_that_starts_a_program_ends))
