/*
 *     the first file that names the campaign -- reader --> verify --> prover --> proof
 */
#include <errno.h>
#include <stdio.h>

#include "audit/listing.h"
#include "audit/proof.h"
#include "audit/reader.h"
#include "audit/verify.h"
#include "base/limits.h"
#include "cli/arguments.h"
#include "cli/audit.h"
#include "cli/audit_place.h"
#include "cli/cli.h"
#include "cli/print.h"

static const char help[] =
    "usage: campaign-gateway audit prove ID --config FILE | --directory DIR [OPTION...]\n"
    "\n"
    "Makes a proof that the records of one campaign are in the journal: the decision, and what\n"
    "became of it, as they stand there, and why the signed checkpoint covers them. It shows no\n"
    "other record. ID is the decision's, X-Decision-Id of the gateway's answer.\n"
    "\n" AUDIT_PLACE_HELP "  -o, --output FILE     write the proof there instead of printing it\n"
    "\n"
    "exit codes\n"
    "  0  the proof was made\n"
    "  1  there is no such record, or no checkpoint over it yet, or the journal is not what was\n"
    "     written\n"
    "  2  the command line is wrong, or the journal cannot be read\n"
    "\n"
    "example\n"
    "  campaign-gateway audit prove 01935d8e-7a10-7cc3-98c4-dc0c0c07398f \\\n"
    "      --config gateway.yaml --output proof.json\n"
    "  campaign-gateway audit verify-proof proof.json --keys keys\n";

struct run {
    struct audit_place place;
    struct argument_list ids;
    const char *output;

    struct listing listing;
    struct arena arena; /* the lines of the proof */
    struct prover prover;
    struct reader *reader;
    struct verify *verify;
};

static int complain(const struct error *err, int exit_code)
{
    (void)fprintf(stderr, "campaign-gateway audit prove: %s\n", err->text);
    return exit_code;
}

static bool read_options(struct run *run, int argc, char **argv, int *exit_code)
{
    const struct argument_option options[] = {
        AUDIT_PLACE_OPTIONS(&run->place),
        {.name = "output", .letter = 'o', .value = "FILE", .text = &run->output},
    };
    const struct arguments spec = {.help = help,
                                   .verb = "audit prove",
                                   .options = options,
                                   .option_count = COUNT_OF(options),
                                   .rest = &run->ids,
                                   .rest_name = "ID",
                                   .least = 1,
                                   .most = 1};
    return arguments_read(&spec, argc, argv, exit_code);
}

/* ---- reading ---- */

static void ignore_finding(void *arg, const char *sentence)
{
    (void)arg;
    (void)sentence; /* `audit verify` tells of them; none concerns the records that are proven */
}

/* The tree as a note covers it is the one before the note's own record. */
static bool take(struct run *run, const struct reader_record *read, struct error *err)
{
    const struct verify_record record = {.json = read->json,
                                         .head = read->head,
                                         .has_file = true,
                                         .begins_file = read->line_number == 1};
    const struct merkle before = *verify_tree(run->verify);
    const struct verify_report *report = verify_report(run->verify);
    const uint64_t notes = report->notes;
    struct error why;
    prover_look(&run->prover, read->line, read->json, read->head.seq, &before);
    if (!verify_take(run->verify, &record, &why))
        return error_set(err, "%s:%llu: %s", read->file, (unsigned long long)read->line_number,
                         why.text);
    if (report->notes > notes && !prover_cover(&run->prover, report->last_note, &before))
        return error_set(err, "out of memory");
    return !run->prover.failed ||
           error_set(err, "the campaign has more than %d records", LIMIT_PROOF_RECORDS);
}

/* Reads to the end: the campaign may have records far behind the first ones. */
static enum reader_result read_records(struct run *run, struct error *err)
{
    struct reader_record record;
    enum reader_result result;
    while ((result = reader_next(run->reader, &record, err)) == READER_RECORD) {
        if (!take(run, &record, err))
            return READER_BROKEN;
    }
    return result;
}

