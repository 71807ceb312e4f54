/*
 * The keys that session tickets are sealed with (RFC 5077 4), shared by all workers and kept over
 * reloads, so that sessions survive them. A new key is drawn every rotation; tickets of the two
 * before it still open. Any thread.
 */
#pragma once

#include <stdint.h>

#include "base/compiler.h"

struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;
struct tickets;

/* NULL when memory or randomness ran out. */
MUST_USE struct tickets *tickets_new(void);

/* How long a key is the newest; LIMIT_TICKET_ROTATION_MS until set. */
void tickets_set_rotation(struct tickets *tickets, int64_t rotate_ms);

/* Every context that uses them must be gone. Accepts NULL. */
void tickets_free(struct tickets *tickets);

/* What SSL_CTX_set_tlsext_ticket_key_evp_cb asks for. */
int tickets_callback(struct tickets *tickets, unsigned char *name, unsigned char *iv,
                     struct evp_cipher_ctx_st *cipher, struct evp_mac_ctx_st *mac, int sealing);
