/*
 *     filters -> query -> source --page by page--> format --> file, and its digest
 *                           ^                                        |
 *                           `-- of each decision: its outcome        v
 *                                       "exported" into the journal, manifest, signature
 *
 * Both files appear at the end, whole; memory is that of one page.
 */
#include <libgen.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/manifest.h"
#include "audit/record.h"
#include "base/clock.h"
#include "base/limits.h"
#include "cli/audit.h"
#include "cli/audit_export_check.h"
#include "cli/audit_filters.h"
#include "cli/audit_record.h"
#include "cli/audit_source.h"
#include "cli/cli.h"
#include "cli/export_format.h"
#include "cli/output_file.h"

#define PAGE_RECORDS 500
#define PENDING_BYTES (256 * 1024) /* collected before they are written */
#define LIMIT_SOURCES 4096         /* gateways in one file */

static const char help[] =
    "usage: campaign-gateway audit export --output FILE [OPTION...]\n"
    "       campaign-gateway audit export --check MANIFEST --keys FILE [--output FILE]\n"
    "\n"
    "Writes what `audit search` finds to a file for other tools, oldest first, and beside it a\n"
    "manifest: what was asked, how many rows, from which records, the file's SHA-256 and the "
    "newest\n"
    "checkpoint, signed with the journal's key. That it was exported is recorded in the journal.\n"
    "\n"
    "      --format FORMAT   jsonl (the journal's own lines), csv (a row for each campaign), ocsf\n"
    "                        (API Activity, for a SIEM) or cloudevents (1.0, in JSON)\n"
    "  -o, --output FILE     a new file; both appear when all is written, and only then\n"
    "      --manifest FILE   instead of OUTPUT.manifest\n"
    "      --force           replace files that are there\n"
    "      --check MANIFEST  instead: is the file what was exported, and who signed that? Needs\n"
    "                        --keys or --key; the file lies beside the manifest, or is --output\n"
    "\n" AUDIT_PINS_HELP AUDIT_PLACE_HELP AUDIT_CENTRAL_HELP AUDIT_FILTERS_HELP AUDIT_SOURCE_HELP
    "\n"
    "exit codes\n"
    "  0  exported; or the file is what was exported\n"
    "  1  nothing was found (the files are there), or the export could not be recorded; or the\n"
    "     file is not what was exported\n"
    "  2  the command line is wrong, or the journal is broken or cannot be read: there is no file\n"
    "\n"
    "example\n"
    "  campaign-gateway audit export --config /etc/campaign-gateway/gateway.yaml \\\n"
    "      --format csv --since 2026-11-01 --until 2026-11-30 --output november.csv\n";

struct export
{
    struct audit_place place;
    struct audit_filters filters;
    struct audit_source_options source_options;
    struct audit_pins pins;
    const char *output_path, *manifest_path, *check_path;
    bool force;
    size_t format_number;

    struct arena arena, page; /* of the whole; of the page */
    const struct export_format *format;
    struct audit_source *source;
    struct output *output, *manifest_output;
    struct digest_stream *digest;
    struct buf pending, next, filter;
    struct export_record records[PAGE_RECORDS];
    size_t record_count;
    struct export_record *joined; /* the decision whose end is being found */
    struct str note;              /* what was found of a source's checkpoints */
    struct manifest manifest;
    struct manifest_source sources[LIMIT_SOURCES];
    bool failed; /* no memory */
    bool is_recorded;
};

static int complain(const struct error *err, int exit_code)
{
    (void)fprintf(stderr, "campaign-gateway audit export: %s\n", err->text);
    return exit_code;
}

/* ---- options ---- */

static bool read_options(struct export *x, int argc, char **argv, int *exit_code)
{
    const struct argument_option options[] = {
        AUDIT_PLACE_OPTIONS(&x->place),
        AUDIT_CENTRAL_OPTIONS(&x->place),
        AUDIT_FILTERS_OPTIONS(&x->filters),
        AUDIT_SOURCE_OPTIONS(&x->source_options),
        AUDIT_PINS_OPTIONS(&x->pins),
        {.name = "format", .value = "jsonl|csv|ocsf|cloudevents", .choice = &x->format_number},
        {.name = "output", .letter = 'o', .value = "FILE", .text = &x->output_path},
        {.name = "manifest", .value = "FILE", .text = &x->manifest_path},
        {.name = "check", .value = "MANIFEST", .text = &x->check_path},
        {.name = "force", .flag = &x->force},
    };
    const struct arguments spec = {.help = help,
                                   .verb = "audit export",
                                   .options = options,
                                   .option_count = COUNT_OF(options)};
    return arguments_read(&spec, argc, argv, exit_code);
}

