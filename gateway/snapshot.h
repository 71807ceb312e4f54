/*
 * What requests are judged by: configuration, policy, callers and TLS, read and checked completely
 * or not at all. Immutable once made; counted; shared by all workers and by requests under way.
 */
#pragma once

#include <stdatomic.h>

#include "audit/capture.h"
#include "audit/digest.h"
#include "certificates.h"
#include "config.h"
#include "identity/callers.h"
#include "net/tickets.h"
#include "policy_files.h"

struct snapshot {
    atomic_uint references;
    struct config *config;
    struct arena arena; /* of policy and callers */
    const struct policy_set *policy;
    const struct policy_set *candidate;   /* tried beside it, without effect; may be NULL */
    const struct policy_team *team;       /* the one team; NULL when there are callers */
    const struct callers *callers;        /* NULL when there is one team */
    char callers_digest[DIGEST_HEX_SIZE]; /* SHA-256 of their file, in hex; empty without them */
    struct capture *capture;              /* whom bodies are sealed to; NULL: none are kept */
    struct ssl_ctx_st *server_tls;
    struct ssl_ctx_st *client_tls;
    struct ssl_ctx_st *admin_tls; /* NULL: plain HTTP */
    struct certificate_list certificates;
    struct ssl_ctx_st *trace_tls; /* towards the collector of traces; NULL: without TLS, or none */
    struct policy_files *policy_files, *candidate_files; /* what the policies were read from */
    uint64_t stamp; /* of the files that the configuration names; see watch.h */
};

/*
 * Reads everything the configuration names, from one generation of files: what changes meanwhile is
 * read again. NULL with all that is wrong, and where. `tickets` must outlive the snapshot.
 */
MUST_USE struct snapshot *snapshot_load(const char *config_path, struct tickets *tickets,
                                        struct problems *problems);

/* What its files look like now: its `stamp` as long as none of them has changed. */
uint64_t snapshot_stamp_now(const struct snapshot *snapshot);

/* Any thread. The last one to let go frees. snapshot_release accepts NULL. */
struct snapshot *snapshot_hold(struct snapshot *snapshot);
void snapshot_release(struct snapshot *snapshot);
