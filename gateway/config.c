/*
 * One table says which keys exist, where their values go and how they are read; the walk over the
 * file and the look into the environment both follow it.
 */
#include "config_values.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/digest.h"
#include "base/limits.h"
#include "base/yaml_read.h"

#define LIMIT_CONFIG_BYTES (1024 * 1024)
#define DRAIN_IDLE_PART 4 /* of drain_timeout at most; the rest is for what is under way */
#define LIMIT_JOURNAL_WAITING 65536 /* records: more requests than a machine can have under way */

/* What a fixed setting was given as. */
struct config_fixed {
    const char *name; /* its environment variable */
    struct str text;
    struct config_fixed *next;
};

/* A key of the file. Exactly one of `read` (a scalar), `keys` (a mapping), `node` is set. */
struct key {
    const char *name;
    value_fn *read;
    size_t offset; /* of the target in struct config */
    const struct key *keys;
    size_t key_count;
    bool (*node)(struct config *config, const struct yaml_node *node, struct error *err);
    bool required;
    bool fixed;        /* until a restart */
    uint64_t min, max; /* of a number; 0: no bound */
};

bool config_error(const struct config_place *place, struct error *err, const char *format, ...)
{
    char sentence[sizeof(err->text)];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    if (place->line == 0)
        return error_set(err, "%s: %s", place->file, sentence);
    return error_at(err, place->file, place->line, place->column, "%s", sentence);
}

/* ---- lists and tenants ---- */

static struct value scalar_value(const struct yaml_node *node)
{
    return (struct value){.text = node->text, .place = {node->file, node->line, node->column}};
}

static bool expect_kind(const struct yaml_node *node, enum yaml_kind kind, const char *name,
                        struct error *err)
{
    if (node->kind == kind)
        return true;
    return yaml_error(node, err, "'%s' must be %s, not %s", name, yaml_kind_name(kind),
                      yaml_kind_name(node->kind));
}

static bool read_list(struct config *config, const struct yaml_node *node, const char *name,
                      value_fn *read, struct config_text **ret, size_t *ret_count,
                      struct error *err)
{
    if (!expect_kind(node, YAML_SEQUENCE, name, err))
        return false;
    if (node->count == 0)
        return yaml_error(node, err, "'%s' is an empty list", name);
    struct config_text *items = arena_zalloc(&config->arena, node->count, sizeof(*items));
    if (!items)
        return value_out_of_memory(err);
    size_t count = 0;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        if (!expect_kind(each, YAML_SCALAR, name, err))
            return false;
        struct value value = scalar_value(each);
        if (!read(config, &items[count++], &value, err))
            return false;
    }
    *ret = items;
    *ret_count = count;
    return true;
}

static bool read_policies(struct config *config, const struct yaml_node *node, struct error *err)
{
    return read_list(config, node, "policies", value_path, &config->policies, &config->policy_count,
                     err);
}

static bool read_candidates(struct config *config, const struct yaml_node *node, struct error *err)
{
    return read_list(config, node, "candidate_policies", value_path, &config->candidates,
                     &config->candidate_count, err);
}

static bool read_sender_ids(struct config *config, const struct yaml_node *node, struct error *err)
{
    struct config_text *items;
    size_t count = 0;
    if (!read_list(config, node, "sender_ids", value_text, &items, &count, err))
        return false;
    config->sender_ids = arena_zalloc(&config->arena, count, sizeof(*config->sender_ids));
    if (!config->sender_ids)
        return value_out_of_memory(err);
    for (size_t i = 0; i < count; i++)
        config->sender_ids[i] = items[i].value;
    config->sender_id_count = count;
    return true;
}

/* A mapping of nothing but these texts, each of them required. */
static bool check_members(const struct yaml_node *node, const char *what, const char *const *keys,
                          size_t count, struct error *err)
{
    if (!expect_kind(node, YAML_MAPPING, what, err))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        size_t i = 0;
        while (i < count && !str_equal(each->key, str_from(keys[i])))
            i++;
        if (i == count)
            return yaml_key_error(each, err, "unknown key '%.*s'; %s has %s and %s",
                                  STR_ARGS(each->key), what, keys[0], keys[1]);
        if (!expect_kind(each, YAML_SCALAR, keys[i], err))
            return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!yaml_member(node, str_from(keys[i])))
            return yaml_error(node, err, "%s has no '%s'", what, keys[i]);
    }
    return true;
}

