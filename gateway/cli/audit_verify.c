/*
 *     options, pinned keys, checkpoints kept elsewhere --> each journal (audit_verify_run.c) -->
 * report
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "cli/audit.h"
#include "cli/audit_pins.h"
#include "cli/audit_place.h"
#include "cli/audit_verify_run.h"
#include "cli/cli.h"
#include "cli/print.h"

#define CENTRAL_TIMEOUT_MS 5000   /* when no configuration says how long an answer may take */
#define LIMIT_SOURCES 10000       /* gateways, in one central database */
#define BESIDE_BYTES (64UL << 20) /* of keys, checkpoints, and that many sources */

static const char help[] =
    "usage: campaign-gateway audit verify --config FILE | --directory DIR [OPTION...]\n"
    "       campaign-gateway audit verify --central --config FILE | --database TEXT [OPTION...]\n"
    "\n"
    "Recomputes the whole journal: the hash, number and link of every record, the Merkle tree "
    "over\n"
    "them, every signed checkpoint and every change of keys; and whether each campaign has its "
    "one\n"
    "outcome. Says where the first record stands that is not what was written.\n"
    "\n" AUDIT_PLACE_HELP AUDIT_CENTRAL_HELP
    "      --source NAME     of the central database, only this journal; default: all of them\n"
    "      --note            write the result down in the central database, too; the login must\n"
    "                        be in audit_verify\n" AUDIT_PINS_HELP
    "      --expect-checkpoint FILE\n"
    "                        the journal must reach the checkpoint in FILE, which was kept\n"
    "                        elsewhere, and be what it says; may be given several times. Without\n"
    "                        one, what was cut off behind the newest checkpoint does not show\n"
    "      --from-central    the same with what the central database has of the journal\n"
    "      --checkpoint-out FILE\n"
    "                        write the newest checkpoint to FILE, for --expect-checkpoint\n"
    "      --format FORMAT   text, or json: one line for each journal\n"
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

struct command {
    struct audit_place place;
    struct audit_pins pins;
    struct argument_list expected_paths;
    const char *checkpoint_out, *source;
    bool from_central, notes_result;
    size_t format;

    struct arena arena; /* of what was read beside the journals */
    struct verify_expected expected[LIMIT_AUDIT_EXPECTED];
    struct central *central; /* NULL: not asked */
    struct audit_verify_run run;
    size_t answered; /* journals so far */
    bool has_findings;
};

static int complain(const struct error *err)
{
    (void)fprintf(stderr, "campaign-gateway audit verify: %s\n", err->text);
    return EXIT_USAGE;
}

static bool read_options(struct command *command, int argc, char **argv, int *exit_code)
{
    const struct argument_option options[] = {
        AUDIT_PLACE_OPTIONS(&command->place),
        AUDIT_CENTRAL_OPTIONS(&command->place),
        {.name = "source", .value = "NAME", .text = &command->source},
        {.name = "note", .flag = &command->notes_result},
        AUDIT_PINS_OPTIONS(&command->pins),
        {.name = "expect-checkpoint", .value = "FILE", .list = &command->expected_paths},
        {.name = "from-central", .flag = &command->from_central},
        {.name = "checkpoint-out", .value = "FILE", .text = &command->checkpoint_out},
        {.name = "format", .value = "text|json", .choice = &command->format},
    };
    const struct arguments spec = {.help = help,
                                   .verb = "audit verify",
                                   .options = options,
                                   .option_count = COUNT_OF(options)};
    return arguments_read(&spec, argc, argv, exit_code);
}

static bool options_agree(const struct command *command, struct error *err)
{
    if ((command->source || command->notes_result) && !command->place.central)
        return error_set(err, "--source and --note go with --central");
    if (command->from_central && command->place.central)
        return error_set(err, "--from-central compares files with the central database, and "
                              "--central reads no files; give one of them");
    return !command->from_central || command->place.database ||
           error_set(err, "which central database? Give --config FILE with audit.central, or "
                          "--database TEXT");
}

/* ---- what is brought along ---- */

