#include <stdio.h>

#include "audit/privacy.h"
#include "audit/record.h"
#include "base/json_write.h"
#include "base/limits.h"
#include "cli/audit.h"
#include "cli/audit_numbers.h"
#include "cli/audit_record.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "policy/page.h"

static const char help[] =
    "usage: campaign-gateway audit hash [OPTION...] NUMBER...\n"
    "       campaign-gateway audit hash [OPTION...] --body FILE\n"
    "\n"
    "How a phone number is written in the record: its HMAC under every month's key there is. Only\n"
    "the digits count, in any script: +49 1512 345678, 0049-1512-345678 and 491512345678 are one.\n"
    "A number that was written without its country's code has another hash. Of a month whose key\n"
    "was destroyed nothing can be found any more.\n"
    "\n"
    "With --config the lookup is recorded in the journal: who looked, and the hashes; never the\n"
    "number. NUMBER - reads numbers from standard input, one a line, so that they stay out of the\n"
    "shell's history and the list of processes.\n"
    "\n" AUDIT_PLACE_HELP "      --keys-directory DIR  the keys, where they do not lie in the "
    "journal's directory; again\n"
    "                            for those of other gateways\n"
    "      --body FILE           the hash of a request's whole body instead; again for more\n"
    "      --search              print the search for each hash instead, for whoever has the "
    "record\n"
    "                            and not the keys; who has them can use `audit search --number`\n"
    "      --format FORMAT       text or json\n"
    "\n"
    "exit codes\n"
    "  0  done\n"
    "  1  done in part: a key could not be read, or the lookup could not be recorded\n"
    "  2  wrong usage, no keys, or a number that is none\n"
    "\n"
    "example\n"
    "  campaign-gateway audit hash --config /etc/campaign-gateway/gateway.yaml +491512345678\n"
    "  campaign-gateway audit hash --keys-directory /srv/audit/hash-keys +491512345678\n";

#define LIMIT_LOOKUPS                                                                              \
    20 /* numbers and bodies at once; with the keys of years they fit a record                     \
        */

struct hash_text {
    char text[PRIVACY_HASH_SIZE];
};

/* One number or body, under each key. */
struct lookup {
    struct str what; /* as given: the number, or the file's name */
    struct hash_text *hashes;
};

struct request {
    struct audit_place place;
    struct audit_numbers keys;
    struct argument_list bodies, numbers;
    bool search;
    size_t json;

    struct arena arena;
    struct lookup numbers_found[LIMIT_LOOKUPS], bodies_found[LIMIT_LOOKUPS];
    size_t number_count, body_count;
    bool in_part; /* something did not go well, and was said */
    bool recorded;
};

static bool complain(const char *sentence)
{
    (void)fprintf(stderr, "campaign-gateway audit hash: %s\n", sentence);
    return false;
}

/* A key that cannot be read does not keep the others from being used. */
static bool read_keys(struct request *r)
{
    struct error err;
    if (!audit_numbers_read_keys(&r->keys, &r->place, &r->arena, &err)) {
        (void)complain(err.text);
        r->in_part = true;
    }
    return r->keys.key_count > 0 ||
           complain("there is no key to hash with; --keys-directory says where they are");
}

/* ---- numbers and bodies ---- */

static struct lookup *begin_lookup(struct request *r, struct lookup *lookups, size_t *count,
                                   struct str what)
{
    struct lookup *lookup = &lookups[*count];
    if (*count == LIMIT_LOOKUPS) {
        (void)complain("look for at most 20 numbers and bodies at once");
        return NULL;
    }
    lookup->what = what;
    lookup->hashes = arena_zalloc(&r->arena, r->keys.key_count, sizeof(*lookup->hashes));
    if (!lookup->hashes) {
        (void)complain("out of memory");
        return NULL;
    }
    *count += 1;
    return lookup;
}