static bool read_identity(struct config *config, const struct yaml_node *node,
                          struct config_identity *ret, struct error *err)
{
    static const char *const keys[] = {"certificate", "key"};
    if (!check_members(node, "an identity", keys, COUNT_OF(keys), err))
        return false;
    struct value certificate = scalar_value(yaml_member(node, STR("certificate")));
    struct value key = scalar_value(yaml_member(node, STR("key")));
    return value_path(config, &ret->certificate, &certificate, err) &&
           value_path(config, &ret->key, &key, err);
}

/* Room for the first identity is left in front. */
static bool read_more_identities(struct config *config, const struct yaml_node *node,
                                 struct error *err)
{
    if (!expect_kind(node, YAML_SEQUENCE, "more_certificates", err))
        return false;
    if (node->count >= LIMIT_CERTIFICATES)
        return yaml_error(node, err, "there can be at most %d certificates", LIMIT_CERTIFICATES);
    config->identities = arena_zalloc(&config->arena, 1 + node->count, sizeof(*config->identities));
    if (!config->identities)
        return value_out_of_memory(err);
    config->identity_count = 1;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        if (!read_identity(config, each, &config->identities[config->identity_count++], err))
            return false;
    }
    return true;
}

static bool read_identifier(struct config *config, const struct yaml_node *tenant, const char *key,
                            struct str *ret, struct error *err)
{
    const struct yaml_node *node = yaml_member(tenant, str_from(key));
    if (!str_is_identifier(node->text))
        return yaml_error(node, err, "'%s' must consist of letters, digits, - and _", key);
    *ret = value_copy(config, node->text);
    return ret->data || value_out_of_memory(err);
}

static bool read_tenants(struct config *config, const struct yaml_node *node, struct error *err)
{
    if (!expect_kind(node, YAML_SEQUENCE, "tenants", err))
        return false;
    if (node->count != 1)
        return yaml_error(node, err, "'tenants' must hold exactly one tenant, not %zu",
                          node->count);
    static const char *const keys[] = {"account_id", "stream_id"};
    const struct yaml_node *tenant = node->first;
    return check_members(tenant, "a tenant", keys, COUNT_OF(keys), err) &&
           read_identifier(config, tenant, "account_id", &config->tenant.account_id, err) &&
           read_identifier(config, tenant, "stream_id", &config->tenant.stream_id, err);
}

/* ---- the table ---- */

/* A scalar; what else there is to say of it follows, such as `.required = true`. */
#define SCALAR(key_name, reader, field, ...)                                                       \
    {                                                                                              \
        .name = (key_name), .read = (reader), .offset = offsetof(struct config, field),            \
        __VA_ARGS__                                                                                \
    }
#define FIXED(key_name, reader, field, ...)                                                        \
    SCALAR(key_name, reader, field, .fixed = true, __VA_ARGS__)
#define MAPPING(key_name, table, ...)                                                              \
    {                                                                                              \
        .name = (key_name), .keys = (table), .key_count = COUNT_OF(table), __VA_ARGS__             \
    }
#define NODE(key_name, reader, ...)                                                                \
    {                                                                                              \
        .name = (key_name), .node = (reader), __VA_ARGS__                                          \
    }

static const struct key tls_keys[] = {
    SCALAR("certificate", value_path, first_identity.certificate, .required = true),
    SCALAR("key", value_path, first_identity.key, .required = true),
    NODE("more_certificates", read_more_identities, ),
    SCALAR("client_certificates", value_client_certificates, client_certificates, ),
    SCALAR("client_ca", value_path, client_ca, ),
    SCALAR("client_crl", value_path, client_crl, ),
    SCALAR("ticket_rotation", value_duration, ticket_rotation_ms, ),
};

