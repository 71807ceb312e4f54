/*
 *     files -- reader --> verify --> report
 *                           ^
 *     pinned keys, checkpoints kept elsewhere, the files beside the journal
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/listing.h"
#include "audit/reader.h"
#include "audit/verify.h"
#include "base/limits.h"
#include "cli/audit.h"
#include "cli/audit_pins.h"
#include "cli/audit_place.h"
#include "cli/audit_verify_report.h"
#include "cli/cli.h"
#include "cli/print.h"

#define LIMIT_EXPECTED 16 /* checkpoints kept elsewhere; one from each place that keeps them */

static const char help[] =
    "usage: campaign-gateway audit verify --config FILE | --directory DIR [OPTION...]\n"
    "\n"
    "Recomputes the whole journal: the hash, number and link of every record, the Merkle tree "
    "over\n"
    "them, every signed checkpoint and every change of keys; and whether each campaign has its "
    "one\n"
    "outcome. Says where the first record stands that is not what was written.\n"
    "\n" AUDIT_PLACE_HELP AUDIT_PINS_HELP "      --expect-checkpoint FILE\n"
    "                        the journal must reach the checkpoint in FILE, which was kept\n"
    "                        elsewhere, and be what it says; may be given several times. Without\n"
    "                        one, what was cut off behind the newest checkpoint does not show\n"
    "      --checkpoint-out FILE\n"
    "                        write the newest checkpoint to FILE, for --expect-checkpoint\n"
    "      --format FORMAT   text or json\n"
    "\n"
    "exit codes\n"
    "  0  the journal is what was written\n"
    "  1  it is not, or something in it is odd\n"
    "  2  the command line is wrong, or there is no journal, or it cannot be read\n"
    "\n"
    "example\n"
    "  campaign-gateway audit verify --config gateway.yaml --checkpoint-out newest.checkpoint\n"
    "  campaign-gateway audit verify --directory copy/ --keys keys \\\n"
    "      --expect-checkpoint newest.checkpoint\n";

enum { FORMAT_TEXT, FORMAT_JSON };

struct run {
    struct audit_place place;
    struct audit_pins pins;
    struct argument_list expected_paths;
    const char *checkpoint_out;
    size_t format;

    struct arena arena; /* of what was read beside the journal */
    struct verify_expected expected[LIMIT_EXPECTED];
    struct listing listing;
    struct reader *reader;
    struct verify *verify;
    struct reader_record record; /* the one being looked at; file NULL: none */
    struct problems findings;
    struct error broken; /* empty: it is not */
    char file[4096];     /* the segment being read, and where its last record ends */
    uint64_t file_end;
    uint64_t torn_bytes;
};

static bool complain(const struct error *err)
{
    (void)fprintf(stderr, "campaign-gateway audit verify: %s\n", err->text);
    return false;
}

static bool read_options(struct run *run, int argc, char **argv, int *exit_code)
{
    const struct argument_option options[] = {
        AUDIT_PLACE_OPTIONS(&run->place),
        AUDIT_PINS_OPTIONS(&run->pins),
        {.name = "expect-checkpoint", .value = "FILE", .list = &run->expected_paths},
        {.name = "checkpoint-out", .value = "FILE", .text = &run->checkpoint_out},
        {.name = "format", .value = "text|json", .choice = &run->format},
    };
    const struct arguments spec = {
        .help = help, .options = options, .option_count = COUNT_OF(options)};
    return arguments_read(&spec, argc, argv, exit_code);
}

/* ---- what is brought along ---- */

static bool read_expected(struct run *run, struct error *err)
{
    if (run->expected_paths.count > LIMIT_EXPECTED)
        return error_set(err, "at most %d checkpoints can be expected", LIMIT_EXPECTED);
    for (size_t i = 0; i < run->expected_paths.count; i++) {
        struct verify_expected *expected = &run->expected[i];
        expected->name = run->expected_paths.items[i];
        if (!config_read_file(expected->name, LIMIT_CHECKPOINT_BYTES, &run->arena, &expected->note,
                              err))
            return false;
        if (!checkpoint_parse(expected->note, &expected->says))
            return error_set(err, "'%s' is not a checkpoint, as --checkpoint-out writes it",
                             expected->name);
    }
    return true;
}

