#include "sandbox_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

/*
 * A sanitizer's own calls, in builds that have one: LeakSanitizer stops the process at its end by a
 * tracer of its own, which is a process.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static const char *const sanitizer_calls[] = {
    "clone",   "getdents", "ptrace",  "wait4",          "prctl",
    "getppid", "tgkill",   "tkill",   "kill",           "mincore",
    "msync",   "mlock",    "munlock", "sched_getparam", "sched_getscheduler"};

/* ---- tables ---- */

#define GROUP(name, title) GROUP_##name,
#define CALL(name)
#define KILL(name)
enum group {
#include "sandbox_calls.def"
};
#undef GROUP
#undef CALL
#undef KILL

#define GROUP(name, title) [GROUP_##name] = (title),
#define CALL(name)
#define KILL(name)
static const char *const group_titles[] = {
#include "sandbox_calls.def"
};
#undef GROUP
#undef CALL
#undef KILL

struct listed {
    const char *name; /* NULL: what follows belongs to `group` */
    enum group group;
    bool kills;
};

#define GROUP(name, title) {NULL, GROUP_##name, false},
#define CALL(name) {#name, 0, false},
#define KILL(name) {#name, 0, true},
static const struct listed listed_calls[] = {
#include "sandbox_calls.def"
};
#undef GROUP
#undef CALL
#undef KILL

/*
 * Calls whose arguments decide. `error` 0: allowed when they fit, and unlisted otherwise; else
 * refused so when they fit. A mask of 0 compares the whole argument.
 */
#define CONDITIONS 2
#define OWN_PID UINT64_MAX /* as a value: the process's number, known when it runs */

struct conditional {
    const char *name;
    enum group group;
    const char *condition;
    int error;
    struct {
        unsigned argument;
        uint64_t mask, value;
    } tests[CONDITIONS];
    size_t test_count;
};

#define TEST_IS(argument, value)                                                                   \
    {                                                                                              \
        (argument), 0, (value)                                                                     \
    }
#define TEST_BITS(argument, mask, value)                                                           \
    {                                                                                              \
        (argument), (mask), (value)                                                                \
    }
#define THREAD_FLAGS ((uint64_t)(CLONE_VM | CLONE_THREAD))

static const struct conditional conditional_calls[] = {
    {"mmap", GROUP_memory, "not executable", 0, {TEST_BITS(2, PROT_EXEC, 0)}, 1},
    {"mmap", GROUP_memory, "executable", EPERM, {TEST_BITS(2, PROT_EXEC, PROT_EXEC)}, 1},
    {"mprotect", GROUP_memory, "not executable", 0, {TEST_BITS(2, PROT_EXEC, 0)}, 1},
    {"mprotect", GROUP_memory, "executable", EPERM, {TEST_BITS(2, PROT_EXEC, PROT_EXEC)}, 1},
    {"clone", GROUP_threads, "a thread", 0, {TEST_BITS(0, THREAD_FLAGS, THREAD_FLAGS)}, 1},
    {"clone", GROUP_threads, "a process", EPERM, {TEST_BITS(0, CLONE_THREAD, 0)}, 1},
    {"tgkill", GROUP_threads, "its own threads", 0, {TEST_IS(0, OWN_PID)}, 1},
    {"prctl", GROUP_threads, "a thread's name", 0, {TEST_IS(0, PR_SET_NAME)}, 1},
    {"prctl", GROUP_threads, "a mapping's name", 0, {TEST_IS(0, PR_SET_VMA)}, 1},
    {"prlimit64", GROUP_asking, "to read a limit", 0, {TEST_BITS(2, UINT64_MAX, 0)}, 1},
    {"ioctl", GROUP_bytes, "bytes that wait", 0, {TEST_IS(1, FIONREAD)}, 1},
    {"ioctl", GROUP_bytes, "to block or not", 0, {TEST_IS(1, FIONBIO)}, 1},
    {"ioctl", GROUP_bytes, "whether it is a terminal", 0, {TEST_IS(1, TCGETS)}, 1},
    {"socket", GROUP_network, "IPv4", 0, {TEST_IS(0, AF_INET)}, 1},
    {"socket", GROUP_network, "IPv6", 0, {TEST_IS(0, AF_INET6)}, 1},
    {"socket", GROUP_network, "a local one", 0, {TEST_IS(0, AF_UNIX)}, 1},
    {"socket",
     GROUP_network,
     "the system's addresses and routes",
     0,
     {TEST_IS(0, AF_NETLINK), TEST_IS(2, NETLINK_ROUTE)},
     2},
    {"socketpair", GROUP_network, "a local one", 0, {TEST_IS(0, AF_UNIX)}, 1},
    {"listen", GROUP_network, "any: it listens already", EPERM, {{0}}, 0},
};

/* ---- telling ---- */

static struct sandbox_call describe_conditional(const struct conditional *call)
{
    return (struct sandbox_call){.name = call->name,
                                 .group = group_titles[call->group],
                                 .condition = call->condition,
                                 .error = call->error ? strerrorname_np(call->error) : NULL,
                                 .answer = call->error ? SANDBOX_CALL_REFUSED_IF
                                                       : SANDBOX_CALL_ALLOWED_IF};
}

