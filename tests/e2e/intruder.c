/*
 * Somebody inside the gateway: preloaded into it, makes system calls that the gateway itself never
 * makes, from whichever of its threads is sent a signal.
 *
 *     LD_PRELOAD=intruder.so INTRUDER=FILE campaign-gateway run …
 *
 * On SIGRTMIN+4 the thread reads FILE, whose lines are "NAME ARGUMENT…", makes each call, and
 * writes what came of it to stderr as a line of the gateway's own log:
 *
 *     {"event":"intruder","call":"openat","error":"EACCES"}
 *
 * An argument is a number, a text behind "=", or "port:N" for the address of that port on
 * 127.0.0.1.
 *
 * INTRUDER_LACKS="NUMBER ERROR" makes the kernel answer a system call with an error, as one does
 * that has not got it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL(name)                                                                                 \
    {                                                                                              \
#name, SYS_##name                                                                          \
    }

static const struct {
    const char *name;
    long number;
} calls[] = {CALL(execve),       CALL(execveat),
             CALL(ptrace),       CALL(process_vm_readv),
             CALL(bpf),          CALL(keyctl),
             CALL(init_module),  CALL(mount),
             CALL(unshare),      CALL(setns),
             CALL(openat),       CALL(socket),
             CALL(mmap),         CALL(mprotect),
             CALL(clone),        CALL(clone3),
             CALL(listen),       CALL(bind),
             CALL(connect),      CALL(kill),
             CALL(tgkill),       CALL(io_uring_setup),
             CALL(memfd_create), CALL(prctl),
             CALL(prlimit64),    CALL(mkdirat),
             CALL(symlinkat),    CALL(unlinkat),
             CALL(setuid),       CALL(perf_event_open),
             CALL(userfaultfd),  CALL(ioctl),
             CALL(personality),  CALL(landlock_create_ruleset)};

#define ARGUMENTS 6

static __thread struct sockaddr_in addresses[ARGUMENTS];

static long argument(const char *text, size_t index)
{
    if (text[0] == '=')
        return (long)(text + 1);
    if (strncmp(text, "port:", 5) != 0)
        return (long)strtoul(text, NULL, 0);
    addresses[index] = (struct sockaddr_in){.sin_family = AF_INET,
                                            .sin_port = htons((uint16_t)strtol(text + 5, NULL, 10)),
                                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return (long)&addresses[index];
}

static void attempt(char *line)
{
    char *rest = NULL, *name = strtok_r(line, " ", &rest);
    long given[ARGUMENTS] = {0}, number = -1;
    char report[256];
    for (size_t i = 0; i < ARGUMENTS; i++) {
        const char *word = strtok_r(NULL, " ", &rest);
        given[i] = word ? argument(word, i) : 0;
    }
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (strcmp(calls[i].name, name) == 0)
            number = calls[i].number;
    }
    errno = 0;
    long got = syscall(number, given[0], given[1], given[2], given[3], given[4], given[5]);
    int length = snprintf(report, sizeof(report),
                          "{\"event\":\"intruder\",\"call\":\"%s\",\"error\":\"%s\",\"tid\":%ld}\n",
                          name, got == -1 ? strerrorname_np(errno) : "", syscall(SYS_gettid));
    (void)!write(STDERR_FILENO, report, (size_t)length);
    if (got >= 0 && number == SYS_openat)
        (void)close((int)got);
    if (got == 0 && number == SYS_clone)
        _exit(0); /* a child that should not be there */
}

/* Not what a signal's handler may do in general; whoever is inside does not ask. */
static void on_signal(int signal_number)
{
    static __thread char text[4096];
    int saved = errno;
    (void)signal_number;
    int fd = open(getenv("INTRUDER"), O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
    if (fd >= 0)
        (void)close(fd);
    text[length > 0 ? length : 0] = '\0';
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        attempt(line);
    errno = saved;
}

static void take_away(unsigned number, unsigned error)
{
    struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), /* the call's number */
                                 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const struct sock_fprog filter = {sizeof(code) / sizeof(code[0]), code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        abort();
}

__attribute__((constructor)) static void enter(void)
{
    unsigned number, error;
    const char *lacks = getenv("INTRUDER_LACKS");
    if (lacks && sscanf(lacks, "%u %u", &number, &error) == 2)
        take_away(number, error);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    (void)sigaction(SIGRTMIN + 4, &action, NULL);
}