static bool read_expected(struct command *command, struct error *err)
{
    if (command->expected_paths.count > LIMIT_AUDIT_EXPECTED)
        return error_set(err, "at most %d checkpoints can be expected", LIMIT_AUDIT_EXPECTED);
    for (size_t i = 0; i < command->expected_paths.count; i++) {
        struct verify_expected *expected = &command->expected[i];
        expected->name = command->expected_paths.items[i];
        if (!config_read_file(expected->name, LIMIT_CHECKPOINT_BYTES, &command->arena,
                              &expected->note, err))
            return false;
        if (!checkpoint_parse(expected->note, &expected->says))
            return error_set(err, "'%s' is not a checkpoint, as --checkpoint-out writes it",
                             expected->name);
    }
    return true;
}

static bool open_central(struct command *command, struct error *err)
{
    const struct audit_place *place = &command->place;
    const struct central_options options = {
        .database = place->database,
        .timeout_ms = place->config ? place->config->audit.central_timeout_ms : CENTRAL_TIMEOUT_MS,
        .must_write = command->notes_result};
    enum central_result result;
    if (!place->central && !command->from_central)
        return true;
    command->central = central_open(&options, &result, err);
    return command->central != NULL;
}

static struct audit_verify_request request_of(const struct command *command)
{
    return (struct audit_verify_request){
        .pinned = command->pins.keys.count > 0 ? &command->pins.keys : NULL,
        .expected = command->expected,
        .expected_count = command->expected_paths.count,
        .shows_progress = true};
}

/* ---- the answer ---- */

/* In one step, so that a checkpoint that is there is whole. */
static bool write_checkpoint(const struct command *command, struct error *err)
{
    char temporary[4096];
    const char *path = command->checkpoint_out;
    struct str note = verify_report(command->run.verify)->last_note;
    int length = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof(temporary))
        return error_set(err, "the path '%.100s…' is too long", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return error_set(err, "cannot write '%s': %s", path, strerrordesc_np(errno));
    bool fine = write(fd, note.data, note.len) == (ssize_t)note.len && fchmod(fd, 0644) == 0 &&
                fsync(fd) == 0 && rename(temporary, path) == 0;
    int why = errno;
    close(fd);
    if (fine)
        return true;
    (void)unlink(temporary);
    return error_set(err, "cannot write '%s': %s", path, strerrordesc_np(why));
}

static bool print_result(struct command *command)
{
    struct buf out;
    buf_init(&out, LIMIT_REPORT_BYTES);
    if (command->format == FORMAT_TEXT && command->answered++ > 0)
        buf_append_byte(&out, '\n');
    if (command->format == FORMAT_JSON)
        audit_verify_json(&command->run.result, &out);
    else
        audit_verify_text(&command->run.result, &out);
    return print_answer(&out);
}

/* Prints what was found of the journal; its checkpoint is only given away when it is whole. */
static bool answer(struct command *command, struct error *err)
{
    const struct audit_verify_result *result = &command->run.result;
    bool found = result->broken || result->findings->count > 0;
    command->has_findings |= found;
    if (!print_result(command))
        return error_set(err, "the answer was not written");
    return !command->checkpoint_out || found || write_checkpoint(command, err);
}

/* ---- the central database ---- */

struct sources {
    struct central_source items[LIMIT_SOURCES];
    size_t count;
    struct arena *arena;
    bool failed;
};

static bool keep_source(void *arg, const struct central_source *source)
{
    struct sources *sources = arg;
    struct str name = arena_copy(sources->arena, source->source);
    if (sources->count == LIMIT_SOURCES || !name.data) {
        sources->failed = true;
        return false;
    }
    struct central_source *kept = &sources->items[sources->count++];
    *kept = *source;
    kept->source = name;
    kept->checkpoint_note = arena_copy(sources->arena, source->checkpoint_note);
    return true;
}

static bool note_result(struct command *command, const struct central_source *source,
                        struct error *err)
{
    const struct verify_report *report = verify_report(command->run.verify);
    const struct audit_verify_result *result = &command->run.result;
    struct error first = {0};
    if (!command->notes_result)
        return true;
    if (!result->broken && result->findings->count > 0)
        problems_summary(result->findings, &first);
    const struct central_verification verification = {
        .source = source->source,
        .from_seq = report->first_seq,
        .upto_seq = report->last_seq,
        .checkpoints = report->notes,
        .fine = !result->broken && result->findings->count == 0,
        .sentence = str_from(result->broken ? result->broken : first.text)};
    return central_note_verification(command->central, &verification, err);
}

