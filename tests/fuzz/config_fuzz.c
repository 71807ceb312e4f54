/*
 * config_load: a configuration within its limits, the same every time, or a sentence that says
 * where. Behind each byte 0x1e stands a variable of the environment, NAME=value.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "fuzz.h"
#include "http/field.h"
#include "pieces.h"

#define PREFIX "CAMPAIGN_GATEWAY_"
#define SEPARATOR '\x1e' /* not allowed in YAML, so nothing is lost */

/* ---- the file and the environment ---- */

/* config_load reads files; this one is in memory. */
static const char *store(struct str text)
{
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("config", MFD_CLOEXEC);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    assert(fd >= 0 && ftruncate(fd, 0) == 0);
    assert(text.len == 0 || pwrite(fd, text.data, text.len, 0) == (ssize_t)text.len);
    return path;
}

struct variables {
    char *texts[8];
    size_t count;
};

static struct variables set_variables(struct str rest)
{
    struct variables set = {.count = 0};
    struct str piece;
    while (rest.len && set.count < COUNT_OF(set.texts)) {
        (void)str_cut(rest, SEPARATOR, &piece, &rest);
        char *text = malloc(sizeof(PREFIX) + piece.len);
        assert(text);
        (void)snprintf(text, sizeof(PREFIX) + piece.len, PREFIX "%.*s", STR_ARGS(piece));
        set.texts[set.count++] = text;
        if (strchr(text, '='))
            putenv(text);
    }
    return set;
}

static void unset_variables(struct variables *set)
{
    for (size_t i = 0; i < set->count; i++) {
        char *equals = strchr(set->texts[i], '=');
        if (equals) {
            *equals = '\0';
            char *name = strdup(set->texts[i]);
            assert(name);
            *equals = '=';
            unsetenv(name);
            free(name);
        }
    }
    for (size_t i = 0; i < set->count; i++)
        free(set->texts[i]);
}

/* ---- what a configuration is ---- */

static void check_text(const struct config_text *text, bool required)
{
    assert(text->value.len > 0 || !required);
    if (text->value.len)
        assert(strlen(text->value.data) == text->value.len && text->place.file);
}

static void check_durations(const struct config *config)
{
    const int64_t all[] = {
        config->drain_ms,
        config->upstream.connect_ms,
        config->upstream.first_byte_ms,
        config->upstream.total_ms,
        config->upstream.idle_ms,
        config->deadlines.handshake_ms,
        config->deadlines.idle_ms,
        config->deadlines.head_ms,
        config->deadlines.body_ms,
        config->deadlines.write_ms,
        config->deadlines.request_ms,
        config->deadlines.linger_ms,
        config->deadlines.body_grace_ms,
        config->ticket_rotation_ms,
    };
    for (size_t i = 0; i < COUNT_OF(all); i++)
        assert(all[i] >= 1 && all[i] <= 366LL * 24 * 3600 * 1000);
}

static void check_identities(const struct config *config)
{
    assert(config->identity_count >= 1 && config->identity_count <= LIMIT_CERTIFICATES);
    for (size_t i = 0; i < config->identity_count; i++) {
        check_text(&config->identities[i].certificate, true);
        check_text(&config->identities[i].key, true);
    }
    bool asked = config->client_certificates != TLS_CLIENT_OFF;
    check_text(&config->client_ca, asked);
    check_text(&config->client_crl, false);
    assert(asked == (config->client_ca.value.len > 0));
}

static void check_limits(const struct config *config)
{
    const struct admission_limits *limits = &config->admission;
    assert(limits->connections >= 1 && limits->connections <= LIMIT_CONNECTIONS_CONFIGURABLE);
    assert(limits->connections_per_client >= 1 && limits->requests >= 1);
    assert(limits->buffer_bytes >= LIMIT_BUFFERS_LEAST);
    assert(config->framing.line_bytes <= LIMIT_LINE_CONFIGURABLE);
    assert(config->framing.head_bytes >= 1024);
    assert(config->framing.head_bytes <= LIMIT_HEAD_CONFIGURABLE);
    assert(config->framing.headers >= 8);
    assert(config->deadlines.body_rate >= 1);
}

static void check_config(const struct config *config)
{
    check_text(&config->listen, true);
    check_identities(config);
    check_limits(config);
    check_text(&config->upstream_url, true);
    check_text(&config->upstream_ca, false);
    check_text(&config->team, !config->callers.value.len);
    check_text(&config->callers, !config->team.value.len);
    assert(!config->team.value.len || !config->callers.value.len);
    assert(is_token(config->api_key_header.value));
    check_text(&config->audit.directory, true);
    assert(config->workers >= 1 && config->workers <= 256);
    assert(config->upstream_host.len >= 1 && config->upstream_port >= 1);
    assert(config->upstream_host.data[config->upstream_host.len] == '\0');
    assert(str_is_identifier(config->tenant.account_id));
    assert(str_is_identifier(config->tenant.stream_id));
    assert(config->policy_count >= 1);
    for (size_t i = 0; i < config->policy_count; i++)
        check_text(&config->policies[i], true);
    for (size_t i = 0; i < config->sender_id_count; i++)
        assert(config->sender_ids[i].len > 0);
    assert(config->framing.body_bytes >= 1);
    assert(config->framing.body_bytes <= LIMIT_BODY_CONFIGURABLE);
    assert(config->audit.segment_bytes >= 1 && strlen(config->digest) == 64);
    check_durations(config);
}

/* It begins with the file or the variable, and cannot play tricks on a terminal. */
static void check_sentence(struct str sentence, const char *path)
{
    struct str where, what;
    (void)str_cut(sentence, ':', &where, &what);
    assert(str_equal(where, str_from(path)) || str_starts(where, STR("environment " PREFIX)));
    assert(!str_starts(what, STR("0:")));
    for (size_t i = 0; i < sentence.len; i++)
        assert((uint8_t)sentence.data[i] >= 0x20 && sentence.data[i] != 0x7f);
}

static uint64_t load(const char *path)
{
    struct problems problems;
    problems_init(&problems);
    struct config *config = config_load(path, &problems);
    assert((config == NULL) == (problems.count > 0));
    uint64_t sum;
    if (config) {
        check_config(config);
        sum = sum_of(1, str_from(config->digest));
    } else {
        struct str sentence, rest = buf_str(&problems.lines);
        while (rest.len) {
            (void)str_cut(rest, '\n', &sentence, &rest);
            check_sentence(sentence, path);
        }
        sum = sum_of(2, buf_str(&problems.lines));
    }
    problems_release(&problems);
    config_free(config);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text, rest;
    (void)str_cut((struct str){(const char *)data, size}, SEPARATOR, &text, &rest);
    struct variables variables = set_variables(rest);
    const char *path = store(text);
    uint64_t first = load(path);
    assert(load(path) == first);
    unset_variables(&variables);
    return 0;
}