static const struct key upstream_keys[] = {
    FIXED("url", value_url, upstream_url, .required = true),
    SCALAR("ca", value_path, upstream_ca, ),
    FIXED("resolve", value_resolve, upstream_resolve, ),
    FIXED("connect_timeout", value_duration, upstream.connect_ms, ),
    FIXED("first_byte_timeout", value_duration, upstream.first_byte_ms, ),
    FIXED("total_timeout", value_duration, upstream.total_ms, ),
    FIXED("idle_timeout", value_duration, upstream.idle_ms, ),
};

static const struct key audit_keys[] = {
    FIXED("directory", value_path, audit.directory, .required = true),
    FIXED("second_directory", value_path, audit.second_directory, ),
    FIXED("source", value_source, audit.source, ),
    FIXED("durability", value_durability, audit.durability, ),
    FIXED("segment_size", value_size, audit.segment_bytes, ),
    FIXED("segment_age", value_duration, audit.segment_ms, ),
    FIXED("write_timeout", value_duration, audit.write_timeout_ms, ),
    FIXED("on_audit_failure", value_on_audit_failure, audit.on_failure, ),
    FIXED("degraded_requests", value_number, audit.degraded_requests, .min = 1,
          .max = LIMIT_DEGRADED_REQUESTS),
    FIXED("degraded_time", value_duration, audit.degraded_ms, ),
    FIXED("signing_key", value_path, audit.signing_key, ),
    FIXED("hash_keys", value_path, audit.hash_keys, ),
    FIXED("phone_numbers", value_phone_numbers, audit.phone_numbers, ),
    SCALAR("capture_certificate", value_path, audit.capture_certificate, ),
    FIXED("reconcile_auth", value_path, audit.reconcile_auth, ),
    FIXED("reconcile_after", value_duration, audit.reconcile_after_ms, ),
    FIXED("central", value_text, audit.central, ),
    FIXED("central_timeout", value_duration, audit.central_timeout_ms, ),
    FIXED("central_hold", value_duration, audit.central_hold_ms, ),
};

static const struct key contract_keys[] = {
    NODE("sender_ids", read_sender_ids, ),
    SCALAR("allow_unknown_fields", value_bool, allow_unknown_fields, ),
    SCALAR("midnight", value_midnight, midnight, ),
};

static const struct key limit_keys[] = {
    FIXED("line", value_size, framing.line_bytes, .min = 512, .max = LIMIT_LINE_CONFIGURABLE),
    FIXED("head", value_size, framing.head_bytes, .min = 1024, .max = LIMIT_HEAD_CONFIGURABLE),
    FIXED("headers", value_number, framing.headers, .min = 8, .max = LIMIT_HEADERS_CONFIGURABLE),
    FIXED("body", value_body_limit, framing.body_bytes, ),
    FIXED("connections", value_number, admission.connections, .min = 1,
          .max = LIMIT_CONNECTIONS_CONFIGURABLE),
    FIXED("connections_per_client", value_number, admission.connections_per_client, .min = 1,
          .max = LIMIT_CONNECTIONS_CONFIGURABLE),
    FIXED("handshakes", value_number, admission.handshakes, .min = 1,
          .max = LIMIT_CONNECTIONS_CONFIGURABLE),
    FIXED("requests", value_number, admission.requests, .min = 1,
          .max = LIMIT_CONNECTIONS_CONFIGURABLE),
    FIXED("buffers", value_size, admission.buffer_bytes, .min = LIMIT_BUFFERS_LEAST,
          .max = INT64_MAX),
    FIXED("body_rate", value_size, deadlines.body_rate, .min = 1, .max = INT64_MAX),
    FIXED("body_grace", value_duration, deadlines.body_grace_ms, ),
    FIXED("handshake_timeout", value_duration, deadlines.handshake_ms, ),
    FIXED("idle_timeout", value_duration, deadlines.idle_ms, ),
    FIXED("head_timeout", value_duration, deadlines.head_ms, ),
    FIXED("body_timeout", value_duration, deadlines.body_ms, ),
    FIXED("request_timeout", value_duration, deadlines.request_ms, ),
    FIXED("write_timeout", value_duration, deadlines.write_ms, ),
    FIXED("linger_timeout", value_duration, deadlines.linger_ms, ),
    FIXED("drain_timeout", value_duration, drain_ms, ),
};