/* ---- progress, for whoever waits ---- */

static void show_progress(uint64_t records, bool is_end)
{
    static int64_t shown_us;
    static bool shown;
    if (!isatty(STDERR_FILENO) || (!is_end && clock_mono_us() - shown_us < 500000))
        return;
    if (!is_end && (shown || shown_us > 0)) {
        (void)fprintf(stderr, "\r%llu of the records are as they were written",
                      (unsigned long long)records);
        shown = true;
    }
    if (is_end && shown)
        (void)fputs("\r\033[K", stderr);
    shown_us = clock_mono_us();
}

/* ---- the journal ---- */

static void on_finding(void *arg, const char *sentence)
{
    struct run *run = arg;
    struct error err;
    if (run->record.file)
        (void)error_set(&err, "%s:%llu: %s", run->record.file,
                        (unsigned long long)run->record.line_number, sentence);
    else
        (void)error_set(&err, "%s", sentence);
    (void)problems_add(&run->findings, &err);
}

/* Behind the last record of a segment may stand what a failing disk did not let be cut off. */
static void count_remains(struct run *run)
{
    struct stat file;
    if (run->file[0] && stat(run->file, &file) == 0 && (uint64_t)file.st_size > run->file_end)
        run->torn_bytes += (uint64_t)file.st_size - run->file_end;
    (void)snprintf(run->file, sizeof(run->file), "%s", run->record.file);
}

static bool take(struct run *run)
{
    if (run->record.line_number == 1)
        count_remains(run);
    run->file_end = run->record.offset + run->record.line.len + 1;
    const struct verify_record record = {.json = run->record.json,
                                         .head = run->record.head,
                                         .has_file = true,
                                         .begins_file = run->record.line_number == 1};
    struct error why;
    if (record.head.seq % 4096 == 0)
        show_progress(verify_report(run->verify)->records, false);
    return verify_take(run->verify, &record, &why) ||
           error_set(&run->broken, "%s:%llu: %s", run->record.file,
                     (unsigned long long)run->record.line_number, why.text);
}

/* All records, as far as they are good. False with `err` when they cannot be read. */
static bool read_records(struct run *run, struct error *err)
{
    enum reader_result result;
    while ((result = reader_next(run->reader, &run->record, err)) == READER_RECORD) {
        if (!take(run))
            return true;
    }
    run->record.file = NULL;
    if (result == READER_END) {
        run->torn_bytes += reader_torn_bytes(run->reader);
        if (verify_end(run->verify, err))
            return true;
    }
    if (result != READER_FAILED)
        run->broken = *err;
    return result != READER_FAILED;
}

static bool is_there(const struct run *run, const struct promise *promise, struct error *err)
{
    return run->listing.count > 0 || promise->durable_seq > 0 || promise->receipt.seq > 0 ||
           error_set(err,
                     "there is no journal in '%s': no file is called like a segment, such as "
                     "00000000000000000001.jsonl",
                     run->place.directories[0]);
}

static bool verify_journal(struct run *run, struct error *err)
{
    const struct promise promise = promise_read(run->place.directories[0]);
    const struct verify_options options = {.pinned =
                                               run->pins.keys.count > 0 ? &run->pins.keys : NULL,
                                           .expected = run->expected,
                                           .expected_count = run->expected_paths.count,
                                           .promise = promise,
                                           .directories = run->place.directories,
                                           .directory_count = run->place.directory_count,
                                           .finding = on_finding,
                                           .arg = run};
    const struct reader_options reading = {.directories = run->place.directories,
                                           .directory_count = run->place.directory_count};
    if (!listing_read(run->place.directories, run->place.directory_count, &run->listing, err) ||
        !is_there(run, &promise, err) || !(run->reader = reader_open(&reading, err)))
        return false;
    if (!(run->verify = verify_new(&options)))
        return error_set(err, "out of memory");
    bool fine = read_records(run, err);
    show_progress(0, true);
    return fine;
}

