/*
 * What durability costs: records a second, their latency, records for each fdatasync and CPU time,
 * with so many records on their way at once; see README.md.
 *
 *     journal_bench DIRECTORY SECONDS [central]
 *
 * Each slot appends a decision, waits, appends its outcome, waits, and so on, as a connection does.
 * `central`: a thread stands in for `audit ship` and a database that answers at once.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "audit/journal.h"
#include "base/clock.h"
#include "base/id.h"

#define MOST_SLOTS 256
#define RECORD_BYTES 950 /* what a decision about the sample campaign takes */

static atomic_ulong syncs;

/* The program's own: it counts. */
int fdatasync(int fd)
{
    atomic_fetch_add(&syncs, 1);
    return (int)syscall(SYS_fdatasync, fd);
}

/* ---- slots ---- */

struct slot {
    struct journal_entry entry;
    char id[ID_SIZE];
    char members[RECORD_BYTES + 200];
    int64_t begun_us;
    bool is_open; /* its decision is durable, its outcome is next */
    struct slot *next;
};

static struct slot slots[MOST_SLOTS];
static struct slot *ready; /* whose records are durable */
static pthread_mutex_t ready_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready_changed = PTHREAD_COND_INITIALIZER;

static void on_durable(void *arg)
{
    struct slot *slot = arg;
    pthread_mutex_lock(&ready_lock);
    slot->next = ready;
    ready = slot;
    pthread_mutex_unlock(&ready_lock);
    pthread_cond_signal(&ready_changed);
}

static struct slot *take_ready(void)
{
    pthread_mutex_lock(&ready_lock);
    while (!ready)
        pthread_cond_wait(&ready_changed, &ready_lock);
    struct slot *all = ready;
    ready = NULL;
    pthread_mutex_unlock(&ready_lock);
    return all;
}

static void append(struct journal *journal, struct slot *slot, uint64_t number)
{
    if (!slot->is_open)
        (void)snprintf(slot->id, sizeof(slot->id), "019f0000-0000-7000-8000-%012" PRIu64,
                       number % 1000000000000);
    (void)snprintf(slot->members, sizeof(slot->members),
                   "\"kind\":\"%s\",\"id\":\"%s\",\"time\":\"2026-11-28T10:30:00.000Z\",%s,"
                   "\"filling\":\"%0*d\"",
                   slot->is_open ? "outcome" : "decision", slot->id,
                   slot->is_open ? "\"created\":\"yes\"" : "\"verdict\":\"allow\"",
                   RECORD_BYTES - 150, 0);
    struct str id = str_from(slot->id), none = {0};
    slot->entry = (struct journal_entry){.members = str_from(slot->members),
                                         .opens = slot->is_open ? none : id,
                                         .closes = slot->is_open ? id : none,
                                         .done = on_durable,
                                         .arg = slot};
    slot->begun_us = clock_mono_us();
    if (!journal_append(journal, &slot->entry)) {
        (void)fprintf(stderr, "a record was not taken\n");
        exit(1);
    }
}

/* ---- in place of `audit ship` ---- */

struct shipper {
    pthread_t thread;
    const char *directory;
    atomic_bool ends;
    double cpu_s;
};

static double cpu_s(int who)
{
    struct rusage usage;
    (void)getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int open_in(const char *directory, const char *name, int flags)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    return open(path, flags | O_CLOEXEC);
}

static void *ship(void *arg)
{
    struct shipper *shipper = arg;
    char path[4096], events[4096], durable[20], receipt[20 + 1 + 64 + 1 + 20 + 1];
    int durable_fd = open_in(shipper->directory, "durable", O_RDONLY);
    int receipt_fd = open_in(shipper->directory, "receipt", O_RDWR);
    int watch_fd = inotify_init1(IN_CLOEXEC);
    (void)snprintf(path, sizeof(path), "%s/durable", shipper->directory);
    (void)inotify_add_watch(watch_fd, path, IN_MODIFY);
    while (!atomic_load(&shipper->ends) && read(watch_fd, events, sizeof(events)) > 0) {
        if (pread(durable_fd, durable, sizeof(durable), 0) != sizeof(durable))
            continue;
        int length = snprintf(receipt, sizeof(receipt), "%.20s %064d %.20s", durable, 0, durable);
        (void)!pwrite(receipt_fd, receipt, (size_t)length, 0);
    }
    close(durable_fd);
    close(receipt_fd);
    close(watch_fd);
    shipper->cpu_s = cpu_s(RUSAGE_THREAD);
    return NULL;
}

/* ---- rounds ---- */

struct figures {
    uint64_t records;
    double seconds, cpu_us; /* the latter for each record, the journal's threads alone */
    int64_t p50_us, p99_us;
    double records_for_each_sync;
};

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void remove_files(const char *directory)
{
    DIR *dir = opendir(directory);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    (void)rmdir(directory);
}

