/*
 *     files -- reader ------------.
 *                                  >-- verify_take ... verify_end --> result
 *     rows --- chain_check ------'
 */
#include "cli/audit_verify_run.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/listing.h"
#include "audit/member.h"
#include "audit/reader.h"

/* ---- progress, for whoever waits ---- */

static void show_progress(const struct audit_verify_run *run, bool is_end)
{
    static int64_t begun_us, shown_us;
    static bool shown;
    if (!run->request.shows_progress || !isatty(STDERR_FILENO))
        return;
    int64_t now_us = clock_mono_us();
    if (!begun_us)
        begun_us = shown_us = now_us;
    if (is_end && shown)
        (void)fputs("\r\033[K", stderr);
    shown = shown && !is_end;
    if (is_end || now_us - shown_us < 500000)
        return;
    (void)fprintf(stderr, "\r%llu records are as they were written",
                  (unsigned long long)verify_report(run->verify)->records);
    shown_us = now_us;
    shown = true;
}

/* ---- what is found ---- */

static void on_finding(void *arg, const char *sentence)
{
    struct audit_verify_run *run = arg;
    struct error err;
    (void)error_set(&err, "%s%s%s", run->place, run->place[0] ? ": " : "", sentence);
    (void)problems_add(&run->findings, &err);
}

static bool break_here(struct audit_verify_run *run, const char *why)
{
    return error_set(&run->broken, "%s%s%s", run->place, run->place[0] ? ": " : "", why);
}

static bool begin(struct audit_verify_run *run, const struct audit_verify_request *request,
                  struct verify_options *options, struct error *err)
{
    *run = (struct audit_verify_run){.request = *request};
    problems_init(&run->findings);
    options->pinned = request->pinned;
    options->finding = on_finding;
    options->arg = run;
    run->verify = verify_new(options);
    return run->verify || error_set(err, "out of memory");
}

/* Of a journal that is whole, all that was read is all that there is; it may have grown since. */
static void conclude(struct audit_verify_run *run)
{
    const struct verify_report *report = verify_report(run->verify);
    show_progress(run, true);
    run->result =
        (struct audit_verify_result){.report = report,
                                     .broken = run->broken.text[0] ? run->broken.text : NULL,
                                     .findings = &run->findings,
                                     .whole_segments = report->segments,
                                     .segments = report->segments,
                                     .fine_records = report->records + run->linked,
                                     .records = report->records + run->linked,
                                     .linked = run->linked,
                                     .checkpoints = report->notes,
                                     .torn_bytes = run->torn_bytes,
                                     .is_pinned = run->request.pinned != NULL,
                                     .expected = run->request.expected_count};
}

/* ---- files ---- */

/* Behind the last record of a segment may stand what a failing disk did not let be cut off. */
static void count_remains(struct audit_verify_run *run, const char *next_file)
{
    struct stat file;
    if (run->file[0] && stat(run->file, &file) == 0 && (uint64_t)file.st_size > run->file_end)
        run->torn_bytes += (uint64_t)file.st_size - run->file_end;
    (void)snprintf(run->file, sizeof(run->file), "%s", next_file);
}

static bool take_from_file(struct audit_verify_run *run, const struct reader_record *read)
{
    const struct verify_record record = {.json = read->json,
                                         .head = read->head,
                                         .has_file = true,
                                         .begins_file = read->line_number == 1};
    struct error why;
    if (read->line_number == 1)
        count_remains(run, read->file);
    run->file_end = read->offset + read->line.len + 1;
    (void)snprintf(run->place, sizeof(run->place), "%s:%llu", read->file,
                   (unsigned long long)read->line_number);
    if (read->head.seq % 4096 == 0)
        show_progress(run, false);
    return verify_take(run->verify, &record, &why) || break_here(run, why.text);
}