/* ---- the answer ---- */

/* Of a journal that is whole, all that was read is all that there is; it may have grown since. */
static struct audit_verify_result result_of(const struct run *run)
{
    const struct verify_report *report = verify_report(run->verify);
    struct audit_verify_result result = {.report = report,
                                         .findings = &run->findings,
                                         .whole_segments = report->segments,
                                         .segments = report->segments,
                                         .records = report->records,
                                         .checkpoints = report->notes,
                                         .torn_bytes = run->torn_bytes,
                                         .is_pinned = run->pins.keys.count > 0,
                                         .expected = run->expected_paths.count};
    if (!run->broken.text[0])
        return result;
    struct listing_totals there = listing_count(&run->listing);
    bool broke_within = report->segments > 0 && reader_segments(run->reader) <= report->segments;
    result.broken = run->broken.text;
    result.whole_segments -= broke_within;
    result.segments = run->listing.count;
    result.records = there.lines > report->records ? there.lines : report->records;
    result.checkpoints = there.notes > report->notes ? there.notes : report->notes;
    return result;
}

/* In one step, so that a checkpoint that is there is whole. */
static bool write_checkpoint(const struct run *run, struct error *err)
{
    char temporary[4096];
    struct str note = verify_report(run->verify)->last_note;
    int length = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", run->checkpoint_out);
    if (length < 0 || (size_t)length >= sizeof(temporary))
        return error_set(err, "the path '%.100s…' is too long", run->checkpoint_out);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return error_set(err, "cannot write '%s': %s", run->checkpoint_out, strerrordesc_np(errno));
    bool fine = write(fd, note.data, note.len) == (ssize_t)note.len && fchmod(fd, 0644) == 0 &&
                fsync(fd) == 0 && rename(temporary, run->checkpoint_out) == 0;
    int why = errno;
    close(fd);
    if (fine)
        return true;
    (void)unlink(temporary);
    return error_set(err, "cannot write '%s': %s", run->checkpoint_out, strerrordesc_np(why));
}

static int answer(struct run *run)
{
    const struct audit_verify_result result = result_of(run);
    struct error err;
    struct buf out;
    buf_init(&out, LIMIT_REPORT_BYTES);
    if (run->format == FORMAT_JSON)
        audit_verify_json(&result, &out);
    else
        audit_verify_text(&result, &out);
    if (!print_answer(&out))
        return EXIT_USAGE;
    if (result.broken || run->findings.count > 0)
        return EXIT_FINDINGS;
    if (run->checkpoint_out && !write_checkpoint(run, &err)) {
        (void)complain(&err);
        return EXIT_USAGE;
    }
    return EXIT_FINE;
}

static int run_verify(struct run *run)
{
    struct error err = {0};
    if (!audit_place_resolve(&run->place, "audit verify") ||
        !audit_pins_read(&run->pins, &run->arena, "audit verify"))
        return EXIT_USAGE;
    if (!read_expected(run, &err) || !verify_journal(run, &err)) {
        (void)complain(&err);
        return EXIT_USAGE;
    }
    return answer(run);
}

int cli_audit_verify(int argc, char **argv)
{
    static struct run run; /* large: its lists of arguments */
    int exit_code;
    if (!read_options(&run, argc, argv, &exit_code))
        return exit_code;
    arena_init(&run.arena, LIMIT_ARENA_BYTES);
    problems_init(&run.findings);
    exit_code = run_verify(&run);
    reader_close(run.reader);
    verify_free(run.verify);
    listing_release(&run.listing);
    problems_release(&run.findings);
    audit_place_release(&run.place);
    arena_release(&run.arena);
    return exit_code;
}