static void each_conditional(enum group group,
                             void (*each)(void *arg, const struct sandbox_call *call), void *arg)
{
    for (size_t i = 0; i < COUNT_OF(conditional_calls); i++) {
        const struct sandbox_call call = describe_conditional(&conditional_calls[i]);
        if (conditional_calls[i].group == group)
            each(arg, &call);
    }
}

void sandbox_calls_each(void (*each)(void *arg, const struct sandbox_call *call), void *arg)
{
    const char *title = NULL;
    for (size_t i = 0; i < COUNT_OF(listed_calls); i++) {
        const struct listed *listed = &listed_calls[i];
        if (!listed->name) {
            title = group_titles[listed->group];
            each_conditional(listed->group, each, arg);
            continue;
        }
        each(arg, &(struct sandbox_call){.name = listed->name,
                                         .group = title,
                                         .answer = listed->kills ? SANDBOX_CALL_KILLS
                                                                 : SANDBOX_CALL_ALLOWED});
    }
    for (size_t i = 0; SANITIZED && i < COUNT_OF(sanitizer_calls); i++)
        each(arg, &(struct sandbox_call){.name = sanitizer_calls[i],
                                         .group = "what the sanitizer of this build needs",
                                         .answer = SANDBOX_CALL_ALLOWED});
}

/* ---- the filter ---- */

static bool is_for_sanitizer(const char *name)
{
    for (size_t i = 0; SANITIZED && i < COUNT_OF(sanitizer_calls); i++) {
        if (strcmp(sanitizer_calls[i], name) == 0)
            return true;
    }
    return false;
}

/* A name that this libseccomp or this machine does not have needs no rule. */
static int add_rule(scmp_filter_ctx filter, uint32_t action, const char *name,
                    const struct scmp_arg_cmp *tests, size_t test_count)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number < 0)
        return 0;
    return seccomp_rule_add_array(filter, action, number, (unsigned)test_count, tests);
}

static int add_listed(scmp_filter_ctx filter, const struct listed *listed)
{
    if (!listed->name || is_for_sanitizer(listed->name))
        return 0;
    return add_rule(filter, listed->kills ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ALLOW, listed->name,
                    NULL, 0);
}

static int add_conditional(scmp_filter_ctx filter, const struct conditional *call)
{
    struct scmp_arg_cmp tests[CONDITIONS];
    for (size_t i = 0; i < call->test_count; i++) {
        uint64_t value = call->tests[i].value, mask = call->tests[i].mask;
        if (value == OWN_PID)
            value = (uint64_t)getpid();
        /* int arguments: the upper half is whatever the register held */
        tests[i] = (struct scmp_arg_cmp){.arg = call->tests[i].argument,
                                         .op = SCMP_CMP_MASKED_EQ,
                                         .datum_a = mask ? mask : UINT32_MAX,
                                         .datum_b = value};
    }
    if (is_for_sanitizer(call->name))
        return 0;
    return add_rule(filter, call->error ? SCMP_ACT_ERRNO(call->error) : SCMP_ACT_ALLOW, call->name,
                    tests, call->test_count);
}

/* 0, or a negative errno. */
static int add_rules(scmp_filter_ctx filter)
{
    int failed = 0;
    for (size_t i = 0; !failed && i < COUNT_OF(listed_calls); i++)
        failed = add_listed(filter, &listed_calls[i]);
    for (size_t i = 0; !failed && i < COUNT_OF(conditional_calls); i++)
        failed = add_conditional(filter, &conditional_calls[i]);
    for (size_t i = 0; !failed && SANITIZED && i < COUNT_OF(sanitizer_calls); i++)
        failed = add_rule(filter, SCMP_ACT_ALLOW, sanitizer_calls[i], NULL, 0);
    return failed;
}

/* Every thread, a tree instead of a list, what is refused to the kernel's log. */
static int set_up(scmp_filter_ctx filter)
{
    static const struct {
        enum scmp_filter_attr attribute;
        uint32_t value;
    } attributes[] = {{SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS},
                      {SCMP_FLTATR_CTL_TSYNC, 1},
                      {SCMP_FLTATR_CTL_LOG, 1},
                      {SCMP_FLTATR_CTL_OPTIMIZE, 2}};
    int failed = 0;
    for (size_t i = 0; !failed && i < COUNT_OF(attributes); i++)
        failed = seccomp_attr_set(filter, attributes[i].attribute, attributes[i].value);
    return failed;
}

bool sandbox_calls_restrict(struct error *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (!filter)
        return error_set(err, "cannot make the filter of system calls: out of memory");
    int failed = set_up(filter);
    if (!failed)
        failed = add_rules(filter);
    if (!failed)
        failed = seccomp_load(filter);
    seccomp_release(filter);
    return !failed || error_set(err, "cannot install the filter of system calls: %s",
                                strerrordesc_np(-failed));
}

bool sandbox_calls_supported(struct error *why)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0 ||
           error_set(why, "the kernel filters no system calls (seccomp): %s",
                     strerrordesc_np(errno));
}
