/*
 * `audit key make|show|rotate`: the key that signs checkpoints. What is printed can be appended to
 * a file for --keys: lines that pin a key, and comments.
 */
#include <stdio.h>

#include "audit/checkpoint.h"
#include "audit/pinned_keys.h"
#include "base/clock.h"
#include "cli/arguments.h"
#include "cli/audit_key_verbs.h"
#include "cli/cli.h"
#include "cli/print.h"

static const char make_help[] =
    "usage: campaign-gateway audit key make FILE\n"
    "\n"
    "Makes an Ed25519 key and writes it to FILE, which must not exist yet; only its owner may "
    "read\n"
    "it. Prints the line that pins it. FILE is what audit.signing_key names; without that setting\n"
    "the gateway makes a key of its own, signing.key in the journal's directory.\n"
    "\n"
    "exit codes\n"
    "  0  a key was made\n"
    "  2  the command line is wrong, or it was not: the file exists, or cannot be written\n"
    "\n"
    "example\n"
    "  campaign-gateway audit key make signing.key >> keys\n";

static const char show_help[] =
    "usage: campaign-gateway audit key show FILE [OPTION...]\n"
    "\n"
    "Prints the public part of the key that signs: the line that pins it, for --keys of `audit\n"
    "verify` and `audit verify-proof`, and its fingerprint.\n"
    "\n"
    "      --origin NAME    also as the tools of other transparency logs want it (C2SP\n"
    "                       signed-note); NAME is the journal's, as `audit verify` prints it\n"
    "      --format FORMAT  text, or pem (for openssl, and for --key)\n"
    "\n"
    "exit codes\n"
    "  0  shown\n"
    "  2  the command line is wrong, or it cannot be read\n"
    "\n"
    "example\n"
    "  campaign-gateway audit key show signing.key --format pem > key.pem\n";

static const char rotate_help[] =
    "usage: campaign-gateway audit key rotate FILE\n"
    "\n"
    "Makes a new key and puts it in front of the one in FILE, in one step. When the gateway "
    "starts\n"
    "next, it writes down the change, signed with the former key, and signs with the new one.\n"
    "Prints what to do until then.\n"
    "\n"
    "exit codes\n"
    "  0  the new key stands in front\n"
    "  2  the command line is wrong, or nothing was changed\n"
    "\n"
    "example\n"
    "  campaign-gateway audit key rotate signing.key >> keys\n";

enum { FORMAT_TEXT, FORMAT_PEM };

static int complain(const char *verb, const struct error *err)
{
    (void)fprintf(stderr, "campaign-gateway audit key %s: %s\n", verb, err->text);
    return EXIT_USAGE;
}

/* The one argument of each of them. */
static bool read_file_argument(const char *help, const struct argument_option *options,
                               size_t option_count, int argc, char **argv, const char **ret_path,
                               int *exit_code)
{
    static struct argument_list files; /* large */
    char verb[32];
    (void)snprintf(verb, sizeof(verb), "audit key %s", argv[0]);
    const struct arguments spec = {.help = help,
                                   .verb = verb,
                                   .options = options,
                                   .option_count = option_count,
                                   .rest = &files,
                                   .rest_name = "FILE",
                                   .least = 1,
                                   .most = 1};
    if (!arguments_read(&spec, argc, argv, exit_code))
        return false;
    *ret_path = files.items[0];
    return true;
}

static void put_key(const struct signing_key *key, const char *not_before, struct buf *out)
{
    char fingerprint[FINGERPRINT_SIZE];
    key_fingerprint(signing_key_public(key), fingerprint);
    pinned_keys_line(signing_key_public(key), out);
    buf_format(out, "%s # %s\n", not_before, fingerprint);
}

/* ---- make ---- */

int cli_audit_key_make(int argc, char **argv)
{
    const char *path;
    int exit_code;
    struct error err;
    struct signing_key *key;
    if (!read_file_argument(make_help, NULL, 0, argc, argv, &path, &exit_code))
        return exit_code;
    if (!signing_key_make(path, &err) || !signing_key_load(path, NULL, &key, NULL, &err))
        return complain("make", &err);
    struct buf out;
    buf_init(&out, LIMIT_REPORT_BYTES);
    put_key(key, "", &out);
    signing_key_free(key);
    return print_answer(&out) ? EXIT_FINE : EXIT_USAGE;
}

/* ---- show ---- */

static bool show(const struct signing_key *key, const char *origin, size_t format, struct buf *out,
                 struct error *err)
{
    if (format == FORMAT_PEM)
        return pinned_keys_pem(signing_key_public(key), out);
    put_key(key, "", out);
    if (!origin)
        return true;
    buf_append(out, STR("# "));
    if (!checkpoint_verifier_key(str_from(origin), signing_key_public(key), out))
        return error_set(err,
                         "'%s' cannot be a journal's name: at most %d bytes, without spaces "
                         "and +",
                         origin, LIMIT_ORIGIN_BYTES);
    return buf_append_byte(out, '\n');
}

int cli_audit_key_show(int argc, char **argv)
{
    const char *path, *origin = NULL;
    size_t format = FORMAT_TEXT;
    int exit_code;
    struct error err = {0};
    struct signing_key *key;
    const struct argument_option options[] = {
        {.name = "origin", .value = "NAME", .text = &origin},
        {.name = "format", .value = "text|pem", .choice = &format},
    };
    if (!read_file_argument(show_help, options, COUNT_OF(options), argc, argv, &path, &exit_code))
        return exit_code;
    if (!signing_key_load(path, NULL, &key, NULL, &err))
        return complain("show", &err);
    struct buf out;
    buf_init(&out, LIMIT_REPORT_BYTES);
    bool fine = show(key, origin, format, &out, &err);
    signing_key_free(key);
    if (fine)
        return print_answer(&out) ? EXIT_FINE : EXIT_USAGE;
    buf_release(&out);
    return complain("show", &err);
}

/* ---- rotate ---- */

static void put_advice(const char *path, struct buf *out)
{
    buf_format(
        out,
        "# The new key stands in front of the former one in %s. What is next:\n"
        "#  1. give this line to everybody who verifies; it is valid from now on\n"
        "#  2. start the gateway anew: it records the change, signed with the former key\n"
        "#  3. `campaign-gateway audit verify` then shows until when the former key signed:\n"
        "#     that is the end of its window, the second instant of its line in --keys\n"
        "#  4. the former key may then be removed from the file; it is of no more use\n",
        path);
}

int cli_audit_key_rotate(int argc, char **argv)
{
    const char *path;
    char now[CLOCK_UTC_SIZE], not_before[CLOCK_UTC_SIZE + 1];
    int exit_code;
    struct error err;
    struct signing_key *key;
    if (!read_file_argument(rotate_help, NULL, 0, argc, argv, &path, &exit_code))
        return exit_code;
    if (!signing_key_rotate(path, &key, &err))
        return complain("rotate", &err);
    struct buf out;
    buf_init(&out, LIMIT_REPORT_BYTES);
    clock_format_utc(clock_unix_ms(), now);
    (void)snprintf(not_before, sizeof(not_before), " %s", now);
    put_key(key, not_before, &out);
    put_advice(path, &out);
    signing_key_free(key);
    return print_answer(&out) ? EXIT_FINE : EXIT_USAGE;
}