/* All records, as far as they are good. False with `err` when they cannot be read. */
static bool read_files(struct audit_verify_run *run, struct reader *reader, struct error *err)
{
    struct reader_record record;
    enum reader_result result;
    while ((result = reader_next(reader, &record, err)) == READER_RECORD) {
        if (!take_from_file(run, &record))
            return true;
    }
    run->place[0] = '\0';
    if (result == READER_FAILED)
        return false;
    if (result == READER_END) {
        run->torn_bytes += reader_torn_bytes(reader);
        if (verify_end(run->verify, err))
            return true;
    }
    run->broken = *err;
    return true;
}

/* What a journal that is broken has besides what was read: as it lies there. */
static void count_files(struct audit_verify_run *run, const struct reader *reader,
                        const struct listing *listing)
{
    const struct verify_report *report = verify_report(run->verify);
    struct audit_verify_result *result = &run->result;
    const struct listing_totals there = listing_count(listing);
    bool broke_within = report->segments > 0 && reader_segments(reader) <= report->segments;
    result->whole_segments -= broke_within;
    result->segments = listing->count;
    if (there.lines > result->records)
        result->records = there.lines;
    if (there.notes > result->checkpoints)
        result->checkpoints = there.notes;
}

static bool is_there(const char *directory, const struct listing *listing,
                     const struct promise *promise, struct error *err)
{
    return listing->count > 0 || promise->durable_seq > 0 || promise->receipt.seq > 0 ||
           error_set(err,
                     "there is no journal in '%s': no file is called like a segment, such as "
                     "00000000000000000001.jsonl",
                     directory);
}

/* ---- what the central database has of it ---- */

struct comparison {
    struct verify_expected expected[LIMIT_AUDIT_EXPECTED + 1];
    size_t expected_count;
    struct buf note;
    struct promise promise;
    bool found;
};

static bool take_source(void *arg, const struct central_source *source)
{
    struct comparison *with = arg;
    with->found = true;
    with->promise.receipt = source->head;
    with->promise.receipt_place = "the central database";
    buf_append(&with->note, source->checkpoint_note);
    return false;
}

/* The database's own last checkpoint is one more that was kept elsewhere. */
static void expect_note(struct comparison *with)
{
    struct verify_expected *expected = &with->expected[with->expected_count];
    expected->name = "the central database";
    expected->note = buf_str(&with->note);
    with->expected_count += checkpoint_parse(expected->note, &expected->says);
}

/* Whose journal it is says its first record. Empty: there is none, or it does not say. */
static bool read_origin(const struct reader_options *options, char origin[LIMIT_ORIGIN_BYTES + 1],
                        struct error *err)
{
    struct reader_record record;
    struct str source;
    struct error why;
    struct reader *reader = reader_open(options, err);
    origin[0] = '\0';
    if (reader && reader_next(reader, &record, &why) == READER_RECORD &&
        member_text(record.json, STR("source"), &source))
        (void)snprintf(origin, LIMIT_ORIGIN_BYTES + 1, "%.*s", STR_ARGS(source));
    reader_close(reader);
    return reader != NULL;
}

static bool compare_with_central(struct comparison *with, struct central *central,
                                 const struct reader_options *reading, struct error *err)
{
    char origin[LIMIT_ORIGIN_BYTES + 1];
    if (!read_origin(reading, origin, err))
        return false;
    if (!origin[0])
        return true; /* then verify says why */
    if (!central_each_source(central, str_from(origin), take_source, with, err))
        return false;
    if (!with->found)
        return error_set(err, "the central database does not know the journal %s; was it shipped?",
                         origin);
    expect_note(with);
    return !with->note.failed || error_set(err, "out of memory");
}