static const struct key admin_tls_keys[] = {
    SCALAR("certificate", value_path, admin.identity.certificate, ),
    SCALAR("key", value_path, admin.identity.key, ),
    SCALAR("client_ca", value_path, admin.client_ca, ),
};

static const struct key admin_keys[] = {
    FIXED("listen", value_text, admin.listen, ),
    MAPPING("tls", admin_tls_keys, ),
};

static const struct key log_keys[] = {
    SCALAR("level", value_log_level, log_level, ),
    FIXED("format", value_log_format, log_format, ),
    FIXED("file", value_path, log_file, ),
};

static const struct key access_log_keys[] = {
    FIXED("file", value_path_or_stdout, access_log_file, ),
    FIXED("format", value_access_format, access_log_format, ),
};

static const struct key trace_keys[] = {
    FIXED("endpoint", value_endpoint, trace_endpoint, ),
    SCALAR("ca", value_path, trace_ca, ),
    SCALAR("sample", value_ratio, trace_sample, ),
    FIXED("service_name", value_str, trace_service_name, ),
};

static const struct key sandbox_keys[] = {
    FIXED("seccomp", value_on_off, sandbox_seccomp, ),
    FIXED("landlock", value_on_off, sandbox_landlock, ),
};

static const struct key root_keys[] = {
    FIXED("listen", value_text, listen, .required = true),
    FIXED("workers", value_workers, workers, ),
    MAPPING("tls", tls_keys, .required = true),
    MAPPING("upstream", upstream_keys, .required = true),
    NODE("tenants", read_tenants, .required = true),
    SCALAR("team", value_text, team, ),
    SCALAR("callers", value_path, callers, ),
    SCALAR("api_key_header", value_header_name, api_key_header, ),
    NODE("policies", read_policies, .required = true),
    NODE("candidate_policies", read_candidates),
    MAPPING("contract", contract_keys, ),
    MAPPING("audit", audit_keys, .required = true),
    MAPPING("limits", limit_keys, ),
    MAPPING("admin", admin_keys, ),
    MAPPING("log", log_keys, ),
    MAPPING("sandbox", sandbox_keys, ),
    MAPPING("access_log", access_log_keys, ),
    MAPPING("trace", trace_keys, ),
};

/* ---- the walk ---- */

/* "CAMPAIGN_GATEWAY" + "_UPSTREAM" + "_URL". */
static void environment_name(const char *prefix, const char *key, char out[128])
{
    int used = snprintf(out, 128, "%s_%s", prefix, key);
    for (int i = 0; i < used && i < 127; i++)
        out[i] = (char)toupper((unsigned char)out[i]);
}

static bool unknown_key(const struct yaml_node *node, const struct key *keys, size_t count,
                        struct error *err)
{
    char known[512] = "";
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(known);
        (void)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", keys[i].name);
    }
    return yaml_key_error(node, err, "unknown key '%.*s'; known here: %s", STR_ARGS(node->key),
                          known);
}

static bool check_known(const struct config *config, const struct yaml_node *mapping,
                        const struct key *keys, size_t count, struct error *err)
{
    bool fine = true;
    for (const struct yaml_node *each = mapping->first; each; each = each->next) {
        size_t i = 0;
        while (i < count && !str_equal(each->key, str_from(keys[i].name)))
            i++;
        if (i == count && !unknown_key(each, keys, count, err))
            fine = problems_add(config->problems, err);
    }
    return fine;
}

static bool missing(const char *name, const struct yaml_node *mapping, const char *variable,
                    struct error *err)
{
    const struct config_place place = {mapping->file, mapping->line, mapping->column};
    return config_error(&place, err, "'%s' is missing%s%s", name,
                        variable[0] ? "; set it here or in " : "", variable);
}

static bool remember_fixed(struct config *config, const char *variable, struct str text,
                           struct error *err)
{
    struct config_fixed *fixed = arena_zalloc(&config->arena, 1, sizeof(*fixed));
    struct str name = arena_copy(&config->arena, str_from(variable));
    struct str copy = value_copy(config, text);
    if (!fixed || !name.data || !copy.data)
        return value_out_of_memory(err);
    *fixed = (struct config_fixed){name.data, copy, config->fixed};
    config->fixed = fixed;
    return true;
}

