/*
 * Session tickets' keys. A ticket is sealed with AES-256-CBC and HMAC-SHA-256, as RFC 5077 4
 * recommends; keys are looked at under a lock, once per handshake.
 */
#include "net/tickets.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/limits.h"

#define NAME_BYTES 16
#define KEPT_KEYS 3 /* today's, and the two that older tickets were sealed with */

struct ticket_key {
    unsigned char name[NAME_BYTES];
    unsigned char cipher_key[32];
    unsigned char mac_key[32];
};

struct tickets {
    pthread_mutex_t lock; /* guards what follows */
    int64_t rotate_us;
    int64_t drawn_us; /* when keys[0] was */
    size_t count;
    struct ticket_key keys[KEPT_KEYS]; /* the newest first */
};

static bool draw_key(struct tickets *tickets)
{
    struct ticket_key key;
    if (RAND_bytes((unsigned char *)&key, sizeof(key)) != 1)
        return false;
    memmove(tickets->keys + 1, tickets->keys, (KEPT_KEYS - 1) * sizeof(key));
    tickets->keys[0] = key;
    OPENSSL_cleanse(&key, sizeof(key));
    tickets->drawn_us = clock_mono_us();
    if (tickets->count < KEPT_KEYS)
        tickets->count++;
    return true;
}

struct tickets *tickets_new(void)
{
    struct tickets *tickets = calloc(1, sizeof(*tickets));
    if (!tickets)
        return NULL;
    pthread_mutex_init(&tickets->lock, NULL);
    tickets->rotate_us = LIMIT_TICKET_ROTATION_MS * 1000LL;
    /* the first call into libcrypto: OpenSSL 3.0 that had no memory to set itself up says so here,
     * where most other calls would crash */
    if (OSSL_LIB_CTX_get0_global_default() && draw_key(tickets))
        return tickets;
    tickets_free(tickets);
    return NULL;
}

void tickets_free(struct tickets *tickets)
{
    if (!tickets)
        return;
    pthread_mutex_destroy(&tickets->lock);
    OPENSSL_cleanse(tickets->keys, sizeof(tickets->keys));
    free(tickets);
}

void tickets_set_rotation(struct tickets *tickets, int64_t rotate_ms)
{
    pthread_mutex_lock(&tickets->lock);
    tickets->rotate_us = rotate_ms * 1000;
    pthread_mutex_unlock(&tickets->lock);
}

/* A rotation that fails keeps the old key: tickets are a convenience, randomness is tried again. */
static void rotate_if_due(struct tickets *tickets)
{
    int64_t periods = (clock_mono_us() - tickets->drawn_us) / tickets->rotate_us;
    for (int64_t i = 0; i < periods && i < KEPT_KEYS; i++) {
        if (!draw_key(tickets))
            return;
    }
}

static struct ticket_key newest_key(struct tickets *tickets)
{
    pthread_mutex_lock(&tickets->lock);
    rotate_if_due(tickets);
    struct ticket_key key = tickets->keys[0];
    pthread_mutex_unlock(&tickets->lock);
    return key;
}

static bool key_named(struct tickets *tickets, const unsigned char *name, struct ticket_key *ret,
                      bool *is_newest)
{
    bool found = false;
    pthread_mutex_lock(&tickets->lock);
    rotate_if_due(tickets);
    for (size_t i = 0; i < tickets->count && !found; i++) {
        found = memcmp(tickets->keys[i].name, name, NAME_BYTES) == 0;
        if (found) {
            *ret = tickets->keys[i];
            *is_newest = i == 0;
        }
    }
    pthread_mutex_unlock(&tickets->lock);
    return found;
}

static bool set_mac_key(EVP_MAC_CTX *mac, struct ticket_key *key)
{
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac_key, sizeof(key->mac_key)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* The answers are OpenSSL's: <0 failure, 0 unknown key, 1 fine, 2 fine but due for a new ticket. */
static int seal(struct tickets *tickets, unsigned char *name, unsigned char *iv,
                EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct ticket_key key = newest_key(tickets);
    memcpy(name, key.name, NAME_BYTES);
    bool fine = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
                EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), key.cipher_key, iv, NULL) == 1 &&
                set_mac_key(mac, &key);
    OPENSSL_cleanse(&key, sizeof(key));
    return fine ? 1 : -1;
}

static int open_ticket(struct tickets *tickets, const unsigned char *name, const unsigned char *iv,
                       EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct ticket_key key;
    bool is_newest;
    if (!key_named(tickets, name, &key, &is_newest))
        return 0;
    bool fine = EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), key.cipher_key, iv, NULL) == 1 &&
                set_mac_key(mac, &key);
    OPENSSL_cleanse(&key, sizeof(key));
    return !fine ? -1 : is_newest ? 1 : 2;
}

int tickets_callback(struct tickets *tickets, unsigned char *name, unsigned char *iv,
                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
    return sealing ? seal(tickets, name, iv, cipher, mac)
                   : open_ticket(tickets, name, iv, cipher, mac);
}
