/*
 *     proof.json --> parse --> leaf and path = root in the note? --> who signed it? --> what it
 * says
 */
#include <stdio.h>

#include "audit/proof.h"
#include "base/clock.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "base/limits.h"
#include "cli/arguments.h"
#include "cli/audit.h"
#include "cli/audit_pins.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "config.h"
#include "policy/page.h"

static const char help[] =
    "usage: campaign-gateway audit verify-proof FILE --keys FILE | --key FILE [OPTION...]\n"
    "\n"
    "Checks a proof that `audit prove` made. Needs the public key and nothing else: no journal, "
    "no\n"
    "network, no word of the gateway's.\n"
    "\n" AUDIT_PINS_HELP "      --format FORMAT   text or json\n"
    "\n"
    "exit codes\n"
    "  0  the records in the proof are in the journal that was signed\n"
    "  1  that is not proven\n"
    "  2  the command line is wrong, or a file cannot be read\n"
    "\n"
    "example\n"
    "  campaign-gateway audit verify-proof proof.json --keys keys\n";

/* The proof, its tree of JSON, and those of the records in it. */
#define PROOF_ARENA_BYTES (4UL * LIMIT_PROOF_BYTES)

enum { FORMAT_TEXT, FORMAT_JSON };

struct run {
    struct audit_pins pins;
    struct argument_list files;
    size_t format;

    struct arena arena;
    struct proof proof;
    struct checkpoint note;
    const struct pinned_key *signer;
};

static bool read_options(struct run *run, int argc, char **argv, int *exit_code)
{
    const struct argument_option options[] = {
        AUDIT_PINS_OPTIONS(&run->pins),
        {.name = "format", .value = "text|json", .choice = &run->format},
    };
    const struct arguments spec = {.help = help,
                                   .verb = "audit verify-proof",
                                   .options = options,
                                   .option_count = COUNT_OF(options),
                                   .rest = &run->files,
                                   .rest_name = "FILE",
                                   .least = 1,
                                   .most = 1};
    return arguments_read(&spec, argc, argv, exit_code);
}

/* ---- checking ---- */

static bool find_signer(struct run *run, struct error *err)
{
    const struct pinned_keys *keys = &run->pins.keys;
    char time[CLOCK_UTC_SIZE];
    clock_format_utc(run->note.time_unix_ms, time);
    for (size_t i = 0; i < keys->count; i++) {
        if (!checkpoint_is_signed_by(run->proof.note, keys->items[i].public_key))
            continue;
        run->signer = &keys->items[i];
        return pinned_keys_permit(keys, run->signer->public_key, run->note.time_unix_ms, 0) ||
               error_set(err, "the checkpoint of %s is outside the time in which its key may sign",
                         time);
    }
    return error_set(err, "none of the given keys signed the checkpoint");
}

static bool check(struct run *run, struct str text, struct error *err)
{
    return proof_parse(text, &run->arena, &run->proof, err) &&
           proof_check(&run->proof, &run->note, err) && find_signer(run, err);
}

/* ---- what the records say ---- */

/* Shown of a record, in this order, where it has them. */
static const struct {
    const char *object; /* within this member; NULL: of its own */
    const char *key;
    const char *title;
} shown[] = {
    {NULL, "verdict", "verdict"},
    {NULL, "code", "code"},
    {NULL, "team", "team"},
    {"campaign", "name", "campaign"},
    {NULL, "outcome", "outcome"},
    {NULL, "created", "created"},
    {"upstream", "campaign_id", "campaign_id"},
    {NULL, "reason", "reason"},
};

static struct str text_of(const struct json_value *object, const char *key)
{
    const struct json_value *value =
        object && json_kind(object) == JSON_KIND_OBJECT ? json_member(object, str_from(key)) : NULL;
    return value && json_kind(value) == JSON_KIND_STRING ? json_string(value) : (struct str){0};
}

static const struct json_value *read_record(const struct proof_record *record, struct arena *arena)
{
    struct json_fault fault;
    struct str json = str_slice(record->line, 0, record->line.len - DIGEST_HEX - 1);
    const struct json_value *root = json_read(json, arena, &fault);
    return root && json_kind(root) == JSON_KIND_OBJECT ? root : NULL;
}

static struct str shown_text(const struct json_value *record, size_t which)
{
    const char *object = shown[which].object;
    return text_of(object && record ? json_member(record, str_from(object)) : record,
                   shown[which].key);
}

static void put_record(const struct proof_record *each, struct arena *arena, struct buf *out)
{
    const struct json_value *record = read_record(each, arena);
    buf_append(out, STR("  record "));
    print_number(out, each->seq);
    buf_append(out, STR(", "));
    page_show(text_of(record, "kind"), out);
    buf_append(out, STR(" of "));
    page_show(text_of(record, "time"), out);
    for (size_t i = 0; i < COUNT_OF(shown); i++) {
        struct str text = shown_text(record, i);
        if (text.len == 0)
            continue;
        buf_format(out, ", %s ", shown[i].title);
        page_show(text, out);
    }
    buf_append_byte(out, '\n');
}