/* Those of the expected checkpoints that are of this source, and the database's own. */
static size_t choose_expected(const struct command *command, const struct central_source *source,
                              struct verify_expected out[LIMIT_AUDIT_EXPECTED + 1])
{
    size_t count = 0;
    for (size_t i = 0; i < command->expected_paths.count; i++) {
        if (str_equal(command->expected[i].says.origin, source->source))
            out[count++] = command->expected[i];
    }
    out[count].name = "the central database";
    out[count].note = source->checkpoint_note;
    return count + checkpoint_parse(out[count].note, &out[count].says);
}

static bool verify_source(struct command *command, const struct central_source *source,
                          struct error *err)
{
    struct verify_expected expected[LIMIT_AUDIT_EXPECTED + 1];
    struct audit_verify_request request = request_of(command);
    request.expected = expected;
    request.expected_count = choose_expected(command, source, expected);
    bool fine = audit_verify_central(&command->run, &request, command->central, source, err) &&
                note_result(command, source, err) && answer(command, err);
    audit_verify_release(&command->run);
    return fine;
}

/* A checkpoint that was kept of a journal that is not there any more must not go unnoticed. */
static bool all_expected_are_there(const struct command *command, const struct sources *sources,
                                   struct error *err)
{
    for (size_t i = 0; i < command->expected_paths.count; i++) {
        const struct verify_expected *expected = &command->expected[i];
        bool found = false;
        for (size_t j = 0; j < sources->count; j++)
            found |= str_equal(expected->says.origin, sources->items[j].source);
        if (!found)
            return error_set(err,
                             "the central database has nothing of the journal %.*s, of which "
                             "the checkpoint in '%s' is",
                             STR_ARGS(expected->says.origin), expected->name);
    }
    return true;
}

static bool verify_sources(struct command *command, struct error *err)
{
    static struct sources sources; /* large */
    sources.arena = &command->arena;
    if (!central_each_source(command->central, str_from(command->source), keep_source, &sources,
                             err))
        return false;
    if (sources.failed)
        return error_set(err, "there are more than %d sources; choose one with --source",
                         LIMIT_SOURCES);
    if (sources.count == 0)
        return error_set(err, "the central database has no journal%s%s", command->source ? " " : "",
                         command->source ? command->source : "");
    if (command->checkpoint_out && sources.count > 1)
        return error_set(err,
                         "--checkpoint-out takes the checkpoint of one journal, and there are "
                         "%zu; choose one with --source",
                         sources.count);
    if (!all_expected_are_there(command, &sources, err))
        return false;
    for (size_t i = 0; i < sources.count; i++) {
        if (!verify_source(command, &sources.items[i], err))
            return false;
    }
    return true;
}

/* ---- the verb ---- */

static bool verify_files(struct command *command, struct error *err)
{
    const struct audit_verify_request request = request_of(command);
    return audit_verify_files(&command->run, &request, command->place.directories,
                              command->place.directory_count, command->central, err) &&
           answer(command, err);
}

static int run_command(struct command *command)
{
    struct error err = {0};
    if (!audit_place_resolve(&command->place, "audit verify") ||
        !audit_pins_read(&command->pins, &command->arena, "audit verify"))
        return EXIT_USAGE;
    if (!options_agree(command, &err) || !read_expected(command, &err) ||
        !open_central(command, &err))
        return complain(&err);
    bool fine =
        command->place.central ? verify_sources(command, &err) : verify_files(command, &err);
    return !fine ? complain(&err) : command->has_findings ? EXIT_FINDINGS : EXIT_FINE;
}

int cli_audit_verify(int argc, char **argv)
{
    static struct command command; /* large: its lists of arguments */
    int exit_code;
    if (!read_options(&command, argc, argv, &exit_code))
        return exit_code;
    arena_init(&command.arena, BESIDE_BYTES);
    exit_code = run_command(&command);
    audit_verify_release(&command.run);
    central_close(command.central);
    audit_place_release(&command.place);
    arena_release(&command.arena);
    return exit_code;
}
