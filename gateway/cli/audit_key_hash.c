#include <stdio.h>

#include "audit/hash_keys.h"
#include "audit/record.h"
#include "base/clock.h"
#include "base/limits.h"
#include "cli/arguments.h"
#include "cli/audit_key_verbs.h"
#include "cli/audit_place.h"
#include "cli/audit_record.h"
#include "cli/cli.h"

static const char destroy_help[] =
    "usage: campaign-gateway audit key destroy [OPTION...] --yes MONTH...\n"
    "\n"
    "Destroys the key that hides the phone numbers of a past month (2026-08): its file is\n"
    "overwritten and removed, and a mark is left so that no key is made for that month again. "
    "What\n"
    "was recorded stays, and `audit verify` holds as before; but nobody can find a number in that\n"
    "month's records any more, or tell which of them were of the same number.\n"
    "\n"
    "This cannot be undone. It reaches the file it is given, and no copy of it: think of backups,\n"
    "of the other gateways' keys, and of the Secret that keys come from.\n"
    "\n"
    "With --config it is recorded in the journal first; when that fails, nothing is destroyed.\n"
    "\n" AUDIT_PLACE_HELP
    "      --keys-directory DIR  the keys, where no configuration names them\n"
    "      --yes                 do it\n"
    "\n"
    "exit codes\n"
    "  0  destroyed\n"
    "  1  not destroyed, or not all\n"
    "  2  wrong usage\n"
    "\n"
    "example\n"
    "  campaign-gateway audit key destroy -c /etc/campaign-gateway/gateway.yaml --yes 2026-08\n";

struct request {
    struct audit_place place;
    const char *keys_directory;
    struct argument_list months;
    bool yes;
    struct str keys_beside; /* the journal, where --directory names it */
    struct arena arena;
};

static bool complain(const char *sentence)
{
    (void)fprintf(stderr, "campaign-gateway audit key destroy: %s\n", sentence);
    return false;
}

/* The key of the month that is to be destroyed, for the record. */
struct wanted {
    struct str month;
    char id[HASH_KEY_ID_SIZE];
};

static void look_at_key(void *arg, const struct hash_key *key)
{
    struct wanted *wanted = arg;
    if (str_starts(str_from(key->id), wanted->month))
        memcpy(wanted->id, key->id, sizeof(wanted->id));
}

/* A month without a key that can be read is recorded by its name alone. */
static bool record_it(const struct request *r, const char *directory, const char *month,
                      struct error *err)
{
    char by[OPERATOR_NAME_SIZE];
    struct wanted wanted = {.month = str_from(month)};
    struct error ignored;
    struct buf members;
    if (!r->place.config)
        return true;
    (void)!hash_keys_each(directory, look_at_key, &wanted, &ignored);
    operator_name(by);
    buf_init(&members, LIMIT_RECORD_BYTES);
    record_erasure(wanted.id[0] ? str_from(wanted.id) : wanted.month, str_from(by), &members);
    bool done = !members.failed && audit_record(r->place.config, buf_str(&members), err);
    buf_release(&members);
    return done;
}

static bool destroy(const struct request *r, const char *directory, const char *month)
{
    struct error err = {.text = "out of memory"};
    int64_t now_unix_ms = clock_unix_ms();
    if (!hash_key_can_be_destroyed(directory, str_from(month), now_unix_ms, &err))
        return complain(err.text);
    if (!record_it(r, directory, month, &err)) {
        (void)fprintf(
            stderr,
            "campaign-gateway audit key destroy: the key of %s stays, since its end could "
            "not be recorded: %s\n",
            month, err.text);
        return false;
    }
    if (!hash_key_destroy(directory, str_from(month), now_unix_ms, &err))
        return complain(err.text);
    (void)printf("the key of %s is destroyed%s\n", month,
                 r->place.config ? ""
                                 : "; this is not recorded, since no configuration names the "
                                   "journal");
    return true;
}

static const char *keys_of(struct request *r)
{
    if (r->keys_directory)
        return r->keys_directory;
    if (r->place.config)
        return r->place.config->audit.hash_keys.value.data;
    r->keys_beside = arena_format(&r->arena, "%s/hash-keys", r->place.directories[0]);
    return r->keys_beside.data;
}

static bool read_request(struct request *r, int argc, char **argv, int *exit_code)
{
    const struct argument_option options[] = {
        AUDIT_PLACE_OPTIONS(&r->place),
        {.name = "keys-directory", .value = "DIR", .text = &r->keys_directory},
        {.name = "yes", .flag = &r->yes}};
    const struct arguments spec = {.help = destroy_help,
                                   .verb = "audit key destroy",
                                   .options = options,
                                   .option_count = COUNT_OF(options),
                                   .rest = &r->months,
                                   .rest_name = "MONTH",
                                   .least = 1};
    if (!arguments_read(&spec, argc, argv, exit_code))
        return false;
    *exit_code = EXIT_USAGE;
    if (!r->yes)
        return complain("no number of that month could be found any more, and this cannot be "
                        "undone; say --yes if that is what you want");
    bool only_keys =
        r->keys_directory && !r->place.config_path && r->place.directory_list.count == 0;
    return only_keys || audit_place_resolve(&r->place, "audit key destroy");
}

int cli_audit_key_destroy(int argc, char **argv)
{
    static struct request request; /* its lists are long */
    int exit_code;
    if (!read_request(&request, argc, argv, &exit_code))
        return exit_code;
    arena_init(&request.arena, 1 << 20);
    const char *directory = keys_of(&request);
    bool fine = directory || complain("out of memory");
    for (size_t i = 0; directory && i < request.months.count; i++)
        fine = destroy(&request, directory, request.months.items[i]) && fine;
    arena_release(&request.arena);
    audit_place_release(&request.place);
    return fine ? EXIT_FINE : EXIT_FINDINGS;
}