static bool read_scalar(struct config *config, const struct key *key, const struct yaml_node *node,
                        const struct yaml_node *mapping, const char *variable, struct error *err)
{
    struct value value;
    const char *text = getenv(variable);
    if (node && !expect_kind(node, YAML_SCALAR, key->name, err))
        return false;
    if (text) {
        struct str place = arena_format(&config->arena, "environment %s", variable);
        value = (struct value){.text = str_from(text),
                               .place = {place.data ? place.data : "environment", 0, 0}};
    } else if (node) {
        value = scalar_value(node);
    } else {
        return !key->required || missing(key->name, mapping, variable, err);
    }
    value.min = key->min;
    value.max = key->max;
    return key->read(config, (char *)config + key->offset, &value, err) &&
           (!key->fixed || remember_fixed(config, variable, value.text, err));
}

/*
 * `mapping` may be NULL when the file does not have it: the environment is asked all the same. All
 * that is wrong goes to config->problems.
 */
static bool read_mapping(struct config *config, const struct yaml_node *mapping,
                         const struct yaml_node *outer, const struct key *keys, size_t count,
                         const char *prefix, struct error *err)
{
    bool all_fine = !mapping || check_known(config, mapping, keys, count, err);
    for (size_t i = 0; i < count; i++) {
        const struct key *key = &keys[i];
        const struct yaml_node *node = mapping ? yaml_member(mapping, str_from(key->name)) : NULL;
        const struct yaml_node *around = mapping ? mapping : outer;
        char variable[128];
        environment_name(prefix, key->name, variable);
        bool fine = true;
        if (key->read)
            fine = read_scalar(config, key, node, around, variable, err);
        else if (!node && key->required)
            fine = missing(key->name, around, "", err);
        else if (key->keys)
            fine = (!node || expect_kind(node, YAML_MAPPING, key->name, err)) &&
                   read_mapping(config, node, around, key->keys, key->key_count, variable, err);
        else if (node)
            fine = key->node(config, node, err);
        all_fine = (fine || problems_add(config->problems, err)) && all_fine;
    }
    return all_fine;
}

/* ---- files ---- */

bool config_read_file(const char *path, size_t max, struct arena *arena, struct str *ret,
                      struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe's would wait for a writer */
    if (fd < 0)
        return error_set(err, "cannot open '%s': %s", path, strerrordesc_np(errno));
    struct stat info;
    bool fine = false;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        error_set(err, "'%s' is not a file", path);
    } else if ((uint64_t)info.st_size > max) {
        (void)error_at(err, path, 1, 1,
                       "the file is larger than %zu bytes, the most that is read; split it", max);
    } else {
        size_t size = (size_t)info.st_size, done = 0;
        char *text = arena_alloc(arena, size + 1);
        ssize_t got = 1;
        while (text && done < size && (got = read(fd, text + done, size - done)) > 0)
            done += (size_t)got;
        fine = text && done == size;
        if (fine)
            *ret = (struct str){text, size};
        else
            error_set(err, "cannot read '%s'", path);
    }
    close(fd);
    return fine;
}

