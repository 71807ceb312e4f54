/*
 * What requests are judged by: configuration, policy and TLS, read and checked completely or not
 * at all. Immutable once made; shared by all workers.
 */
#pragma once

#include "config.h"
#include "policy/policy.h"

struct snapshot {
    struct config *config;
    struct arena policy_arena;
    const struct policy_set *policy;
    const struct policy_layer *team; /* the configured team's */
    struct ssl_ctx_st *server_tls;
    struct ssl_ctx_st *client_tls;
};

/* Reads everything the configuration names. NULL with `err`, which says where and why. */
MUST_USE struct snapshot *snapshot_load(const char *config_path, struct error *err);

/* Accepts NULL. */
void snapshot_free(struct snapshot *snapshot);
