/*
 *     ID and what a person knows -> is it open? -> a record "closed" into the journal
 */
#include <stdio.h>

#include "audit/hash_keys.h"
#include "audit/inbox.h"
#include "audit/intents.h"
#include "audit/privacy.h"
#include "audit/record.h"
#include "base/clock.h"
#include "base/limits.h"
#include "cli/arguments.h"
#include "cli/audit.h"
#include "cli/audit_place.h"
#include "cli/cli.h"

#define SUBMIT_MS 15000 /* longer than a gateway waits for its disk */
#define LIMIT_REASON_BYTES 4000
#define LIMIT_BY_BYTES 256

static const char help[] =
    "usage: campaign-gateway audit close ID --config FILE --created yes|no|unknown\n"
    "                                    --reason TEXT --by NAME [OPTION...]\n"
    "\n"
    "Records what a person found out about a campaign that was let through and has no outcome: "
    "the\n"
    "last word on what `audit reconcile` leaves unknown. Nothing is taken back or changed by it.\n"
    "\n"
    "  -c, --config FILE       the gateway's configuration\n"
    "      --created ANSWER    whether the campaign was created: yes, no, or unknown for ever\n"
    "      --reason TEXT       how that is known, or why it cannot be\n"
    "      --by NAME           who says so\n"
    "      --campaign-id ID    the campaign's id at Kore.ai, when it was created\n"
    "\n"
    "The gateway may be running: it then writes the record.\n"
    "\n"
    "exit codes\n"
    "  0  the campaign is closed\n"
    "  1  there is nothing to close: it is not open\n"
    "  2  the command line or the configuration is wrong, or the record could not be made\n"
    "\n"
    "example\n"
    "  campaign-gateway audit close 01936b2f-7d41-7c3e-9d0a-2f6f0a9b1c55 \\\n"
    "      -c /etc/campaign-gateway/gateway.yaml --created yes \\\n"
    "      --campaign-id cd-3aefda80-f98e-5f4f-ad41-92803abb0000 \\\n"
    "      --reason 'seen in the console, started by hand' --by 'A. Officer'\n";

struct close {
    struct audit_place place;
    struct argument_list ids;
    const char *reason, *by, *campaign_id;
    size_t created;
};

static const char *const created_words[] = {"yes", "no", "unknown"};
enum { CREATED_YES, CREATED_NO, CREATED_UNKNOWN };

static int complain(const struct error *err)
{
    (void)fprintf(stderr, "campaign-gateway audit close: %s\n", err->text);
    return EXIT_USAGE;
}

static bool read_options(struct close *c, int argc, char **argv, int *exit_code)
{
    const struct argument_option options[] = {
        {.name = "config",
         .letter = 'c',
         .value = "FILE",
         .required = true,
         .text = &c->place.config_path},
        {.name = "created", .value = "yes|no|unknown", .required = true, .choice = &c->created},
        {.name = "reason", .value = "TEXT", .required = true, .text = &c->reason},
        {.name = "by", .value = "NAME", .required = true, .text = &c->by},
        {.name = "campaign-id", .value = "ID", .text = &c->campaign_id},
    };
    const struct arguments spec = {.help = help,
                                   .verb = "audit close",
                                   .options = options,
                                   .option_count = COUNT_OF(options),
                                   .rest = &c->ids,
                                   .rest_name = "ID",
                                   .least = 1,
                                   .most = 1};
    return arguments_read(&spec, argc, argv, exit_code);
}

static bool is_text(const char *text, size_t most)
{
    struct str trimmed = str_trim(str_from(text));
    return trimmed.len > 0 && trimmed.len <= most;
}

static bool check(const struct close *c, struct error *err)
{
    int64_t ignored;
    struct str campaign_id = str_from(c->campaign_id);
    if (!id_unix_ms(str_from(c->ids.items[0]), &ignored))
        return error_set(err,
                         "'%s' is no decision's id; it is what the gateway's answer has as "
                         "x-decision-id",
                         c->ids.items[0]);
    if (!is_text(c->reason, LIMIT_REASON_BYTES))
        return error_set(err, "--reason must say something, in at most %d bytes",
                         LIMIT_REASON_BYTES);
    if (!is_text(c->by, LIMIT_BY_BYTES))
        return error_set(err, "--by must name somebody, in at most %d bytes", LIMIT_BY_BYTES);
    if (c->campaign_id && c->created != CREATED_YES)
        return error_set(err, "--campaign-id is of a campaign that was created");
    if (c->campaign_id &&
        (!str_is_identifier(campaign_id) || campaign_id.len > LIMIT_CAMPAIGN_ID_BYTES))
        return error_set(err, "--campaign-id takes letters, digits, - and _, such as cd-3aefda80");
    return true;
}

static bool write_record(const struct close *c, const struct hash_keys *keys, struct buf *out,
                         struct error *err)
{
    struct arena arena;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    struct privacy privacy = {.in_clear = !keys,
                              .key = keys ? hash_keys_at(keys, clock_unix_ms()) : NULL,
                              .arena = &arena};
    const struct closed_record record = {.id = c->ids.items[0],
                                         .created = created_words[c->created],
                                         .reason = str_trim(str_from(c->reason)),
                                         .by = str_trim(str_from(c->by)),
                                         .campaign_id = str_from(c->campaign_id),
                                         .privacy = &privacy};
    record_closed(&record, out);
    arena_release(&arena);
    return !out->failed || error_set(err, "the record cannot be written: memory is out");
}

static bool submit(const struct close *c, const struct hash_keys *keys, struct error *err)
{
    struct journal_options options;
    struct buf members;
    config_journal_options(c->place.config, &options);
    buf_init(&members, LIMIT_INBOX_BYTES);
    bool recorded = write_record(c, keys, &members, err) &&
                    inbox_submit(&options, buf_str(&members), SUBMIT_MS, err);
    buf_release(&members);
    return recorded;
}

static bool submit_with_keys(const struct close *c, struct error *err)
{
    const struct config_audit *audit = &c->place.config->audit;
    if (audit->phone_numbers == PHONE_NUMBERS_CLEAR)
        return submit(c, NULL, err);
    struct hash_keys *keys = hash_keys_open(audit->hash_keys.value.data, clock_unix_ms(), err);
    bool recorded = keys && submit(c, keys, err);
    hash_keys_close(keys);
    return recorded;
}

static int close_one(const struct close *c)
{
    struct error err;
    struct intent_story story;
    const char *id = c->ids.items[0];
    const struct reader_options place = {.directories = c->place.directories,
                                         .directory_count = c->place.directory_count,
                                         .durable_only = inbox_is_served(c->place.directories[0])};
    if (!inbox_check(c->place.directories[0], &err) ||
        !intents_find(&place, str_from(id), &story, &err))
        return complain(&err);
    if (story.state != INTENT_OPEN) {
        (void)fprintf(stderr, "campaign-gateway audit close: %s %s\n", id, story.words);
        return EXIT_FINDINGS;
    }
    if (!submit_with_keys(c, &err))
        return complain(&err);
    (void)printf("%s is closed; created: %s\n", id, created_words[c->created]);
    return EXIT_FINE;
}

int cli_audit_close(int argc, char **argv)
{
    static struct close c; /* large: its lists */
    struct error err;
    int exit_code;
    if (!read_options(&c, argc, argv, &exit_code))
        return exit_code;
    if (!check(&c, &err))
        return complain(&err);
    if (!audit_place_resolve(&c.place, "audit close"))
        return EXIT_USAGE;
    exit_code = close_one(&c);
    audit_place_release(&c.place);
    return exit_code;
}