static void set_defaults(struct config *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    config->workers = cores > 0 ? (uint64_t)cores : 1;
    config->upstream = (struct upstream_deadlines){
        .connect_ms = 5000, .first_byte_ms = 30000, .total_ms = 60000, .idle_ms = 4000};
    config->audit = (struct config_audit){.segment_bytes = 64 * 1024 * 1024,
                                          .segment_ms = 24 * 3600 * 1000,
                                          .write_timeout_ms = 5000,
                                          .degraded_requests = 100,
                                          .degraded_ms = 60 * 1000,
                                          .reconcile_after_ms = 60 * 1000,
                                          .central_timeout_ms = 5000,
                                          .central_hold_ms = 72 * 3600 * 1000};
    config->framing = (struct framing_limits){.line_bytes = LIMIT_LINE_BYTES,
                                              .head_bytes = LIMIT_HEAD_BYTES,
                                              .headers = LIMIT_HEADERS,
                                              .body_bytes = LIMIT_BODY_BYTES};
    config->deadlines = (struct connection_deadlines){.handshake_ms = LIMIT_HANDSHAKE_MS,
                                                      .idle_ms = LIMIT_IDLE_MS,
                                                      .head_ms = LIMIT_HEAD_MS,
                                                      .body_ms = LIMIT_BODY_MS,
                                                      .request_ms = LIMIT_REQUEST_MS,
                                                      .write_ms = LIMIT_WRITE_MS,
                                                      .linger_ms = LIMIT_LINGER_MS,
                                                      .drain_idle_ms = LIMIT_DRAIN_IDLE_MS,
                                                      .body_rate = LIMIT_BODY_RATE,
                                                      .body_grace_ms = LIMIT_BODY_GRACE_MS};
    config->admission = (struct admission_limits){.connections = LIMIT_CONNECTIONS,
                                                  .handshakes = LIMIT_HANDSHAKES,
                                                  .requests = LIMIT_REQUESTS,
                                                  .buffer_bytes = LIMIT_BUFFER_BYTES};
    config->ticket_rotation_ms = LIMIT_TICKET_ROTATION_MS;
    config->api_key_header.value = STR("x-api-key");
    config->drain_ms = 30000;
    config->log_level = LOG_INFO;
    config->sandbox_seccomp = config->sandbox_landlock = true;
    config->trace_sample = TRACE_SAMPLE_ALL;
    config->trace_service_name = STR("campaign-gateway");
}

/* ---- settings that belong together ---- */

static bool complete_identities(struct config *config, struct error *err)
{
    if (!config->identities) {
        config->identities = arena_zalloc(&config->arena, 1, sizeof(*config->identities));
        config->identity_count = 1;
    }
    if (!config->identities)
        return value_out_of_memory(err);
    config->identities[0] = config->first_identity;
    return true;
}

static bool check_clients(const struct config *config, struct error *err)
{
    bool asked = config->client_certificates != TLS_CLIENT_OFF;
    if (asked && !config->client_ca.value.len)
        return config_error(&config->first_identity.certificate.place, err,
                            "client certificates need 'client_ca', the CAs that sign them");
    if (!asked && config->client_ca.value.len)
        return config_error(&config->client_ca.place, err,
                            "'client_ca' has no effect while 'client_certificates' is off; make it "
                            "optional or required");
    if (config->client_crl.value.len && !asked)
        return config_error(&config->client_crl.place, err,
                            "'client_crl' has no effect while 'client_certificates' is off");
    return true;
}

/* Exactly one way to know the team. */
static bool check_team(const struct config *config, const struct yaml_node *root, struct error *err)
{
    if (config->team.value.len && config->callers.value.len)
        return config_error(&config->callers.place, err,
                            "there are both 'team' and 'callers'; a sidecar has a team, a central "
                            "gateway has callers");
    if (!config->team.value.len && !config->callers.value.len)
        return yaml_error(root, err,
                          "'team' is missing; name the one team this gateway serves, or the file "
                          "of 'callers' that says whose team is which");
    return true;
}

/* The keys lie in the journal's directory unless they are given a place of their own. */
static bool complete_audit(struct config *config, struct error *err)
{
    struct config_audit *audit = &config->audit;
    if (audit->hash_keys.value.len || !audit->directory.value.len)
        return true;
    audit->hash_keys.place = audit->directory.place;
    audit->hash_keys.value =
        arena_format(&config->arena, "%.*s/hash-keys", STR_ARGS(audit->directory.value));
    return audit->hash_keys.value.data || value_out_of_memory(err);
}

static bool check_audit(const struct config *config, struct error *err)
{
    const struct config_audit *audit = &config->audit;
    if (audit->second_directory.value.len &&
        str_equal(audit->second_directory.value, audit->directory.value))
        return config_error(&audit->second_directory.place, err,
                            "'second_directory' is the same as 'directory'; name one on another "
                            "device");
    return true;
}

/*
 * Asked for TLS, the admin listener never does without; and whether it has it stays as it is until
 * a restart, though its files may be others.
 */
