#include "snapshot.h"

#include <stdlib.h>

#include "base/limits.h"
#include "net/tls.h"
#include "watch.h"

#define LIMIT_LOAD_TRIES 5

static bool find_team(struct snapshot *snapshot, struct error *err)
{
    const struct config *config = snapshot->config;
    if (!config->team.value.len)
        return true;
    snapshot->team = policy_team(snapshot->policy, config->team.value);
    return snapshot->team ||
           config_error(&config->team.place, err,
                        "the policy knows no team '%.*s'; add it under 'teams', even if "
                        "without rules of its own",
                        STR_ARGS(config->team.value));
}

/* The policy in force, and the candidate if there is one. */
static bool load_policies(struct snapshot *snapshot, struct problems *problems)
{
    struct error err = {.text = ""};
    const struct config *config = snapshot->config;
    snapshot->policy = policy_load(config->policies, config->policy_count, &snapshot->arena,
                                   &snapshot->policy_files, problems);
    if (config->candidate_count)
        snapshot->candidate = policy_load(config->candidates, config->candidate_count,
                                          &snapshot->arena, &snapshot->candidate_files, problems);
    if (!snapshot->policy || (config->candidate_count && !snapshot->candidate))
        return false;
    return find_team(snapshot, &err) || problems_add(problems, &err);
}

static bool load_callers(struct snapshot *snapshot, struct error *err)
{
    const struct config_text *setting = &snapshot->config->callers;
    struct error why;
    struct str text;
    if (!setting->value.len)
        return true;
    if (!config_read_file(setting->value.data, LIMIT_YAML_BYTES, &snapshot->arena, &text, &why))
        return config_error(&setting->place, err, "%s", why.text);
    if (!digest_hex(text, snapshot->callers_digest))
        return error_set(err, "cannot compute the callers' digest");
    snapshot->callers =
        callers_compile(setting->value.data, text, &snapshot->policy->teams, &snapshot->arena, err);
    return snapshot->callers != NULL;
}

/* Where the path that could not be used was written. */
static const struct config_place *place_of(const struct config *config, const char *path)
{
    const struct config_text *singles[] = {&config->client_ca, &config->client_crl};
    for (size_t i = 0; i < COUNT_OF(singles); i++) {
        if (path && path == singles[i]->value.data)
            return &singles[i]->place;
    }
    for (size_t i = 0; i < config->identity_count; i++) {
        if (path == config->identities[i].certificate.value.data)
            return &config->identities[i].certificate.place;
        if (path == config->identities[i].key.value.data)
            return &config->identities[i].key.place;
    }
    return &config->first_identity.certificate.place;
}

static bool load_server_tls(struct snapshot *snapshot, struct tickets *tickets, struct error *err)
{
    const struct config *config = snapshot->config;
    struct tls_identity identities[LIMIT_CERTIFICATES];
    for (size_t i = 0; i < config->identity_count; i++)
        identities[i] = (struct tls_identity){config->identities[i].certificate.value.data,
                                              config->identities[i].key.value.data};
    const struct tls_server_options options = {.identities = identities,
                                               .identity_count = config->identity_count,
                                               .client_certificates = config->client_certificates,
                                               .client_ca_path = config->client_ca.value.data,
                                               .client_crl_path = config->client_crl.value.data,
                                               .tickets = tickets,
                                               .session_ms = config->ticket_rotation_ms};
    struct error why;
    const char *bad_path;
    snapshot->server_tls = tls_server_context(&options, &bad_path, &why);
    return snapshot->server_tls || config_error(place_of(config, bad_path), err, "%s", why.text);
}

static bool load_client_tls(struct snapshot *snapshot, struct error *err)
{
    const struct config *config = snapshot->config;
    struct error why;
    snapshot->client_tls = tls_client_context(config->upstream_ca.value.data, &why);
    bool named = config->upstream_ca.value.data != NULL;
    return snapshot->client_tls ||
           config_error(named ? &config->upstream_ca.place : &config->upstream_url.place, err, "%s",
                        why.text);
}

static bool load_admin_tls(struct snapshot *snapshot, struct tickets *tickets, struct error *err)
{
    const struct config_admin *admin = &snapshot->config->admin;
    const struct tls_identity identity = {admin->identity.certificate.value.data,
                                          admin->identity.key.value.data};
    bool asks = admin->client_ca.value.len > 0;
    const struct tls_server_options options = {.identities = &identity,
                                               .identity_count = 1,
                                               .client_certificates =
                                                   asks ? TLS_CLIENT_REQUIRED : TLS_CLIENT_OFF,
                                               .client_ca_path = admin->client_ca.value.data,
                                               .tickets = tickets,
                                               .session_ms = snapshot->config->ticket_rotation_ms};
    struct error why;
    const char *bad_path;
    if (!admin->identity.certificate.value.len)
        return true;
    snapshot->admin_tls = tls_server_context(&options, &bad_path, &why);
    const struct config_place *place =
        bad_path && bad_path == options.client_ca_path ? &admin->client_ca.place
        : bad_path == identity.key_path                ? &admin->identity.key.place
                                                       : &admin->identity.certificate.place;
    return snapshot->admin_tls || config_error(place, err, "%s", why.text);
}