static bool prepare(struct export *x, struct error *err)
{
    struct str kind = str_from(x->filters.kind);
    x->format = &export_formats[x->format_number];
    if (!x->output_path)
        return error_set(err, "--output FILE is missing; try --help");
    if (x->format->only_kind && kind.len && !str_equal(kind, str_from(x->format->kind)))
        return error_set(err, "--format %s has events for the kind '%s' only", x->format->name,
                         x->format->kind);
    if (!x->manifest_path)
        x->manifest_path = arena_format(&x->arena, "%s.manifest", x->output_path).data;
    if (!x->manifest_path)
        return error_set(err, "out of memory");
    if (!audit_filters_read(&x->filters, &x->place, str_from(x->format->kind), clock_unix_ms(),
                            &x->arena, err))
        return false;
    x->filters.query.oldest_first = true;
    x->filters.query.limit = PAGE_RECORDS;
    x->digest = digest_stream_new();
    if (!x->digest)
        return error_set(err, "out of memory");
    x->output = output_open(x->output_path, x->force, err);
    x->manifest_output = x->output ? output_open(x->manifest_path, x->force, err) : NULL;
    return x->manifest_output != NULL;
}

/* ---- what was found ---- */

static bool copy(struct export *x, struct export_record *to, struct str source, uint64_t seq,
                 struct str json, struct str hash)
{
    struct json_fault fault;
    *to = (struct export_record){.source = arena_copy(&x->page, source),
                                 .json = arena_copy(&x->page, json),
                                 .hash = arena_copy(&x->page, hash),
                                 .seq = seq};
    x->failed |= !to->source.data || !to->json.data || !to->hash.data;
    if (!x->failed)
        to->value = json_read(to->json, &x->page, &fault);
    return !x->failed;
}

static bool take_record(void *arg, struct str source, uint64_t seq, struct str json,
                        struct str hash)
{
    struct export *x = arg;
    return copy(x, &x->records[x->record_count++], source, seq, json, hash);
}

/* What follows a decision: the last of each kind counts. */
static bool take_end(void *arg, struct str source, uint64_t seq, struct str json, struct str hash)
{
    struct export *x = arg;
    struct export_record end;
    if (!copy(x, &end, source, seq, json, hash))
        return false;
    if (str_equal(record_text(end.value, "kind"), STR("outcome")))
        x->joined->outcome = end.value;
    if (str_equal(record_text(end.value, "kind"), STR("closed")))
        x->joined->closed = end.value;
    return true;
}

/* Of a decision that allowed, what became of it. */
static bool join(struct export *x, struct export_record *record, struct error *err)
{
    struct search_query query = {.id = record_text(record->value, "id"),
                                 .source = record->source,
                                 .from_seq = record->seq + 1,
                                 .oldest_first = true,
                                 .limit = LIMIT_STORY_RECORDS};
    struct buf unused;
    if (!x->format->joins || query.id.len == 0 ||
        !str_equal(record_text(record->value, "verdict"), STR("allow")))
        return true;
    x->joined = record;
    buf_init(&unused, 256);
    bool fine = audit_source_search(x->source, &query, take_end, x, &unused, err);
    buf_release(&unused);
    return fine;
}

/* ---- the manifest's account ---- */

static struct manifest_source *source_of(struct export *x, struct str name)
{
    struct manifest *manifest = &x->manifest;
    for (size_t i = manifest->source_count; i-- > 0;) {
        if (str_equal(x->sources[i].source, name))
            return &x->sources[i];
    }
    struct str copy_of_name = arena_copy(&x->arena, name);
    if (manifest->source_count == LIMIT_SOURCES || !copy_of_name.data)
        return NULL;
    x->sources[manifest->source_count] = (struct manifest_source){.source = copy_of_name};
    return &x->sources[manifest->source_count++];
}

static bool account(struct export *x, const struct export_record *record, struct error *err)
{
    struct manifest *manifest = &x->manifest;
    struct manifest_source *source = source_of(x, record->source);
    int64_t time;
    if (!source)
        return error_set(err, "there are more than %d gateways: export some of them with --source",
                         LIMIT_SOURCES);
    if (source->rows++ == 0 || record->seq < source->first_seq)
        source->first_seq = record->seq;
    if (record->seq > source->last_seq)
        source->last_seq = record->seq;
    manifest->rows++;
    if (!record_time(record->value, &time))
        return true;
    if (time < manifest->first_unix_ms)
        manifest->first_unix_ms = time;
    if (time > manifest->last_unix_ms)
        manifest->last_unix_ms = time;
    return true;
}