/* From the first file that names the id: older ones may be damaged, or gone. */
static bool open_journal(struct run *run, const struct verify_options *options, struct error *err)
{
    char text[ID_SIZE + 8];
    struct reader_options reading = {.directories = run->place.directories,
                                     .directory_count = run->place.directory_count};
    (void)snprintf(text, sizeof(text), "\"id\":\"%s\"", run->ids.items[0]);
    const struct listing_file *file = listing_find(&run->listing, str_from(text));
    if (!file)
        return true;
    reading.from_seq = file->first_seq;
    run->reader = reader_open(&reading, err);
    if (!run->reader)
        return false;
    run->verify = verify_new(options);
    return run->verify || error_set(err, "out of memory");
}

/* ---- the answer ---- */

static bool write_proof(const struct run *run, struct error *err)
{
    const struct proof proof = prover_proof(&run->prover);
    struct buf out;
    buf_init(&out, LIMIT_PROOF_BYTES);
    proof_write(&proof, &out);
    if (!run->output)
        return print_answer(&out) || error_set(err, "the proof was not written");
    FILE *file = out.failed ? NULL : fopen(run->output, "we");
    bool fine = file && fwrite(out.data, 1, out.len, file) == out.len;
    if (file && fclose(file) != 0)
        fine = false;
    if (!fine)
        (void)error_set(err, "cannot write '%s': %s", run->output,
                        out.failed ? "no memory" : strerrordesc_np(errno));
    buf_release(&out);
    return fine;
}

static void tell(const struct run *run)
{
    const struct prover *prover = &run->prover;
    if (prover->covered < prover->count)
        (void)fprintf(
            stderr,
            "campaign-gateway audit prove: %zu more records of the campaign are not under "
            "a checkpoint yet; ask again in a second\n",
            prover->count - prover->covered);
}

/* A journal that is damaged behind the checkpoint proves what is under it all the same. */
static int answer(struct run *run, enum reader_result result, struct error *err)
{
    struct error why;
    if (run->prover.covered == 0 && result == READER_END)
        (void)error_set(err,
                        run->prover.count == 0
                            ? "there is no record of %s in this journal"
                            : "no checkpoint covers the records of %s yet; ask again in a "
                              "second",
                        run->ids.items[0]);
    if (run->prover.covered == 0)
        return complain(err, result == READER_FAILED ? EXIT_USAGE : EXIT_FINDINGS);
    if (!write_proof(run, &why))
        return complain(&why, EXIT_USAGE);
    tell(run);
    if (result == READER_END)
        return EXIT_FINE;
    (void)complain(err, EXIT_FINDINGS);
    (void)fputs("campaign-gateway audit prove: that is behind the checkpoint; the proof holds\n",
                stderr);
    return EXIT_FINDINGS;
}

static int run_prove(struct run *run)
{
    const struct verify_options options = {
        .finding = ignore_finding, .seen = prover_seen, .arg = &run->prover};
    struct str id = str_from(run->ids.items[0]);
    struct error err = {0};
    if (!str_is_identifier(id) || id.len >= ID_SIZE) {
        (void)error_set(&err, "'%s' is not a decision's id", run->ids.items[0]);
        return complain(&err, EXIT_USAGE);
    }
    prover_init(&run->prover, id, &run->arena);
    if (!audit_place_resolve(&run->place, "audit prove"))
        return EXIT_USAGE;
    if (!listing_read(run->place.directories, run->place.directory_count, &run->listing, &err) ||
        !open_journal(run, &options, &err))
        return complain(&err, EXIT_USAGE);
    return answer(run, run->reader ? read_records(run, &err) : READER_END, &err);
}

int cli_audit_prove(int argc, char **argv)
{
    static struct run run; /* large: its lists of arguments, the prover */
    int exit_code;
    if (!read_options(&run, argc, argv, &exit_code))
        return exit_code;
    arena_init(&run.arena, LIMIT_PROOF_BYTES);
    exit_code = run_prove(&run);
    reader_close(run.reader);
    verify_free(run.verify);
    prover_release(&run.prover);
    listing_release(&run.listing);
    audit_place_release(&run.place);
    arena_release(&run.arena);
    return exit_code;
}