static bool run_files(struct audit_verify_run *run, const struct audit_verify_request *request,
                      const struct reader_options *reading, struct central *central,
                      struct comparison *with, const struct listing *listing, struct error *err)
{
    with->promise = promise_of(reading->directories, reading->directory_count);
    if (!is_there(reading->directories[0], listing, &with->promise, err) ||
        (central && !compare_with_central(with, central, reading, err)))
        return false;
    struct verify_options options = {.expected = with->expected,
                                     .expected_count = with->expected_count,
                                     .promise = with->promise,
                                     .directories = reading->directories,
                                     .directory_count = reading->directory_count};
    struct reader *reader = reader_open(reading, err);
    bool fine = reader && begin(run, request, &options, err) && read_files(run, reader, err);
    if (fine) {
        conclude(run);
        run->result.expected = with->expected_count;
        if (run->result.broken)
            count_files(run, reader, listing);
    }
    reader_close(reader);
    return fine;
}

bool audit_verify_files(struct audit_verify_run *run, const struct audit_verify_request *request,
                        const char *const *directories, size_t directory_count,
                        struct central *central, struct error *err)
{
    const struct reader_options reading = {.directories = directories,
                                           .directory_count = directory_count};
    struct comparison with = {.expected_count = request->expected_count};
    struct listing listing = {0};
    if (request->expected_count)
        memcpy(with.expected, request->expected,
               request->expected_count * sizeof(*request->expected));
    buf_init(&with.note, LIMIT_CHECKPOINT_BYTES);
    bool fine = listing_read(directories, directory_count, &listing, err) &&
                run_files(run, request, &reading, central, &with, &listing, err);
    listing_release(&listing);
    buf_release(&with.note);
    return fine;
}

/* ---- rows ---- */

/* When months were dropped the first rows may be in the middle of a segment. They are as they were
 * written if the first segment record that comes follows them: its own hash covers theirs. */
static bool take_row(void *arg, uint64_t seq, struct str line)
{
    struct audit_verify_run *run = arg;
    struct verify_record record = {0};
    struct error why;
    (void)snprintf(run->place, sizeof(run->place), "record %llu", (unsigned long long)seq);
    const char *wrong = chain_check(&run->head, line, &record.json);
    if (wrong)
        return break_here(run, wrong);
    if (run->head.seq != seq)
        return break_here(run, "the row has another number than its record");
    record.head = run->head;
    if (verify_report(run->verify)->records == 0 &&
        !member_is(record.json, STR("kind"), STR("segment"))) {
        run->linked++;
        return true;
    }
    if (seq % 4096 == 0)
        show_progress(run, false);
    return verify_take(run->verify, &record, &why) || break_here(run, why.text);
}

static bool end_rows(struct audit_verify_run *run, struct error *err)
{
    run->place[0] = '\0';
    if (run->linked > 0 && verify_report(run->verify)->records == 0)
        return error_set(err, "no segment record is left: nothing signed covers these records");
    return verify_end(run->verify, err);
}

bool audit_verify_central(struct audit_verify_run *run, const struct audit_verify_request *request,
                          struct central *central, const struct central_source *source,
                          struct error *err)
{
    struct verify_options options = {
        .expected = request->expected,
        .expected_count = request->expected_count,
        .promise = {.receipt = source->head, .receipt_place = "its table of sources"}};
    struct error why;
    if (!begin(run, request, &options, err) ||
        !central_read(central, source->source, 0, take_row, run, err))
        return false;
    if (!run->broken.text[0] && !end_rows(run, &why))
        run->broken = why;
    if (source->conflicts > 0) {
        (void)snprintf(why.text, sizeof(why.text),
                       "%llu records came a second time, and different: two gateways, or somebody "
                       "else, write as this source; see the table audit_conflict",
                       (unsigned long long)source->conflicts);
        on_finding(run, why.text);
    }
    conclude(run);
    if (run->result.broken && source->head.seq >= source->first_seq && source->first_seq > 0)
        run->result.records = source->head.seq - source->first_seq + 1;
    return true;
}

void audit_verify_release(struct audit_verify_run *run)
{
    verify_free(run->verify);
    run->verify = NULL;
    problems_release(&run->findings);
}