static bool take_note(void *arg, struct str source, uint64_t seq, struct str json, struct str hash)
{
    struct export *x = arg;
    struct export_record record;
    if (copy(x, &record, source, seq, json, hash))
        x->note = arena_copy(&x->arena, record_text(record.value, "note"));
    return false;
}

/* The newest checkpoint that a journal has; segments begin with one, too. */
static bool find_note(struct export *x, struct manifest_source *source, struct error *err)
{
    static const char *const kinds[] = {"checkpoint", "segment"};
    x->note = (struct str){0};
    for (size_t i = 0; i < COUNT_OF(kinds) && x->note.len == 0; i++) {
        struct search_query query = {
            .source = source->source, .kind = str_from(kinds[i]), .limit = 1};
        struct buf unused;
        buf_init(&unused, 256);
        bool fine = audit_source_search(x->source, &query, take_note, x, &unused, err);
        buf_release(&unused);
        if (!fine)
            return false;
    }
    source->checkpoint = x->note;
    return true;
}

/* ---- writing ---- */

static bool flush(struct export *x, struct error *err)
{
    struct str bytes = buf_str(&x->pending);
    if (x->pending.failed || !digest_stream_add(x->digest, bytes))
        return error_set(err, "out of memory");
    x->manifest.bytes += bytes.len;
    bool fine = output_write(x->output, bytes, err);
    buf_clear(&x->pending);
    return fine;
}

static bool put_page(struct export *x, struct error *err)
{
    for (size_t i = 0; i < x->record_count; i++) {
        if (!join(x, &x->records[i], err) || !account(x, &x->records[i], err))
            return false;
        x->format->put(&x->records[i], &x->pending);
        if (x->pending.len >= PENDING_BYTES && !flush(x, err))
            return false;
    }
    return !x->failed || error_set(err, "out of memory");
}

/* The page behind *after, which becomes where the next one begins; empty: there is none. */
static bool export_page(struct export *x, struct buf *after, struct error *err)
{
    arena_reset(&x->page);
    x->record_count = 0;
    buf_clear(&x->next);
    x->filters.query.after = buf_str(after);
    if (!audit_source_search(x->source, &x->filters.query, take_record, x, &x->next, err) ||
        !put_page(x, err))
        return false;
    buf_clear(after);
    return buf_append(after, buf_str(&x->next)) || error_set(err, "out of memory");
}

static bool export_all(struct export *x, struct error *err)
{
    struct buf after;
    bool fine;
    buf_init(&after, 256);
    x->manifest.first_unix_ms = INT64_MAX;
    x->manifest.last_unix_ms = INT64_MIN;
    if (audit_source_name(x->source).len)
        (void)source_of(x, audit_source_name(x->source)); /* also when it has nothing to tell */
    if (x->format->begin)
        x->format->begin(&x->pending);
    do {
        fine = export_page(x, &after, err);
    } while (fine && after.len > 0);
    buf_release(&after);
    for (size_t i = 0; fine && i < x->manifest.source_count; i++)
        fine = find_note(x, &x->sources[i], err);
    return fine && flush(x, err);
}

/* ---- the end ---- */

static bool finish_manifest(struct export *x, struct error *err)
{
    struct manifest *manifest = &x->manifest;
    uint8_t digest[DIGEST_BYTES];
    char copy_of_path[4096], by[OPERATOR_NAME_SIZE];
    operator_name(by);
    audit_filters_put(&x->filters, &x->arena, &x->filter);
    (void)snprintf(copy_of_path, sizeof(copy_of_path), "%s", x->output_path);
    if (!digest_stream_end(x->digest, digest))
        return error_set(err, "libcrypto failed");
    digest_to_hex(digest, manifest->sha256);
    manifest->time_unix_ms = clock_unix_ms();
    manifest->by = arena_copy(&x->arena, str_from(by));
    manifest->version = STR(GATEWAY_VERSION);
    manifest->file = arena_copy(&x->arena, str_from(basename(copy_of_path)));
    manifest->file_format = str_from(x->format->name);
    manifest->filter = buf_str(&x->filter);
    manifest->sources = x->sources;
    return (!x->filter.failed && manifest->by.data && manifest->file.data) ||
           error_set(err, "out of memory");
}

