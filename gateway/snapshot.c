#include "snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "net/tls.h"
#include "watch.h"

#define LIMIT_LOAD_TRIES 5
#define LIMIT_POLICY_FILES 256
#define LIMIT_POLICY_ARENA_BYTES (512UL * 1024 * 1024)

struct sources {
    struct policy_source items[LIMIT_POLICY_FILES];
    size_t count;
    struct arena *arena;
    const struct config_place *place; /* of the setting that named them */
    struct error *err;
};

static bool add_file(struct sources *sources, const char *path)
{
    struct error why;
    struct str text, name = arena_copy(sources->arena, str_from(path));
    if (sources->count == LIMIT_POLICY_FILES)
        return config_error(sources->place, sources->err, "there are more than %d policy files",
                            LIMIT_POLICY_FILES);
    if (!name.data || !config_read_file(path, LIMIT_YAML_BYTES, sources->arena, &text, &why))
        return config_error(sources->place, sources->err, "%s", name.data ? why.text : path);
    sources->items[sources->count++] = (struct policy_source){name.data, text};
    return true;
}

static int is_policy_file(const struct dirent *entry)
{
    struct str name = str_from(entry->d_name);
    return name.data[0] != '.' && (str_ends(name, STR(".yaml")) || str_ends(name, STR(".yml")));
}

/* In the order of their names, so that a policy is the same wherever it is read. */
static bool add_directory(struct sources *sources, const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_policy_file, alphasort);
    if (count < 0)
        return config_error(sources->place, sources->err, "cannot read the directory '%s': %s",
                            path, strerrordesc_np(errno));
    bool fine = true;
    for (int i = 0; i < count; i++) {
        char file[4096];
        int used = snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        fine = fine && used > 0 && (size_t)used < sizeof(file) && add_file(sources, file);
        free(entries[i]);
    }
    free(entries);
    if (fine && count == 0)
        return config_error(sources->place, sources->err,
                            "the directory '%s' holds no .yaml file, so there is no policy", path);
    return fine;
}

static bool add_sources(struct sources *sources, const struct config_text *setting)
{
    struct stat info;
    const char *path = setting->value.data;
    sources->place = &setting->place;
    if (stat(path, &info) != 0)
        return config_error(sources->place, sources->err, "cannot find '%s': %s", path,
                            strerrordesc_np(errno));
    return S_ISDIR(info.st_mode) ? add_directory(sources, path) : add_file(sources, path);
}

/* Over every file's name and content, in order: what the author sees is what is digested. */
static bool digest_sources(const struct sources *sources, char out[DIGEST_HEX_SIZE])
{
    struct buf all;
    buf_init(&all, LIMIT_POLICY_FILES * (DIGEST_HEX_SIZE + 1));
    bool fine = true;
    for (size_t i = 0; i < sources->count; i++) {
        char one[DIGEST_HEX_SIZE];
        fine = fine && digest_hex(sources->items[i].text, one);
        buf_format(&all, "%s\n", one);
    }
    fine = fine && !all.failed && digest_hex(buf_str(&all), out);
    buf_release(&all);
    return fine;
}

static bool load_policy(struct snapshot *snapshot, struct error *err)
{
    const struct config *config = snapshot->config;
    struct sources *sources = arena_zalloc(&snapshot->arena, 1, sizeof(*sources));
    struct policy_set *set;
    if (!sources)
        return error_set(err, "out of memory while reading the policy");
    sources->arena = &snapshot->arena;
    sources->err = err;
    for (size_t i = 0; i < config->policy_count; i++) {
        if (!add_sources(sources, &config->policies[i]))
            return false;
    }
    set = policy_compile(sources->items, sources->count, &snapshot->arena, err);
    if (!set)
        return false;
    if (!digest_sources(sources, set->digest))
        return error_set(err, "cannot compute the policy's digest");
    snapshot->policy = set;
    if (!config->team.value.len)
        return true;
    snapshot->team = policy_team(set, config->team.value);
    if (!snapshot->team)
        return config_error(&config->team.place, err,
                            "the policy knows no team '%.*s'; add it under 'teams', even if "
                            "without rules of its own",
                            STR_ARGS(config->team.value));
    return true;
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

static struct snapshot *load_once(const char *config_path, struct tickets *tickets,
                                  struct error *err)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (!snapshot) {
        error_set(err, "out of memory");
        return NULL;
    }
    atomic_init(&snapshot->references, 1);
    arena_init(&snapshot->arena, LIMIT_POLICY_ARENA_BYTES);
    snapshot->config = config_load(config_path, err);
    if (snapshot->config)
        snapshot->stamp = watch_stamp(snapshot->config);
    if (snapshot->config && load_server_tls(snapshot, tickets, err) &&
        load_client_tls(snapshot, err) && load_policy(snapshot, err) && load_callers(snapshot, err))
        return snapshot;
    snapshot_release(snapshot);
    return NULL;
}

struct snapshot *snapshot_load(const char *config_path, struct tickets *tickets, struct error *err)
{
    for (int tries = 0; tries < LIMIT_LOAD_TRIES; tries++) {
        uint64_t before = watch_stamp_of(config_path);
        struct snapshot *snapshot = load_once(config_path, tickets, err);
        if (!snapshot)
            return NULL;
        if (watch_stamp_of(config_path) == before &&
            watch_stamp(snapshot->config) == snapshot->stamp)
            return snapshot;
        snapshot_release(snapshot);
    }
    error_set(err, "%s: its files keep changing while they are read", config_path);
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
    tls_context_free(snapshot->server_tls);
    tls_context_free(snapshot->client_tls);
    arena_release(&snapshot->arena);
    config_free(snapshot->config);
    free(snapshot);
}