static void put_text(struct run *run, struct buf *out)
{
    char time[CLOCK_UTC_SIZE], fingerprint[FINGERPRINT_SIZE];
    clock_format_utc(run->note.time_unix_ms, time);
    key_fingerprint(run->signer->public_key, fingerprint);
    buf_append(out, STR("proven: "));
    print_count(out, run->proof.count, "record");
    buf_append(out, STR(" of "));
    page_show(run->proof.id, out);
    buf_append(out, STR("\n"));
    for (size_t i = 0; i < run->proof.count; i++)
        put_record(&run->proof.records[i], &run->arena, out);
    buf_append(out, STR("stood, with exactly this content, in the journal of\n  "));
    page_show(run->note.origin, out);
    buf_append(out, STR("\nwhen it had "));
    print_number(out, run->note.size);
    buf_format(out, " records and its checkpoint of %s was signed by the key\n  %s\n", time,
               fingerprint);
    buf_append(out, STR("not proven: that there are no other records of it\n"));
}

static void put_json_record(struct json_writer *w, const struct proof_record *each,
                            struct arena *arena)
{
    const struct json_value *record = read_record(each, arena);
    json_open_object(w);
    json_put_int(w, "seq", (int64_t)each->seq);
    json_put_str_if_any(w, "kind", text_of(record, "kind"));
    json_put_str_if_any(w, "time", text_of(record, "time"));
    for (size_t i = 0; i < COUNT_OF(shown); i++)
        json_put_str_if_any(w, shown[i].title, shown_text(record, i));
    json_close_object(w);
}

static void put_json(struct run *run, struct buf *out)
{
    struct json_writer w = json_writer(out);
    char time[CLOCK_UTC_SIZE], fingerprint[FINGERPRINT_SIZE];
    clock_format_utc(run->note.time_unix_ms, time);
    key_fingerprint(run->signer->public_key, fingerprint);
    json_open_object(&w);
    json_put_bool(&w, "proven", true);
    json_put_str(&w, "id", run->proof.id);
    json_put_str(&w, "source", run->note.origin);
    json_put_int(&w, "tree_size", (int64_t)run->note.size);
    json_put_str(&w, "checkpoint_time", str_from(time));
    json_put_str(&w, "key", str_from(fingerprint));
    json_open_array_at(&w, "records");
    for (size_t i = 0; i < run->proof.count; i++)
        put_json_record(&w, &run->proof.records[i], &run->arena);
    json_close_array(&w);
    json_close_object(&w);
    buf_append_byte(out, '\n');
}

static void put_refusal(const struct run *run, const struct error *why, struct buf *out)
{
    struct json_writer w = json_writer(out);
    if (run->format == FORMAT_TEXT) {
        buf_append(out, STR("not proven: "));
        page_show(str_from(why->text), out); /* it may quote the proof */
        buf_append_byte(out, '\n');
        return;
    }
    json_open_object(&w);
    json_put_bool(&w, "proven", false);
    json_put_str(&w, "reason", str_from(why->text));
    json_close_object(&w);
    buf_append_byte(out, '\n');
}

static int answer(struct run *run, bool proven, const struct error *why)
{
    struct buf out;
    buf_init(&out, LIMIT_REPORT_BYTES);
    if (!proven)
        put_refusal(run, why, &out);
    else if (run->format == FORMAT_JSON)
        put_json(run, &out);
    else
        put_text(run, &out);
    bool told = run->format == FORMAT_JSON ? print_json_answer(&out) : print_answer(&out);
    return !told ? EXIT_USAGE : proven ? EXIT_FINE : EXIT_FINDINGS;
}

static int run_verify_proof(struct run *run)
{
    struct error err;
    struct str text;
    bool fine = audit_pins_read(&run->pins, &run->arena, "audit verify-proof");
    if (!fine)
        return EXIT_USAGE;
    if (run->pins.keys.count == 0)
        fine = error_set(&err, "whose signature? Give --keys FILE or --key FILE; try --help");
    fine =
        fine && config_read_file(run->files.items[0], LIMIT_PROOF_BYTES, &run->arena, &text, &err);
    if (!fine) {
        (void)fprintf(stderr, "campaign-gateway audit verify-proof: %s\n", err.text);
        return EXIT_USAGE;
    }
    return answer(run, check(run, text, &err), &err);
}

int cli_audit_verify_proof(int argc, char **argv)
{
    static struct run run; /* large: its list of arguments */
    int exit_code;
    if (!read_options(&run, argc, argv, &exit_code))
        return exit_code;
    arena_init(&run.arena, PROOF_ARENA_BYTES);
    exit_code = run_verify_proof(&run);
    arena_release(&run.arena);
    return exit_code;
}