static bool complete_admin(struct config *config, const struct yaml_node *root, struct error *err)
{
    const struct config_admin *admin = &config->admin;
    const struct yaml_node *mapping = yaml_member(root, STR("admin"));
    bool is_mapping = mapping && mapping->kind == YAML_MAPPING;
    const struct yaml_node *tls = is_mapping ? yaml_member(mapping, STR("tls")) : NULL;
    bool certificate = admin->identity.certificate.value.len > 0;
    bool key = admin->identity.key.value.len > 0;
    if (!certificate && !key && !admin->client_ca.value.len && !tls)
        return true;
    if (!certificate || !key)
        return yaml_error(tls ? tls : root, err,
                          "'admin.tls' needs both 'certificate' and 'key'; without the whole of "
                          "'tls' the admin listener speaks plain HTTP");
    return remember_fixed(config, "CAMPAIGN_GATEWAY_ADMIN_TLS", STR("on"), err);
}

static bool check_access_log(const struct config *config, const struct yaml_node *root,
                             struct error *err)
{
    const struct yaml_node *node = yaml_member(root, STR("access_log"));
    return !node || config->access_log_file.value.len ||
           yaml_error(node, err, "'access_log' has no 'file'; name one, or - for standard output");
}

static bool check_trace(const struct config *config, const struct yaml_node *root,
                        struct error *err)
{
    const struct yaml_node *node = yaml_member(root, STR("trace"));
    if (node && !config->trace_endpoint.url.value.len)
        return yaml_error(node, err,
                          "'trace' has no 'endpoint'; name the collector, such as "
                          "http://localhost:4318/v1/traces");
    return !config->trace_ca.value.len || config->trace_endpoint.tls ||
           config_error(&config->trace_ca.place, err,
                        "'ca' has no effect while 'endpoint' is not https");
}

/* Without a collector nobody tells of the traces that begin here. */
static void complete_trace(struct config *config)
{
    if (!config->trace_endpoint.url.value.len)
        config->trace_sample = 0;
}

static bool complete(struct config *config, const struct yaml_node *root, struct error *err)
{
    if (config->deadlines.drain_idle_ms > config->drain_ms / DRAIN_IDLE_PART)
        config->deadlines.drain_idle_ms = config->drain_ms / DRAIN_IDLE_PART;
    if (!config->admission.connections_per_client)
        config->admission.connections_per_client = config->admission.connections;
    bool fine = complete_identities(config, err) || problems_add(config->problems, err);
    fine = (complete_audit(config, err) || problems_add(config->problems, err)) && fine;
    fine = (check_clients(config, err) || problems_add(config->problems, err)) && fine;
    fine = (complete_admin(config, root, err) || problems_add(config->problems, err)) && fine;
    fine = (check_audit(config, err) || problems_add(config->problems, err)) && fine;
    complete_trace(config);
    fine = (check_trace(config, root, err) || problems_add(config->problems, err)) && fine;
    fine = (check_access_log(config, root, err) || problems_add(config->problems, err)) && fine;
    return (check_team(config, root, err) || problems_add(config->problems, err)) && fine;
}

static const struct config_fixed *find_fixed(const struct config *config, const char *name)
{
    const struct config_fixed *each = config->fixed;
    while (each && strcmp(each->name, name) != 0)
        each = each->next;
    return each;
}

static void add_name(struct config_names *names, const char *name)
{
    size_t used = strlen(names->text);
    (void)snprintf(names->text + used, sizeof(names->text) - used, "%s%s", used ? ", " : "", name);
}

void config_fixed_changes(const struct config *running, const struct config *fresh,
                          struct config_names *ret)
{
    *ret = (struct config_names){""};
    for (const struct config_fixed *each = running->fixed; each; each = each->next) {
        const struct config_fixed *other = find_fixed(fresh, each->name);
        if (!other || !str_equal(each->text, other->text))
            add_name(ret, each->name);
    }
    for (const struct config_fixed *each = fresh->fixed; each; each = each->next) {
        if (!find_fixed(running, each->name))
            add_name(ret, each->name);
    }
}