static bool load_dates(struct snapshot *snapshot, struct error *err)
{
    return certificates_look(snapshot->config, &snapshot->arena, &snapshot->certificates) ||
           error_set(err, "out of memory, or a certificate that was there a moment ago is not");
}

static bool load_trace_tls(struct snapshot *snapshot, struct error *err)
{
    const struct config *config = snapshot->config;
    struct error why;
    if (!config->trace_endpoint.tls)
        return true;
    snapshot->trace_tls = tls_client_context(config->trace_ca.value.data, &why);
    bool named = config->trace_ca.value.data != NULL;
    return snapshot->trace_tls ||
           config_error(named ? &config->trace_ca.place : &config->trace_endpoint.url.place, err,
                        "%s", why.text);
}

static bool load_capture(struct snapshot *snapshot, struct error *err)
{
    const struct config_text *setting = &snapshot->config->audit.capture_certificate;
    struct error why;
    if (!setting->value.len)
        return true;
    snapshot->capture = capture_load(setting->value.data, &why);
    return snapshot->capture || config_error(&setting->place, err, "%s", why.text);
}

/* Every part is tried, so that all that is wrong is told at once. */
static bool load_parts(struct snapshot *snapshot, struct tickets *tickets,
                       struct problems *problems)
{
    struct error err = {.text = ""};
    bool fine = load_server_tls(snapshot, tickets, &err) || problems_add(problems, &err);
    fine = (load_client_tls(snapshot, &err) || problems_add(problems, &err)) && fine;
    fine = (load_admin_tls(snapshot, tickets, &err) || problems_add(problems, &err)) && fine;
    fine = (load_dates(snapshot, &err) || problems_add(problems, &err)) && fine;
    fine = (load_trace_tls(snapshot, &err) || problems_add(problems, &err)) && fine;
    fine = (load_capture(snapshot, &err) || problems_add(problems, &err)) && fine;
    fine = load_policies(snapshot, problems) && fine;
    if (snapshot->policy)
        fine = (load_callers(snapshot, &err) || problems_add(problems, &err)) && fine;
    return fine;
}

static struct snapshot *load_once(const char *config_path, struct tickets *tickets,
                                  struct problems *problems)
{
    struct error err = {.text = ""};
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (!snapshot) {
        error_set(&err, "out of memory");
        (void)problems_add(problems, &err);
        return NULL;
    }
    atomic_init(&snapshot->references, 1);
    arena_init(&snapshot->arena, LIMIT_POLICY_ARENA_BYTES);
    snapshot->config = config_load(config_path, problems);
    if (snapshot->config)
        snapshot->stamp = watch_stamp_config(snapshot->config);
    if (snapshot->config && load_parts(snapshot, tickets, problems))
        return snapshot;
    snapshot_release(snapshot);
    return NULL;
}

static bool is_unchanged(const struct policy_files *files)
{
    return !files || watch_stamp_included(files) == files->stamp;
}

uint64_t snapshot_stamp_now(const struct snapshot *snapshot)
{
    uint64_t stamp = watch_stamp_config(snapshot->config);
    return is_unchanged(snapshot->policy_files) && is_unchanged(snapshot->candidate_files) ? stamp
                                                                                           : ~stamp;
}

struct snapshot *snapshot_load(const char *config_path, struct tickets *tickets,
                               struct problems *problems)
{
    struct error err;
    for (int tries = 0; tries < LIMIT_LOAD_TRIES; tries++) {
        uint64_t before = watch_stamp_add(0, config_path);
        struct snapshot *snapshot = load_once(config_path, tickets, problems);
        if (!snapshot)
            return NULL;
        if (watch_stamp_add(0, config_path) == before &&
            snapshot_stamp_now(snapshot) == snapshot->stamp)
            return snapshot;
        snapshot_release(snapshot);
    }
    error_set(&err, "%s: its files keep changing while they are read", config_path);
    (void)problems_add(problems, &err);
    return NULL;
}

struct snapshot *snapshot_hold(struct snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    return snapshot;
}

void snapshot_release(struct snapshot *snapshot)
{
    /* whoever frees must see what the others did before they let go */
    if (!snapshot || atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1)
        return;
    capture_free(snapshot->capture);
    tls_context_free(snapshot->server_tls);
    tls_context_free(snapshot->client_tls);
    tls_context_free(snapshot->admin_tls);
    tls_context_free(snapshot->trace_tls);
    arena_release(&snapshot->arena);
    config_free(snapshot->config);
    free(snapshot);
}