static bool hash_number(struct request *r, struct str number)
{
    struct lookup *lookup = begin_lookup(r, r->numbers_found, &r->number_count, number);
    for (size_t i = 0; lookup && i < r->keys.key_count; i++) {
        if (!privacy_hash_number(&r->keys.keys[i], number, lookup->hashes[i].text)) {
            (void)fprintf(stderr, "campaign-gateway audit hash: '%.*s' is no number\n",
                          STR_ARGS(number));
            return false;
        }
    }
    return lookup != NULL;
}

/* Line by line; a blank one is none. */
static bool hash_stdin(struct request *r)
{
    char line[256];
    while (fgets(line, sizeof(line), stdin)) {
        struct str number = str_trim((struct str){line, strcspn(line, "\r\n")});
        struct str kept = arena_copy(&r->arena, number);
        if (number.len && (!kept.data || !hash_number(r, kept)))
            return false;
    }
    return true;
}

static bool hash_body(struct request *r, const char *path)
{
    struct error err;
    struct str body;
    struct lookup *lookup = begin_lookup(r, r->bodies_found, &r->body_count, str_from(path));
    if (!lookup)
        return false;
    if (!config_read_file(path, LIMIT_BODY_CONFIGURABLE, &r->arena, &body, &err))
        return complain(err.text);
    for (size_t i = 0; i < r->keys.key_count; i++) {
        if (!privacy_hash_body(&r->keys.keys[i], body, lookup->hashes[i].text))
            return complain("libcrypto offers no SHA-256");
    }
    return true;
}

static bool hash_all(struct request *r)
{
    bool fine = true;
    for (size_t i = 0; fine && i < r->numbers.count; i++)
        fine = strcmp(r->numbers.items[i], "-") == 0
                   ? hash_stdin(r)
                   : hash_number(r, str_from(r->numbers.items[i]));
    for (size_t i = 0; fine && i < r->bodies.count; i++)
        fine = hash_body(r, r->bodies.items[i]);
    return fine;
}

/* ---- recording ---- */

static void collect(const struct request *r, const struct lookup *lookups, size_t count,
                    struct str *hashes, size_t *hash_count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < r->keys.key_count; j++)
            hashes[(*hash_count)++] = str_from(lookups[i].hashes[j].text);
    }
}

static bool submit(struct request *r, struct error *err)
{
    char by[OPERATOR_NAME_SIZE];
    size_t most = (r->number_count + r->body_count) * r->keys.key_count;
    struct str *hashes = arena_zalloc(&r->arena, most, sizeof(*hashes));
    struct lookup_record record = {.hashes = hashes};
    struct buf members;
    if (!hashes)
        return error_set(err, "out of memory");
    operator_name(by);
    record.by = str_from(by);
    collect(r, r->numbers_found, r->number_count, hashes, &record.hash_count);
    collect(r, r->bodies_found, r->body_count, hashes, &record.hash_count);
    buf_init(&members, LIMIT_RECORD_BYTES);
    record_lookup(&record, &members);
    bool done = members.failed ? error_set(err, "it is too large for a record; look for fewer")
                               : audit_record(r->place.config, buf_str(&members), err);
    buf_release(&members);
    return done;
}

/* Before anything is told: who looks is to be known. It is told all the same, and so is that. */
static void record_it(struct request *r)
{
    struct error err;
    if (!r->place.config) {
        (void)complain("this lookup is not recorded: that takes --config, which names the journal");
        return;
    }
    r->recorded = submit(r, &err);
    if (r->recorded)
        return;
    (void)fprintf(stderr, "campaign-gateway audit hash: this lookup COULD NOT BE RECORDED: %s\n",
                  err.text);
    r->in_part = true;
}

/* ---- telling ---- */

static void put_text(const struct request *r, const struct lookup *lookups, size_t count,
                     struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        page_show(lookups[i].what, out);
        buf_append_byte(out, '\n');
        for (size_t j = 0; j < r->keys.key_count; j++)
            buf_format(out, "  %s\n", lookups[i].hashes[j].text);
    }
}