/* Where the line begins; lines count from 1. */
static size_t line_start(struct str text, size_t line)
{
    size_t at = 0;
    for (; line > 1 && at < text.len; line--)
        at += str_find(str_slice(text, at, text.len), '\n') + 1;
    return at;
}

/*
 * The digest is shown to many, and the file may hold one secret: the password of audit.central.
 * What stands there does not count; nor, where it is not written as it is read, what follows.
 */
static bool digest_config(struct config *config, struct str text, struct error *err)
{
    const struct str secret = config->audit.central.value;
    const char *found = secret.len ? memmem(text.data, text.len, secret.data, secret.len) : NULL;
    struct str before = text, behind = {0};
    if (found) {
        before = str_slice(text, 0, (size_t)(found - text.data));
        behind = str_slice(text, before.len + secret.len, text.len);
    } else if (secret.len && config->audit.central.place.line) {
        before = str_slice(text, 0, line_start(text, config->audit.central.place.line));
    }
    struct str counted =
        arena_format(&config->arena, "%.*s%.*s", STR_ARGS(before), STR_ARGS(behind));
    return (counted.data && digest_hex(counted, config->digest)) ||
           error_set(err, "cannot compute the configuration's digest: out of memory, or libcrypto "
                          "offers no SHA-256");
}

static bool read_config(struct config *config, const char *path, struct error *err)
{
    struct str text = {0}, kept = arena_copy(&config->arena, str_from(path));
    config->path = kept.data;
    set_defaults(config);
    if (!kept.data)
        return value_out_of_memory(err);
    if (!config_read_file(path, LIMIT_CONFIG_BYTES, &config->arena, &text, err))
        return false;
    const struct yaml_node *root = yaml_read(config->path, text, &config->arena, err);
    return root && expect_kind(root, YAML_MAPPING, "the configuration", err) &&
           read_mapping(config, root, root, root_keys, COUNT_OF(root_keys), "CAMPAIGN_GATEWAY",
                        err) &&
           complete(config, root, err) && digest_config(config, text, err);
}

struct config *config_load(const char *path, struct problems *problems)
{
    struct error err = {.text = ""};
    struct config *config = calloc(1, sizeof(*config));
    if (!config) {
        (void)value_out_of_memory(&err);
        (void)problems_add(problems, &err);
        return NULL;
    }
    arena_init(&config->arena, 16 * LIMIT_CONFIG_BYTES);
    config->problems = problems;
    bool fine = read_config(config, path, &err);
    config->problems = NULL;
    if (fine)
        return config;
    (void)problems_add(problems, &err);
    config_free(config);
    return NULL;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    arena_release(&config->arena);
    free(config);
}

/* ---- what others make of it ---- */

void config_authority(const struct config *config, char out[CONFIG_AUTHORITY_SIZE])
{
    const struct str host = config->upstream_host;
    bool v6 = str_find(host, ':') < host.len;
    (void)snprintf(out, CONFIG_AUTHORITY_SIZE, v6 ? "[%.*s]" : "%.*s", STR_ARGS(host));
    size_t used = strlen(out);
    if (config->upstream_port != 443)
        (void)snprintf(out + used, CONFIG_AUTHORITY_SIZE - used, ":%u", config->upstream_port);
}

void config_journal_options(const struct config *config, struct journal_options *ret)
{
    const struct config_audit *audit = &config->audit;
    bool passes = audit->on_failure == AUDIT_FAILURE_ALLOW_DEGRADED;
    *ret = (struct journal_options){.directory = audit->directory.value.data,
                                    .second_directory = audit->second_directory.value.data,
                                    .source = audit->source.value.data,
                                    .signing_key = audit->signing_key.value.data,
                                    .segment_bytes = audit->segment_bytes,
                                    .segment_ms = audit->segment_ms,
                                    .max_waiting = LIMIT_JOURNAL_WAITING,
                                    .write_timeout_ms = audit->write_timeout_ms,
                                    .central = audit->durability == DURABILITY_CENTRAL,
                                    .ships = audit->central.value.len > 0,
                                    .central_timeout_ms = audit->central_timeout_ms,
                                    .passing_requests = passes ? audit->degraded_requests : 0,
                                    .passing_ms = audit->degraded_ms};
}