/* The journal's key; NULL, with a sentence, when it cannot be read, as on a copy. */
static struct signing_key *load_key(struct export *x)
{
    const struct config *config = x->place.config;
    const char *path =
        config && config->audit.signing_key.value.len ? config->audit.signing_key.value.data : NULL;
    struct signing_key *key = NULL;
    struct error err;
    if (!path && x->place.directory_count)
        path = arena_format(&x->arena, "%s/signing.key", x->place.directories[0]).data;
    if (path && signing_key_load(path, NULL, &key, NULL, &err))
        return key;
    if (!path)
        (void)error_set(&err, "no journal's key is known; --config names one");
    (void)fprintf(stderr,
                  "campaign-gateway audit export: the manifest IS NOT SIGNED, so it proves nothing "
                  "about who made it: %s\n",
                  err.text);
    return NULL;
}

static bool write_manifest(struct export *x, struct error *err)
{
    struct str name = audit_source_name(x->source);
    struct signing_key *key = load_key(x);
    struct buf note;
    if (key)
        x->manifest.signer = note_is_name(name) ? name : STR("campaign-gateway/export");
    buf_init(&note, LIMIT_MANIFEST_BYTES);
    bool fine = manifest_write(&x->manifest, key, &note)
                    ? output_write(x->manifest_output, buf_str(&note), err)
                    : error_set(err, "the manifest cannot be made");
    buf_release(&note);
    signing_key_free(key);
    return fine;
}

static bool submit(struct export *x, struct error *err)
{
    struct buf members;
    struct exported_record record = {.format = x->manifest.file_format,
                                     .file_sha256 = str_from(x->manifest.sha256),
                                     .by = x->manifest.by,
                                     .rows = x->manifest.rows,
                                     .filter = x->manifest.filter};
    buf_init(&members, LIMIT_RECORD_BYTES);
    record_exported(&record, &members);
    bool done = members.failed ? error_set(err, "what was asked is too long for a record")
                               : audit_record(x->place.config, buf_str(&members), err);
    buf_release(&members);
    return done;
}

/* Before the file is there: who takes something out is to be known. */
static void record_it(struct export *x)
{
    struct error err;
    x->is_recorded = true;
    if (!x->place.config) {
        (void)fputs("campaign-gateway audit export: this export is not recorded: that takes "
                    "--config, which names the journal\n",
                    stderr);
        return;
    }
    x->is_recorded = submit(x, &err);
    if (!x->is_recorded)
        (void)fprintf(stderr,
                      "campaign-gateway audit export: this export COULD NOT BE RECORDED: %s\n",
                      err.text);
}

static int run(struct export *x)
{
    struct error err;
    if (!prepare(x, &err))
        return complain(&err, EXIT_USAGE);
    x->source = audit_source_open(&x->place, &x->source_options, "audit export");
    if (!x->source)
        return EXIT_USAGE;
    audit_filters_record_lookup(&x->filters, &x->place, "audit export");
    bool fine = export_all(x, &err) && finish_manifest(x, &err) && write_manifest(x, &err);
    bool whole = audit_source_report(x->source);
    if (!fine)
        return complain(&err, EXIT_USAGE);
    if (!whole)
        return EXIT_USAGE;
    record_it(x);
    if (!output_commit(x->output, &err) || !output_commit(x->manifest_output, &err))
        return complain(&err, EXIT_USAGE);
    (void)printf("%llu %s in %s\n", (unsigned long long)x->manifest.rows,
                 x->manifest.rows == 1 ? "row" : "rows", x->output_path);
    return x->manifest.rows && x->is_recorded ? EXIT_FINE : EXIT_FINDINGS;
}

int cli_audit_export(int argc, char **argv)
{
    static struct export x; /* large: its page, and its lists of arguments */
    int exit_code = EXIT_USAGE;
    if (!read_options(&x, argc, argv, &exit_code))
        return exit_code;
    arena_init(&x.arena, 64UL << 20);
    arena_init(&x.page, 256UL << 20); /* of the largest records a page could hold */
    buf_init(&x.pending, PENDING_BYTES + 4UL * LIMIT_RECORD_BYTES);
    buf_init(&x.next, 256);
    buf_init(&x.filter, LIMIT_RECORD_BYTES);
    if (x.check_path)
        exit_code = export_check(x.check_path, x.output_path, &x.pins, &x.arena);
    else if (audit_place_resolve(&x.place, "audit export"))
        exit_code = run(&x);
    output_close(x.manifest_output);
    output_close(x.output);
    digest_stream_free(x.digest);
    audit_source_close(x.source);
    buf_release(&x.filter);
    buf_release(&x.next);
    buf_release(&x.pending);
    arena_release(&x.page);
    arena_release(&x.arena);
    audit_place_release(&x.place);
    return exit_code;
}