static void put_json(const struct request *r, const char *key, const char *what,
                     const struct lookup *lookups, size_t count, struct json_writer *w)
{
    json_open_array_at(w, key);
    for (size_t i = 0; i < count; i++) {
        json_open_object(w);
        json_put_str(w, what, lookups[i].what);
        json_open_array_at(w, "hashes");
        for (size_t j = 0; j < r->keys.key_count; j++)
            json_put_str(w, NULL, str_from(lookups[i].hashes[j].text));
        json_close_array(w);
        json_close_object(w);
    }
    json_close_array(w);
}

/* The hash alone is a word, whatever it stands in. */
static void put_search(const struct request *r, struct buf *out)
{
    const struct audit_place *place = &r->place;
    for (size_t i = 0; i < r->number_count; i++) {
        for (size_t j = 0; j < r->keys.key_count; j++) {
            buf_append(out, STR("campaign-gateway audit search"));
            if (place->config_path)
                buf_format(out, " --config '%s'", place->config_path);
            for (size_t d = 0; d < place->directory_list.count; d++)
                buf_format(out, " --directory '%s'", place->directory_list.items[d]);
            buf_format(out, " --text %s\n", strrchr(r->numbers_found[i].hashes[j].text, ':') + 1);
        }
    }
}

static bool tell(const struct request *r)
{
    struct buf out;
    buf_init(&out, LIMIT_REPORT_BYTES);
    if (r->search) {
        put_search(r, &out);
    } else if (r->json) {
        struct json_writer w = json_writer(&out);
        json_open_object(&w);
        put_json(r, "numbers", "number", r->numbers_found, r->number_count, &w);
        put_json(r, "bodies", "file", r->bodies_found, r->body_count, &w);
        json_put_bool(&w, "recorded", r->recorded);
        json_close_object(&w);
        buf_append_byte(&out, '\n');
    } else {
        put_text(r, r->numbers_found, r->number_count, &out);
        put_text(r, r->bodies_found, r->body_count, &out);
    }
    return print_answer(&out);
}

/* ---- the verb ---- */

static bool read_request(struct request *r, int argc, char **argv, int *exit_code)
{
    const struct argument_option options[] = {
        AUDIT_PLACE_OPTIONS(&r->place),
        AUDIT_NUMBERS_OPTIONS(&r->keys),
        {.name = "body", .value = "FILE", .list = &r->bodies},
        {.name = "search", .flag = &r->search},
        {.name = "format", .value = "text|json", .choice = &r->json}};
    const struct arguments spec = {.help = help,
                                   .verb = "audit hash",
                                   .options = options,
                                   .option_count = COUNT_OF(options),
                                   .rest = &r->numbers,
                                   .rest_name = "NUMBER"};
    if (!arguments_read(&spec, argc, argv, exit_code))
        return false;
    *exit_code = EXIT_USAGE;
    if (r->numbers.count == 0 && r->bodies.count == 0)
        return complain("give a NUMBER, or --body FILE; try --help");
    bool only_keys = r->keys.key_directories.count > 0 && !r->place.config_path &&
                     r->place.directory_list.count == 0;
    return only_keys || audit_place_resolve(&r->place, "audit hash");
}

static int run(struct request *r)
{
    if (!read_keys(r) || !hash_all(r))
        return EXIT_USAGE;
    record_it(r);
    if (!tell(r))
        return EXIT_USAGE;
    return r->in_part ? EXIT_FINDINGS : EXIT_FINE;
}

int cli_audit_hash(int argc, char **argv)
{
    static struct request request; /* its lists are long */
    int exit_code;
    if (!read_request(&request, argc, argv, &exit_code))
        return exit_code;
    arena_init(&request.arena, 64UL << 20);
    exit_code = run(&request);
    arena_release(&request.arena);
    audit_place_release(&request.place);
    return exit_code;
}
