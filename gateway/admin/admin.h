/*
 * The admin listener: probes and metrics, on a thread and a port of its own, so that they answer
 * however busy the workers are. Optionally with TLS and certificates of its clients.
 *
 *     GET /livez     200 while the process runs
 *     GET /readyz    200 while it serves requests, otherwise 503 and why; see checks.h
 *     GET /metrics   counters, gauges and histograms, in one of two formats; see metrics.h
 *     GET /status    what runs, for people; JSON
 *     GET /          the pages
 *
 * Nothing can be changed here, and nothing that it tells is secret. On a loopback address it
 * answers no request whose Host is a name other than localhost: it was meant for another server, or
 * a web page has talked a browser on this machine into asking (DNS rebinding).
 */
#pragma once

#include "admin/checks.h"
#include "telemetry/breakdown.h"

struct admin;
struct ssl_ctx_st;

struct admin_options {
    int listen_fd;          /* bound; the caller may close it when admin_start is back */
    struct ssl_ctx_st *tls; /* NULL: plain HTTP; a reference is taken */

    /* All are called on the admin thread. */
    void (*look)(void *arg, struct readiness *ret);
    void (*write_metrics)(void *arg, const struct breakdown *admin, bool openmetrics,
                          struct buf *out);
    void (*write_status)(void *arg, struct buf *out);
    void *arg;
};

/* Starts the thread. NULL with `err`. */
MUST_USE struct admin *admin_start(const struct admin_options *options, struct error *err);

/*
 * From one other thread: new connections use `tls` (a reference is taken). Whether it is used at
 * all stays as it was at the start. Both arguments may be NULL.
 */
void admin_set_tls(struct admin *admin, struct ssl_ctx_st *tls);

/* Closes its connections and ends the thread. Accepts NULL. */
void admin_stop(struct admin *admin);