static struct journal *open_journal(const char *directory, bool central)
{
    const struct journal_options options = {.directory = directory,
                                            .source = "bench",
                                            .segment_bytes = 64 * 1024 * 1024,
                                            .segment_ms = 24 * 3600 * 1000,
                                            .max_waiting = 65536,
                                            .write_timeout_ms = 30000,
                                            .central = central,
                                            .central_timeout_ms = 30000};
    struct journal_recovery recovery;
    struct error err;
    struct journal *journal = journal_open(&options, &recovery, &err);
    if (!journal) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    return journal;
}

#define MOST_LATENCIES 4000000

/* Until the time is over; then all that is under way comes to its end. */
static uint64_t drive(struct journal *journal, size_t in_flight, int64_t until_us,
                      int64_t *latencies)
{
    uint64_t records = 0, number = 0;
    size_t under_way = in_flight;
    for (size_t i = 0; i < in_flight; i++)
        append(journal, &slots[i], number++);
    while (under_way > 0) {
        for (struct slot *slot = take_ready(), *next; slot; slot = next) {
            next = slot->next;
            if (slot->entry.fate != JOURNAL_DURABLE) {
                (void)fprintf(stderr, "a record was not durable\n");
                exit(1);
            }
            int64_t now_us = clock_mono_us();
            latencies[records % MOST_LATENCIES] = now_us - slot->begun_us;
            records++;
            slot->is_open = !slot->is_open;
            if (slot->is_open || now_us < until_us)
                append(journal, slot, number++);
            else
                under_way--;
        }
    }
    return records;
}

static struct figures measure(const char *directory, size_t in_flight, double seconds, bool central)
{
    static int64_t latencies[MOST_LATENCIES];
    struct shipper shipper = {.directory = directory};
    remove_files(directory);
    struct journal *journal = open_journal(directory, central);
    if (central && pthread_create(&shipper.thread, NULL, ship, &shipper) != 0)
        exit(2);
    unsigned long syncs_before = atomic_load(&syncs);
    double cpu_before = cpu_s(RUSAGE_SELF) - cpu_s(RUSAGE_THREAD);
    int64_t begun_us = clock_mono_us();
    uint64_t records = drive(journal, in_flight, begun_us + (int64_t)(seconds * 1e6), latencies);
    double spent = (double)(clock_mono_us() - begun_us) / 1e6;
    double syncs_done = (double)(atomic_load(&syncs) - syncs_before);
    atomic_store(&shipper.ends, true);
    journal_close(journal); /* its last checkpoint wakes the shipper */
    if (central)
        pthread_join(shipper.thread, NULL);
    double cpu = cpu_s(RUSAGE_SELF) - cpu_s(RUSAGE_THREAD) - cpu_before - shipper.cpu_s;
    remove_files(directory);
    size_t kept = records < MOST_LATENCIES ? records : MOST_LATENCIES;
    qsort(latencies, kept, sizeof(*latencies), compare);
    return (struct figures){.records = records,
                            .seconds = spent,
                            .cpu_us = cpu * 1e6 / (double)records,
                            .p50_us = latencies[kept / 2],
                            .p99_us = latencies[kept * 99 / 100],
                            .records_for_each_sync = (double)records / syncs_done};
}

/* The best of some rounds: others share the machine. */
static struct figures measure_best(const char *directory, size_t in_flight, double seconds,
                                   bool central)
{
    enum { ROUNDS = 10 };
    struct figures best = {0};
    for (int round = 0; round < ROUNDS; round++) {
        struct figures now = measure(directory, in_flight, seconds / ROUNDS, central);
        if (best.records == 0 ||
            (double)now.records / now.seconds > (double)best.records / best.seconds)
            best = now;
    }
    return best;
}

int main(int argc, char **argv)
{
    static const size_t in_flights[] = {1, 8, 64, 256};
    bool central = argc == 4 && strcmp(argv[3], "central") == 0;
    if (argc != 3 && !central) {
        (void)fprintf(stderr, "usage: journal_bench DIRECTORY SECONDS [central]\n");
        return 2;
    }
    (void)printf("%9s %10s %9s %9s %13s %11s\n", "in flight", "records/s", "p50 us", "p99 us",
                 "records/sync", "CPU us/rec");
    for (size_t i = 0; i < COUNT_OF(in_flights); i++) {
        struct figures f = measure_best(argv[1], in_flights[i], strtod(argv[2], NULL), central);
        (void)printf("%9zu %10.0f %9" PRId64 " %9" PRId64 " %13.1f %11.1f\n", in_flights[i],
                     (double)f.records / f.seconds, f.p50_us, f.p99_us, f.records_for_each_sync,
                     f.cpu_us);
        (void)fflush(stdout);
    }
    return 0;
}
