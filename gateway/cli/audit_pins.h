/*
 * The public keys that a verifier brings along: the options of the verbs that check signatures.
 *
 *     --keys FILE   lines `ed25519 PUBLIC-KEY [FROM [UNTIL]]` (audit/pinned_keys.h)
 *     --key FILE    one public key, in PEM
 */
#pragma once

#include "audit/pinned_keys.h"
#include "base/arena.h"
#include "cli/arguments.h"

struct audit_pins {
    const char *keys_path, *key_path; /* filled by arguments_read */
    struct pinned_keys keys;          /* filled by audit_pins_read; its memory is the arena's */
};

#define AUDIT_PINS_OPTIONS(pins)                                                                   \
    {.name = "keys", .value = "FILE", .text = &(pins)->keys_path},                                 \
    {                                                                                              \
        .name = "key", .value = "FILE", .text = &(pins)->key_path                                  \
    }

#define AUDIT_PINS_HELP                                                                            \
    "      --keys FILE       believe these keys only: lines `ed25519 KEY [FROM [UNTIL]]`, as\n"    \
    "                        `audit key show` prints them\n"                                       \
    "      --key FILE        the same for one public key, in PEM\n"

/* Reads what was named. False, with the sentence on stderr; keys.count is 0 when nothing was. */
MUST_USE bool audit_pins_read(struct audit_pins *pins, struct arena *arena, const char *verb);
